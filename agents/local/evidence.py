"""Sentences of passages with their place in the document: what answers and verdicts cite."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.local.layout import Spoken, statements
from documents.types import PassageHit

Citation = dict[str, Any]


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
    """The sentences of one passage in order, headings left out; in a transcript each knows its speaker."""
    return [_sentence(hit, spoken, position) for position, spoken in enumerate(statements(hit.text))]


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


def _sentence(hit: PassageHit, spoken: Spoken, position: int) -> Sentence:
    return Sentence(
        text=spoken.span.text,
        start=hit.start + spoken.span.start,
        end=hit.start + spoken.span.end,
        passage_id=hit.passage_id,
        document_id=hit.document_id,
        title=hit.title,
        position=position,
        passage_score=hit.score,
        speaker=spoken.speaker,
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
