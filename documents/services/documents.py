"""Documents: renamed, moved, removed."""

from typing import Any

from django.db import transaction

from documents.models import Collection, Document
from documents.services.audit import audit
from documents.services.indexing import reindex


def change_document(
    *,
    document: Document,
    actor: str,
    ip: str | None = None,
    title: str | None = None,
    collection: Collection | bool | None = False,
) -> Document:
    """Renames a document, or puts it into a collection of its project, or into none (`collection=None`)."""
    before = _described(document)
    if title is not None:
        document.title = title
    if not isinstance(collection, bool):
        document.collection = collection
    after = _described(document)
    if after != before:
        with transaction.atomic():
            document.save(update_fields=["title", "collection", "updated_at"])
            reindex(document)
            audit(document, "changed", actor=actor, ip=ip, before=before, after=after)
    return document


def delete_document(*, document: Document, actor: str, ip: str | None = None) -> None:
    """Removes the document, its passages, its index entries and its file.

    Answers of past sessions keep what they quoted: a citation carries its quote, and only its link leads nowhere.
    """
    with transaction.atomic():
        audit(document, "deleted", actor=actor, ip=ip, before=_described(document))
        document.delete()


def _described(document: Document) -> dict[str, Any]:
    collection_id = document.collection_id
    return {"title": document.title, "collection_id": str(collection_id) if collection_id else None}
