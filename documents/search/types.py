"""The interface of a search backend and the values that cross it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index has to know about one passage."""

    passage_id: UUID
    document_id: UUID
    collection_id: UUID | None
    project_id: UUID
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: a project, or within it the named documents together with the collection's."""

    project_id: UUID
    document_ids: tuple[UUID, ...] | None = None
    collection_id: UUID | None = None

    @property
    def is_empty(self) -> bool:
        return self.document_ids == () and self.collection_id is None

    def labels(self) -> list[str]:
        """The index labels of which a passage must carry at least one, beside the project's."""
        labels = [document_label(document_id) for document_id in dict.fromkeys(self.document_ids or ())]
        return labels + ([collection_label(self.collection_id)] if self.collection_id else [])


class Scored(NamedTuple):
    passage_id: UUID
    score: float


class SearchBackend(Protocol):
    """Any text is a safe query: it is taken as words, of which one must occur; more and rarer ones rank higher."""

    def index(self, entries: Iterable[Entry]) -> None:
        """Adds passages that exist as rows and are not in the index."""

    def remove(self, document_id: UUID) -> None:
        """Takes a document's passages out of the index; the rows stay."""

    def search(self, scope: Scope, query: str, limit: int) -> list[Scored]:
        """The best passages by BM25 (title and text), best first; ties in order of passage id."""


def project_label(project_id: UUID) -> str:
    return f"p{project_id.hex}0"


def collection_label(collection_id: UUID) -> str:
    return f"c{collection_id.hex}0"


def document_label(document_id: UUID) -> str:
    """A label ends in a digit, which no stemmer changes."""
    return f"d{document_id.hex}0"


def entry_labels(entry: Entry) -> list[str]:
    labels = [project_label(entry.project_id), document_label(entry.document_id)]
    return labels + ([collection_label(entry.collection_id)] if entry.collection_id else [])
