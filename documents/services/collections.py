"""Collections: made, renamed, removed."""

from django.db import IntegrityError, transaction

from documents.errors import NameTaken
from documents.models import Collection, Document
from documents.services.audit import audit
from documents.services.indexing import reindex
from workspaces.models import Project


def create_collection(*, project: Project, name: str, actor: str, ip: str | None = None) -> Collection:
    """Raises: NameTaken when the project has a collection of this name."""
    collection = Collection(project=project, name=name)
    with transaction.atomic():
        _save(collection)
        audit(collection, "created", actor=actor, ip=ip, after={"name": name})
    return collection


def rename_collection(*, collection: Collection, name: str, actor: str, ip: str | None = None) -> Collection:
    """Raises: NameTaken when the project has another collection of this name."""
    before, collection.name = {"name": collection.name}, name
    with transaction.atomic():
        _save(collection)
        audit(collection, "renamed", actor=actor, ip=ip, before=before, after={"name": name})
    return collection


def delete_collection(*, collection: Collection, actor: str, ip: str | None = None) -> None:
    """The collection goes, its documents stay in the project, in no collection."""
    documents = list(Document.objects.filter(collection=collection).without_text())
    with transaction.atomic():
        audit(collection, "deleted", actor=actor, ip=ip, before={"name": collection.name})
        collection.delete()
    for document in documents:
        document.collection = None
        reindex(document)


def _save(collection: Collection) -> None:
    try:
        with transaction.atomic():
            collection.save()
    except IntegrityError as error:
        raise NameTaken(
            f"The project already has a collection named {collection.name!r}: choose another name.",
            details={"name": ["This name is taken."]},
        ) from error
