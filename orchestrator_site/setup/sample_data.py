"""Sample documents and one example session, so that the first page somebody sees is not empty."""

from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File

from documents.models import Collection, Document
from documents.services import create_collection, upload_documents
from orchestrator_site.env import BASE_DIR
from sessions.request import SessionRequest
from sessions.services import create_session
from workspaces.models import AuditEntry, Project
from workspaces.selectors import access_of_user, project_for
from workspaces.services import record_audit

FOLDER = BASE_DIR / "examples" / "documents"
COLLECTION = "Halden Isles (sample)"
QUESTION = "Which lighthouse was lit first, Skarholm Light or Vessla Light?"
DONE = "sample_data.added"


def add_sample_data(*, owner: User) -> bool:
    """Whether anything was added: once in the life of an installation, however often it is called or cut short.

    Each step finds what an interrupted call has left, and the audit entry that says "done" is written last; so
    sample data that somebody has deleted does not come back.
    """
    if AuditEntry.objects.filter(action=DONE).exists():
        return False
    project = project_for(access=access_of_user(owner))
    collection = _collection(project)
    documents = _upload(project, collection, owner)
    _ask(project, owner, documents)
    record_audit(
        workspace=project.workspace_id,
        actor=owner.get_username(),
        action=DONE,
        object_type="project",
        object_id=project.id,
    )
    return True


def sample_files() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.is_file())


def _collection(project: Project) -> Collection:
    existing = Collection.objects.filter(project=project, name=COLLECTION).first()
    return existing or create_collection(project=project, name=COLLECTION, actor="setup")


def _upload(project: Project, collection: Collection, owner: User) -> list[Document]:
    with ExitStack() as opened:
        files = [File(opened.enter_context(path.open("rb")), name=path.name) for path in sample_files()]
        return upload_documents(project=project, files=files, actor=owner.get_username(), collection=collection)


def _ask(project: Project, owner: User, documents: list[Document]) -> UUID:
    session = create_session(
        access=access_of_user(owner),
        project=project,
        request=SessionRequest(
            task_description=QUESTION,
            title="Example: which lighthouse is older?",
            context={"document_ids": [str(document.pk) for document in documents]},
            idempotency_key="sample-session",
        ),
    )
    return session.pk
