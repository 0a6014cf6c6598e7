"""From the words of a command line to a session: who asks, in which project, about which documents."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File
from django.db.models import Q

from core.errors import Invalid, NotFound
from documents.models import Collection, Document
from documents.services import create_collection, upload_documents
from documents.states import DocumentStatus
from sessions.limits import MAX_DOCUMENTS
from workspaces.access import Access
from workspaces.models import Project
from workspaces.selectors import access_of_user, project_for, visible_projects


@dataclass(frozen=True, slots=True)
class Upload:
    """The documents of a run: those that can be read, and a sentence for each that cannot."""

    document_ids: list[str]
    complaints: list[str]


def caller(username: str) -> Access:
    """The user named, else the first administrator. Raises: NotFound."""
    users = User.objects.filter(is_active=True).order_by("-is_superuser", "id")
    user = (users.filter(username=username) if username else users).first()
    if user is None:
        who = f"a user {username!r}" if username else "any user"
        raise NotFound(f"There is not {who} here: run `manage.py setup_site` or `manage.py createsuperuser` first.")
    return access_of_user(user)


def project_of(access: Access, name: str) -> Project:
    """The project by id, slug or name; the default one without. Raises: NotFound."""
    if not name:
        return project_for(access=access)
    try:
        found = Q(id=UUID(name))
    except ValueError:
        found = Q(slug=name) | Q(name=name)
    project = visible_projects(access).filter(found).first()
    if project is None:
        known = ", ".join(visible_projects(access).values_list("slug", flat=True)) or "none"
        raise NotFound(f"There is no project {name!r}; yours are: {known}.")
    return project_for(access=access, project_id=project.id)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files given, and those in the folders given, hidden ones left out.

    Raises: Invalid for a path that is not there, no file, or more files than a session may name.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Invalid(f"There is no file or folder {path}.")
        inside = sorted(islice(_files_below(path), MAX_DOCUMENTS + 1)) if path.is_dir() else [path]
        found += inside
        if len(found) > MAX_DOCUMENTS:
            raise Invalid(f"There are more than {MAX_DOCUMENTS:,} files in what --documents names: name fewer.")
    if paths and not found:
        raise Invalid("There is no file in what --documents names.")
    return found


def _files_below(folder: Path) -> Iterator[Path]:
    """One at a time: somebody may have named the whole disk."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = (Path(place, name) for name in names if not name.startswith("."))
        yield from (file for file in files if file.is_file())


def upload(project: Project, access: Access, files: Sequence[Path]) -> Upload:
    """Puts the files into a collection named after where they lie; files that are there already are used again.

    Raises: Invalid when none of them can be read.
    """
    collection = _collection(project, access, files)
    with ExitStack() as opened:
        handles = [File(opened.enter_context(path.open("rb")), name=path.name) for path in files]
        documents = upload_documents(project=project, files=handles, actor=access.actor, collection=collection)
    ready = [str(document.pk) for document in documents if document.status == DocumentStatus.READY]
    complaints = [_complaint(document) for document in documents if document.status != DocumentStatus.READY]
    if not ready:
        raise Invalid("None of the documents can be read. " + " ".join(complaints))
    return Upload(ready, complaints)


def _collection(project: Project, access: Access, files: Sequence[Path]) -> Collection:
    name = files[0].name if len(files) == 1 else f"{files[0].resolve().parent.name} (from the command line)"
    existing = Collection.objects.filter(project=project, name=name[:200]).first()
    return existing or create_collection(project=project, name=name[:200], actor=access.actor)


def _complaint(document: Document) -> str:
    return f"{document.title}: {document.error or 'it is not read yet.'}"
