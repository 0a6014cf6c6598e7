"""Collections: made, renamed, removed."""

from django.db import IntegrityError, transaction

from documents.errors import NameTaken
from documents.models import Collection, Document
from documents.services.indexing import reindex
from workspaces.models import Project


def create_collection(*, project: Project, name: str, actor: str) -> Collection:
    """Raises: NameTaken when the project has a collection of this name."""
    return _saved(Collection(project=project, name=name))


def rename_collection(*, collection: Collection, name: str, actor: str) -> Collection:
    """Raises: NameTaken when the project has another collection of this name."""
    collection.name = name
    return _saved(collection)


def delete_collection(*, collection: Collection, actor: str) -> None:
    """The collection goes, its documents stay in the project, in no collection."""
    documents = list(Document.objects.filter(collection=collection).without_text())
    with transaction.atomic():
        collection.delete()
    for document in documents:
        document.collection = None
        reindex(document)


def _saved(collection: Collection) -> Collection:
    try:
        with transaction.atomic():
            collection.save()
    except IntegrityError as error:
        raise NameTaken(
            f"The project already has a collection named {collection.name!r}: choose another name.",
            details={"name": ["This name is taken."]},
        ) from error
    return collection
