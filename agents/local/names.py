"""Names (people, places, works) found by their capitals or quotation marks; no model, no gazetteer."""

import re

from agents.local.text import STOPWORDS, phrase, unique, words

_UPPER = r"[^\W_a-zß-öø-ÿ]"
_PART = (
    rf"(?:(?:{_UPPER}\.)+|(?:St|Dr|Mr|Mrs|Ms|Jr|Sr|Mt|vs?)\.|{_UPPER}[\w'’&-]*)"  # a full stop otherwise ends a name
)
_LINK = r"(?:of|the|de|la|le|du|and|for|in|on|to|a|von|van|der|da|&)"
_NAME = re.compile(rf"{_PART}(?:\s+(?:{_LINK}\s+){{0,2}}{_PART})*", re.UNICODE)
_QUOTED = re.compile(r"[\"“]([^\"”]{2,80})[\"”]")
_SUFFIX = re.compile(r"\s*\([^()]*\)\s*$")
_SHORTEST_PHRASE = 4  # spaces included: " it " tells nothing
_LEADING_WORDS = """are is was were do does did which what who when where how between both has have can"""
_LEADING = frozenset(_LEADING_WORDS.split())


def names(text: str) -> list[str]:
    """Names in order of appearance, each once: quoted titles first, then runs of capitalised words."""
    found = [match.group(1).strip(" ,.") for match in _QUOTED.finditer(text)]
    found.extend(_trim(match.group(0)) for match in _NAME.finditer(text))
    return unique(name for name in found if len(name) > 2 and not name.isdigit())


def _trim(name: str) -> str:
    """A run of capitalised words without the leading question or stop words a sentence start adds."""
    parts = name.strip(".'’- ").split()
    while parts and (_is_leading(parts[0]) or (parts[0].isdigit() and len(parts) > 1 and _is_leading(parts[1]))):
        parts = parts[1:]
    return " ".join(parts)


def _is_leading(word: str) -> bool:
    return word.lower() in STOPWORDS or word.lower() in _LEADING


def core_title(title: str) -> str:
    """A title without a disambiguation in brackets: `Ed Wood (film)` -> `Ed Wood`."""
    return _SUFFIX.sub("", title).strip() or title


def is_telling(title_phrase: str) -> bool:
    """Whether a phrase is specific enough to be looked for inside other texts."""
    return len(title_phrase) > _SHORTEST_PHRASE and title_phrase.strip() not in STOPWORDS


def mentions(text_phrase: str, title: str) -> bool:
    """Whether `phrase(text)` contains the title (without its brackets) as whole words."""
    wanted = phrase(core_title(title))
    return is_telling(wanted) and wanted in text_phrase


def new_names(text: str, known: frozenset[str]) -> list[str]:
    """Names of a text that add at least one word to the known words."""
    return [name for name in names(text) if not set(words(name)) <= known]
