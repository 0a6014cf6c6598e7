"""One extractive answer from many passages: the sentences that say most of what was asked, each with its sources."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.local.evidence import Sentence, all_sentences
from agents.local.names import core_title, is_telling, mentions, names
from agents.local.questions import HINTS, AnswerKind, expected_answer, offers
from agents.local.text import phrase, stem_set, words
from documents.types import PassageHit

NOTHING_FOUND = "The documents do not say anything about this."

# Weights of a sentence's score, chosen by hand on HotpotQA (gold answer inside the answer); each may be halved or
# doubled without losing more than 0.03.
TITLE_COUNTS = 0.5
PASSAGE_WEIGHT = 1.0
EXPECTED_WEIGHT = 0.2
FIRST_SENTENCE_WEIGHT = 0.15
REPEATS_PENALTY = 0.3
SAME_PASSAGE_PENALTY = 0.1
SAME_STATEMENT = 0.8
LEAST_SHARE_OF_BEST = 0.5
_NONE: frozenset[str] = frozenset()
LEAST_COVERED = 0.25  # on HotpotQA refuses 1 % of the answerable questions, 68 % of the others


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence of an answer and the spans it rests on."""

    text: str
    sources: tuple[Sentence, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The shape a session's result shows."""
        return {"text": self.text, "citations": [source.citation() for source in self.sources]}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; without sentences nothing was found, and the text says so."""

    sentences: tuple[AnswerSentence, ...] = ()
    nothing_found: str = NOTHING_FOUND

    @property
    def text(self) -> str:
        """The answer as one paragraph."""
        return " ".join(sentence.text for sentence in self.sentences) or self.nothing_found

    def to_json(self) -> dict[str, Any]:
        """`{"answer", "sentences": [{"text", "citations"}]}`."""
        return {"answer": self.text, "sentences": [sentence.to_json() for sentence in self.sentences]}


@dataclass(slots=True)
class _Candidates:
    """Scored sentences, and those chosen so far (indices in order of choice)."""

    items: list[Sentence]
    scores: list[float]
    coverage: list[float]
    chosen: list[int] = field(default_factory=list)

    def only(self, indices: Sequence[int]) -> "_Candidates":
        """Some of the sentences, none of them chosen yet."""
        kept = [(self.items[i], self.scores[i], self.coverage[i]) for i in indices]
        return _Candidates(
            [item for item, _, _ in kept], [score for _, score, _ in kept], [share for _, _, share in kept]
        )

    def value(self, index: int) -> float:
        """A sentence's score less what the chosen ones already say."""
        item = self.items[index]
        repeats = max((overlap(item.text, self.items[i].text) for i in self.chosen), default=0.0)
        same = sum(self.items[i].passage_id == item.passage_id for i in self.chosen)
        return self.scores[index] - REPEATS_PENALTY * repeats - SAME_PASSAGE_PENALTY * same

    def take_best(self, indices: Iterable[int], asked: frozenset[str] = _NONE) -> None:
        """Choose the best of these that is neither chosen nor said already; first by what it has of the stems asked."""
        least = LEAST_SHARE_OF_BEST * max(self.scores, default=0.0)
        free = [i for i in indices if i not in self.chosen and self.scores[i] >= least and not self.is_said(i)]
        if free:
            self.chosen.append(max(free, key=lambda i: (len(asked & stem_set(self.items[i].text)), self.value(i))))

    def is_said(self, index: int) -> bool:
        """Whether a chosen sentence says the same."""
        return any(share_said(self.items[index].text, self.items[i].text) >= SAME_STATEMENT for i in self.chosen)


def answer(question: str, hits: Sequence[PassageHit], *, max_sentences: int = 5, parts: Sequence[str] = ()) -> Answer:
    """At most `max_sentences` sentences; with `parts` (things compared) at least one about each, when there is one.

    Sentences keep reading order: the best text first, each text's sentences in their order.
    """
    if unmentioned := unmentioned_names(question, hits):
        return Answer((), f"The documents do not mention {' or '.join(unmentioned)}.")
    candidates = _candidates(question, hits)
    if max(candidates.coverage, default=0.0) < LEAST_COVERED:
        return Answer()
    if len(parts) > 1 and (own := _about_any(candidates.items, parts)):
        candidates = candidates.only(own)
    everything = range(len(candidates.items))
    compared = _asked_of_each(question, parts)
    for part in list(parts)[:max_sentences]:
        candidates.take_best((i for i in everything if is_about(candidates.items[i], part)), compared)
    while len(candidates.chosen) < min(max_sentences, len(everything)):
        before = len(candidates.chosen)
        candidates.take_best(everything)
        if len(candidates.chosen) == before:
            break
    return Answer(tuple(_with_sources(candidates, i) for i in _in_reading_order(candidates)))


def _in_reading_order(candidates: _Candidates) -> list[int]:
    """The chosen sentences text by text, the best text first, each in its own order."""
    first: dict[str, int] = {}
    for index in sorted(candidates.chosen):
        first.setdefault(candidates.items[index].title, index)
    place = {
        index: (first[candidates.items[index].title], candidates.items[index].start) for index in candidates.chosen
    }
    return sorted(candidates.chosen, key=lambda index: place[index])


def _about_any(items: Sequence[Sentence], things: Sequence[str]) -> list[int]:
    """Where the sentences stand whose own texts are on one of the things."""
    titles = {item.title for item in items if any(_names_title(item, thing) for thing in things)}
    return [index for index, item in enumerate(items) if item.title in titles]


def _names_title(sentence: Sentence, thing: str) -> bool:
    wanted, title = phrase(thing), phrase(core_title(sentence.title))
    return wanted in title or (is_telling(title) and title in wanted)


def unmentioned_names(question: str, hits: Sequence[PassageHit]) -> list[str]:
    """The names of a question when not one word of any of them is in the passages; else none."""
    asked = names(question)
    found = {word for hit in hits for word in stem_set(f"{hit.title} {hit.text}")}
    return asked if hits and not any(stem_set(name) & found for name in asked) else []


def _asked_of_each(question: str, parts: Sequence[str]) -> frozenset[str]:
    """What a comparison asks about each of its parts: the question's content stems that name none of them."""
    if len(parts) < 2:
        return _NONE
    return stem_set(question) - frozenset().union(*(stem_set(part) for part in parts))


def is_about(sentence: Sentence, thing: str) -> bool:
    """Whether a sentence's document or the sentence itself names a thing."""
    return mentions(phrase(sentence.text), thing) or _names_title(sentence, thing)


def overlap(one: str, other: str) -> float:
    """The share of the shorter text's content stems that the other one has."""
    left, right = stem_set(one), stem_set(other)
    return len(left & right) / max(1, min(len(left), len(right)))


def share_said(text: str, other: str) -> float:
    """The share of a text's content stems that another one has."""
    own = stem_set(text)
    return len(own & stem_set(other)) / max(1, len(own))


def plain_text(text: str) -> str:
    """A sentence on one line."""
    return " ".join(text.split())


def _candidates(question: str, hits: Sequence[PassageHit]) -> _Candidates:
    """The sentences of the passages, best passage first, each scored."""
    ranked = sorted(hits, key=lambda hit: hit.score, reverse=True)
    top = max((hit.score for hit in ranked), default=0.0) or 1.0
    items = all_sentences(replace(hit, score=hit.score / top) for hit in ranked)
    weights = _term_weights(question, ranked)
    kind, known = expected_answer(question), frozenset(words(question))
    coverage = [_coverage(item, weights) for item in items]
    scores = [share + _merit(item, kind, known) for share, item in zip(coverage, items, strict=True)]
    return _Candidates(items, scores, coverage)


def _term_weights(question: str, hits: Sequence[PassageHit]) -> dict[str, float]:
    """The question's content stems by how rare they are among the passages; they sum to 1."""
    asked = stem_set(question)
    seen: Counter[str] = Counter()
    for hit in hits:
        seen.update(asked & stem_set(f"{hit.title} {hit.text}"))
    raw = {value: math.log(1 + len(hits) / (seen[value] or 0.5)) for value in asked}
    total = sum(raw.values()) or 1.0
    return {value: weight / total for value, weight in raw.items()}


def _coverage(item: Sentence, weights: dict[str, float]) -> float:
    """How much of the question a sentence has; words only its title has count half."""
    own, title = stem_set(item.text), stem_set(item.title)
    return sum(
        weight * (1.0 if value in own or own & HINTS.get(value, _NONE) else TITLE_COUNTS if value in title else 0.0)
        for value, weight in weights.items()
    )


def _merit(item: Sentence, kind: AnswerKind, known: frozenset[str]) -> float:
    """What speaks for a sentence besides the words it shares."""
    return (
        PASSAGE_WEIGHT * item.passage_score
        + EXPECTED_WEIGHT * offers(kind, item.text, known)
        + FIRST_SENTENCE_WEIGHT * (item.position == 0)
    )


def _with_sources(candidates: _Candidates, index: int) -> AnswerSentence:
    """A chosen sentence with every other passage's sentence that says the same."""
    item = candidates.items[index]
    same = [
        other
        for other in candidates.items
        if other.document_id != item.document_id and share_said(item.text, other.text) >= SAME_STATEMENT
    ]
    return AnswerSentence(plain_text(item.text), (item, *same[:2]))


_ENTITY_LIMIT = 12


def key_terms(question: str, hits: Sequence[PassageHit], limit: int = _ENTITY_LIMIT) -> list[str]:
    """Names that occur in most of the passages and not in the question, most frequent first."""
    known = phrase(question)
    seen: Counter[str] = Counter()
    for hit in hits:
        seen.update(
            name for name in set(names(hit.text)) if phrase(name) not in known and not re.fullmatch(r"[\d\W]+", name)
        )
    return [name for name, _ in sorted(seen.items(), key=lambda entry: (-entry[1], entry[0]))[:limit]]
