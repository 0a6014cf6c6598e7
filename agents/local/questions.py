"""What kind of goal a person wrote, and which things it sets side by side. Patterns, no model."""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from agents.local import patterns
from agents.local.names import names, new_names
from agents.local.text import stem, stem_set, stems, unique, words


class GoalKind(StrEnum):
    """The kinds of goal that get different plans."""

    COMPARISON = "comparison"
    BRIDGE = "bridge"
    LIST = "list"
    SUMMARY = "summary"
    CHECK = "check"
    PLAIN = "plain"


class AnswerKind(StrEnum):
    """What an answer must contain to be one."""

    DATE = "date"
    NUMBER = "number"
    NAME = "name"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal understood: its kind, why, and the things compared, listed or checked."""

    text: str
    kind: GoalKind
    reason: str
    parts: tuple[str, ...] = ()


_HOPS_NEEDED = 2
_LONGEST_THING = 10
_LONGEST_GOAL = 2000


def understand(text: str) -> Goal:
    """The kind of a goal. The first that fits wins: check, comparison, summary, list, bridge, plain."""
    text = " ".join(text.split())[:_LONGEST_GOAL]
    if match := patterns.CHECK.match(text):
        claim = text[match.end() :].strip(' ?"“”') or text
        return Goal(text, GoalKind.CHECK, "asks whether a statement holds", (claim,))
    if pair := compared(text):
        return Goal(text, GoalKind.COMPARISON, f"sets {' and '.join(f'“{part}”' for part in pair)} side by side", pair)
    if patterns.SUMMARY.search(text):
        return Goal(text, GoalKind.SUMMARY, "asks for a summary", ())
    if patterns.LIST.search(text):
        return Goal(text, GoalKind.LIST, "asks for several things", aspects(text))
    hops = hop_count(text)
    if hops >= _HOPS_NEEDED:
        return Goal(text, GoalKind.BRIDGE, f"leads through another fact ({hops} links)", ())
    return Goal(text, GoalKind.PLAIN, "asks for one fact or topic", ())


def compared(text: str) -> tuple[str, ...]:
    """The two (or more) things a goal compares, or none."""
    for pattern in patterns.EXPLICIT:
        if (match := pattern.search(text)) and (pair := _clean_pair(*match.groups())):
            return pair
    if (patterns.DEGREE_WORD.search(text) or _asks_to_choose(text)) and (match := patterns.CHOICE_AT_END.search(text)):
        return _clean_pair(*match.groups())
    if pair := _named_pair(text):
        return pair
    if patterns.DEGREE_WORD.search(text) and (match := patterns.CHOICE_INSIDE.search(text)):
        return _clean_pair(_after_degree(match.group(1)), match.group(2))
    return ()


def _asks_to_choose(text: str) -> bool:
    return bool(re.match(r"\s*(?:who|which|what|between|of|out of|in which|from)\b", text, re.I)) and " or " in text


def _named_pair(text: str) -> tuple[str, ...]:
    """Two names joined by and/or in a yes/no question, or in one that asks for a common property or a degree."""
    asks = (
        patterns.BOTH.search(text) or patterns.DEGREE_WORD.search(text) or patterns.YES_NO.match(text) or " or " in text
    )
    if not asks:
        return ()
    found = names(text)
    for first, second in pairwise(found):
        joined = re.search(rf"{re.escape(first)}[\"”']?,?\s+(?:and|or)\s+(?:the\s+)?[\"“']?{re.escape(second)}", text)
        if joined:
            return (first, second)
    return _split_joined(found) if patterns.BOTH.search(text) or patterns.YES_NO.match(text) else ()


def _split_joined(found: list[str]) -> tuple[str, ...]:
    """`Ed Wood and Scott Derrickson`, taken as one name, is two; each half must look like a full name."""
    for name in found:
        halves = re.split(r"\s+and\s+(?:the\s+)?", name)
        if len(halves) == 2 and all(half[:1].isupper() or half[:1].isdigit() for half in halves):
            return (halves[0], halves[1])
    return ()


def _clean_pair(first: str, second: str) -> tuple[str, ...]:
    pair = tuple(unique(part.strip(" \"'“”.,") for part in (first, second)))
    fits = all(
        stems(part) and not patterns.NOT_A_THING.match(part) and len(part.split()) <= _LONGEST_THING for part in pair
    )
    return pair if len(pair) == 2 and fits else ()


def _after_degree(text: str) -> str:
    """The part of a first alternative that follows its degree word: `Are there more matte cubes` -> `matte cubes`."""
    matches = list(patterns.DEGREE_WORD.finditer(text))
    rest = text[matches[-1].end() :].strip() if matches else text
    return rest or text


def hop_count(text: str) -> int:
    """How many links a question follows: relative clauses, participles, possessives, definite descriptions."""
    body = re.sub(r"^\s*(?:\w+\s+)?(?:what|which|who|whom|whose|when|where|how)\b", "", text, flags=re.I)
    return len(patterns.HOP.findall(body))


def aspects(text: str) -> tuple[str, ...]:
    """What a list question asks for, one search each: the parts joined by commas and `and`, or none."""
    body = re.sub(
        r"^.*?\b(?:list|name|identify|find|what|which|are|were|of|all|the|enumerate|give)\b", "", text, flags=re.I
    )
    parts = [part.strip(" ?.") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+|;", body)]
    parts = [re.sub(r"^(?:(?:the|all|of|every|a|an)\s+)+", "", part, flags=re.I) for part in parts if stems(part)]
    return tuple(parts[:6]) if len(parts) > 1 else ()


_HINTS = """taller,tall,tallest,higher,highest,high: high height tall metre feet storey
    older,oldest,old: born founded established built opened
    younger,youngest: born
    earlier,earliest: born founded established built opened
    larger,largest,bigger,biggest,large,big: area population size hectare
    longer,longest,long: length long metre kilometre mile
    heavier,heaviest,heavy: weigh weight kilogram tonne
    cheaper,cheapest,expensive: cost price"""
HINTS = {
    stem(word): frozenset(map(stem, hints.split()))
    for line in _HINTS.splitlines()
    for degrees, hints in [line.strip().split(":")]
    for word in degrees.split(",")
}
"""What a text says instead of a degree word: nobody writes “taller”, they write “31 metres high”."""


def expected_answer(question: str) -> AnswerKind:
    """What the answer should contain."""
    lower = question.lower()
    if re.search(
        r"\b(?:what|which) (?:year|date|day|month|decade|century)|\bwhen\b|birth ?date|\byears?\b.*\?$", lower
    ):
        return AnswerKind.DATE
    if re.search(
        r"\bhow (?:many|much|long|old|far|large|tall|big|high|often)\b|\bnumber of\b|percentage|population", lower
    ):
        return AnswerKind.NUMBER
    if re.search(
        r"\bwho(?:m|se)?\b|\bwhere\b|\bwhich\b|\bwhat (?:city|town|state|country|county|band|company)\b", lower
    ):
        return AnswerKind.NAME
    return AnswerKind.OTHER


_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_COUNT = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million)\b", re.I)


def offers(kind: AnswerKind, sentence: str, question_words: frozenset[str]) -> bool:
    """Whether a sentence contains something of the expected kind that the question does not already say."""
    if kind is AnswerKind.DATE:
        return bool(_YEAR.search(sentence))
    if kind is AnswerKind.NUMBER:
        return bool(_COUNT.search(sentence))
    if kind is AnswerKind.NAME:
        return bool(new_names(sentence, question_words))
    return True


_ABOUT_ASKING = stem_set(
    """summarize summarise summary discussion discuss discussed meeting think thought say said opinion group team whole
    talk talked mention conclusion document documents text overview main points key"""
)


def subject_stems(question: str) -> frozenset[str]:
    """Content stems of a goal without the words that only say what to do with them."""
    every = stem_set(question)
    return every - _ABOUT_ASKING


def without(question: str, other: str) -> str:
    """The question with one of its compared things taken out, as a query about the rest."""
    gone = set(words(other))
    return " ".join(word for word in words(question) if word not in gone)
