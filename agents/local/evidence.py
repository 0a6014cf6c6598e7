"""Sentences of passages with their place in the document: what answers and verdicts cite."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.local.text import Span, sentences
from documents.types import PassageHit

Citation = dict[str, Any]

_TURN = re.compile(r"^[ \t]*(?P<speaker>[A-Z][\w.'’-]*(?: [\w.'’-]+){0,3}):[ \t]+", re.MULTILINE)
_TURNS_OF_A_TRANSCRIPT = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a passage; `start` and `end` are offsets into the *document's* text."""

    text: str
    start: int
    end: int
    passage_id: str
    document_id: str
    title: str
    position: int
    passage_score: float
    speaker: str = ""

    def citation(self) -> Citation:
        """The JSON shape of a cited span: `document.text[start:end] == quote`."""
        return {
            "document_id": self.document_id,
            "title": self.title,
            "passage_id": self.passage_id,
            "start": self.start,
            "end": self.end,
            "quote": self.text,
        }


def sentences_of(hit: PassageHit) -> list[Sentence]:
    """The sentences of one passage in order; in a transcript each knows its speaker, whose label is not part of it."""
    found: list[Sentence] = []
    for speaker, start, end in _turns(hit.text):
        for span in sentences(hit.text[start:end]):
            shifted = Span(span.start + start, span.end + start, span.text)
            found.append(_sentence(hit, shifted, len(found), speaker))
    return found


def _turns(text: str) -> list[tuple[str, int, int]]:
    """(speaker, start, end) of each turn of a transcript; ordinary text is one turn without a speaker."""
    labels = list(_TURN.finditer(text))
    if len(labels) < _TURNS_OF_A_TRANSCRIPT:
        return [("", 0, len(text))]
    turns = [("", 0, labels[0].start())]
    ends = [label.start() for label in labels[1:]] + [len(text)]
    turns += [(label["speaker"], label.end(), end) for label, end in zip(labels, ends, strict=True)]
    return turns


def all_sentences(hits: Iterable[PassageHit]) -> list[Sentence]:
    """The sentences of many passages; one that lies in two overlapping passages is listed once."""
    seen: set[tuple[str, int, int]] = set()
    found: list[Sentence] = []
    for hit in hits:
        for sentence in sentences_of(hit):
            place = (sentence.document_id, sentence.start, sentence.end)
            if place not in seen:
                seen.add(place)
                found.append(sentence)
    return found


def _sentence(hit: PassageHit, span: Span, position: int, speaker: str) -> Sentence:
    return Sentence(
        text=span.text,
        start=hit.start + span.start,
        end=hit.start + span.end,
        passage_id=hit.passage_id,
        document_id=hit.document_id,
        title=hit.title,
        position=position,
        passage_score=hit.score,
        speaker=speaker,
    )


def passage_json(hit: PassageHit, *, score: float, why: str) -> dict[str, Any]:
    """A whole passage as a research result lists it; `quote` is its full text."""
    return {
        "passage_id": hit.passage_id,
        "document_id": hit.document_id,
        "title": hit.title,
        "start": hit.start,
        "end": hit.end,
        "quote": hit.text,
        "score": round(score, 4),
        "why": why,
    }


def hit_from_json(entry: Mapping[str, Any]) -> PassageHit | None:
    """A passage read back from another agent's output, or None when it is not one."""
    try:
        quote, start = str(entry["quote"]), int(entry["start"])
        return PassageHit(
            passage_id=str(entry["passage_id"]),
            document_id=str(entry["document_id"]),
            title=str(entry.get("title") or ""),
            ordinal=int(entry.get("ordinal") or 0),
            start=start,
            end=start + len(quote),
            text=quote,
            score=float(entry.get("score") or 0.0),
        )
    except (KeyError, TypeError, ValueError):
        return None
