"""Documents: renamed, moved, removed."""

from django.db import transaction

from documents.models import Collection, Document
from documents.services.indexing import reindex


def change_document(
    *, document: Document, actor: str, title: str | None = None, collection: Collection | bool | None = False
) -> Document:
    """Renames a document, or puts it into a collection of its project, or into none (`collection=None`)."""
    if title is not None:
        document.title = title
    if not isinstance(collection, bool):
        document.collection = collection
    with transaction.atomic():
        document.save(update_fields=["title", "collection", "updated_at"])
        reindex(document)
    return document


def delete_document(*, document: Document, actor: str) -> None:
    """Removes the document, its passages, its index entries and its file.

    Answers of past sessions keep what they quoted: a citation carries its quote, and only its link leads nowhere.
    """
    with transaction.atomic():
        document.delete()
