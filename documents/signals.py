"""What has to follow a document's deletion, whoever deletes it (a service, the admin, the cascade of a project)."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from documents.models import Document
from documents.search import get_backend


def connect() -> None:
    post_delete.connect(forget_document, sender=Document, dispatch_uid="documents.forget_document")


def forget_document(sender: type[Document], instance: Document, using: str, **kwargs: Any) -> None:
    """The index entries go in the same transaction, the file once that has committed."""
    get_backend(using).remove(instance.pk)
    name, storage = instance.file.name, instance.file.storage
    if name:
        transaction.on_commit(lambda: storage.delete(name), using=using, robust=True)
