"""Values that leave this app: what a search hands to agents, pages and the API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassageHit:
    """One passage of one document, with its place in the document's text.

    `start` and `end` are character offsets: `document.text[start:end] == text`.
    `score` is BM25 (higher is better, within one answer); 0.0 when the passage was listed, not searched.
    """

    passage_id: str
    document_id: str
    title: str
    ordinal: int
    start: int
    end: int
    text: str
    score: float
