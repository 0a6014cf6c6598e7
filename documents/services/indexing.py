"""A document's passages: written and indexed a few hundred at a time, so that no transaction is long."""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction

from documents.conf import ROWS_PER_TRANSACTION
from documents.models import Document, Passage
from documents.passages import Span
from documents.search import Entry, get_backend


def write_passages(document: Document, spans: Sequence[Span]) -> None:
    """Replaces the document's passages and their index entries."""
    with transaction.atomic():
        get_backend().remove(document.pk)
        Passage.objects.filter(document=document).delete()
    for part in _parts(spans):
        passages = [
            Passage(document=document, ordinal=span.ordinal, start=span.start, end=span.end, text=span.text)
            for span in part
        ]
        with transaction.atomic():
            Passage.objects.bulk_create(passages)
            get_backend().index(_entries(document, passages))


def reindex(document: Document) -> None:
    """Writes the index entries anew, after the title or the collection has changed."""
    passages = Passage.objects.filter(document=document).order_by("ordinal")
    with transaction.atomic():
        get_backend().remove(document.pk)
        get_backend().index(_entries(document, passages))


def _parts(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    for start in range(0, len(spans), ROWS_PER_TRANSACTION):
        yield spans[start : start + ROWS_PER_TRANSACTION]


def _entries(document: Document, passages: Iterable[Passage]) -> Iterator[Entry]:
    for passage in passages:
        yield Entry(
            passage_id=passage.pk,
            document_id=document.pk,
            collection_id=document.collection_id,
            project_id=document.project_id,
            title=document.title,
            text=passage.text,
        )
