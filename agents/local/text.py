"""Words, stems and sentences with character offsets: the floor of every local engine."""

import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import sentencex
import Stemmer

_STOPWORDS = """a an the of in on at by for to from with and or but nor so is are was were be been being am do does did
    doing done has have had having it its itself this that these those which who whom whose what when where why
    how as than then there their theirs them they he she his her hers him himself herself themselves i me my we
    us our ours you your yours not no if into onto about also can could will would shall should may might must
    up out over under again once own same such just only very more most some any each both all other another
    between through during before after while because until too s t re ve ll d m"""
STOPWORDS = frozenset(_STOPWORDS.split())

_WORD = re.compile(r"\w+(?:[.,]\d+)*", re.UNICODE)
_HAS_LETTER_OR_DIGIT = re.compile(r"\w")
_PER_THREAD = threading.local()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: `text == source[start:end]`."""

    start: int
    end: int
    text: str


def fold(text: str) -> str:
    """Lower case without accents; the length may differ from the input."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The folded words in order; decimal numbers stay whole (`0.05`, `35,124`)."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The Snowball (English) stem of one folded word."""
    stemmer = getattr(_PER_THREAD, "stemmer", None)
    if stemmer is None:  # a Stemmer must not be shared between threads
        stemmer = _PER_THREAD.stemmer = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))


def stems(text: str) -> list[str]:
    """Stems of the content words in order, stop words left out."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


@lru_cache(maxsize=4096)
def stem_set(text: str) -> frozenset[str]:
    """The distinct content stems of a text."""
    return frozenset(stems(text))


def phrase(text: str) -> str:
    """The folded words with a space on both sides, so that `phrase(a) in phrase(b)` asks for whole words."""
    return f" {' '.join(words(text))} "


def sentences(text: str) -> list[Span]:
    """The sentences of a text, trimmed, with offsets into it (sentencex, Wikimedia's rules)."""
    found: list[Span] = []
    for boundary in sentencex.get_sentence_boundaries("en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        piece = piece.strip()
        if _HAS_LETTER_OR_DIGIT.search(piece):
            found.append(Span(start, start + len(piece), piece))
    return found


def shorten(text: str, limit: int) -> str:
    """The text, cut at a word with an ellipsis when longer than `limit` characters."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(",;: ") + "…"


def unique(values: Iterable[str]) -> list[str]:
    """The values in first-seen order, each once, empty ones left out."""
    return [value for value in dict.fromkeys(values) if value]
