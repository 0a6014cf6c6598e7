"""A throw-away house to measure in: its own database, one project per data set, documents indexed as uploads are."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from agents.runtime import DocumentReader
    from documents.types import PassageHit
    from workspaces.models import Project

_BATCH = 500


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a .jsonl file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


@contextmanager
def open_house(database_url: str) -> Iterator[str]:
    """Sets Django up on a new database (beside the one named, or SQLite in a temporary folder); gives the vendor."""
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        os.environ["DATA_DIR"] = folder
        os.environ["DATABASE_URL"] = _create(database_url) if database_url else ""
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
        os.environ.setdefault("LOG_LEVEL", "WARNING")
        import django
        from django.core.management import call_command
        from django.db import connection, connections

        django.setup()
        try:
            call_command("migrate", verbosity=0)
            yield connection.vendor
        finally:
            connections.close_all()
            if database_url:
                _drop(database_url)


def new_project(name: str) -> "Project":
    """An empty project."""
    from workspaces.models import Project, Workspace

    workspace = Workspace.objects.get_or_create(slug="quality", defaults={"name": "Quality"})[0]
    return Project.objects.create(workspace=workspace, name=name, slug=name)


def load(project: "Project", texts: Iterator[tuple[str, str]]) -> list[str]:
    """Documents of (title, text), cut and indexed by the documents app's own code; their ids in order."""
    from documents.models import Document
    from documents.services.indexing import write_passages

    documents = [Document(project=project, title=title[:300], text=text, status="READY") for title, text in texts]
    for start in range(0, len(documents), _BATCH):
        _load_batch(documents[start : start + _BATCH], write_passages)
    _analyse()
    return [str(document.pk) for document in documents]


def _load_batch(documents: list[Any], write_passages: Any) -> None:
    from django.db import transaction

    from documents.models import Document
    from documents.passages import split_passages

    with transaction.atomic():  # one commit a batch: only the loading is quicker, the rows are the same
        Document.objects.bulk_create(documents)
        for document in documents:
            write_passages(document, split_passages(document.text))


def _analyse() -> None:
    """What autovacuum does a minute after a large load."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class ProjectDocuments:
    """A project's documents, or some of them, read through the selectors that a session's agents use."""

    def __init__(self, project: "Project", document_ids: list[str] | None) -> None:
        self._scope = {"project_id": project.pk, "document_ids": document_ids}
        self._found: dict[tuple[str, int], list[PassageHit]] = {}

    async def search(self, query: str, *, limit: int = 10) -> "list[PassageHit]":
        """Each search is asked of the database once: this measures answers, not speed."""
        from documents import selectors

        if (query, limit) not in self._found:
            self._found[query, limit] = await self._read(selectors.search_passages, query=query, limit=limit)
        return self._found[query, limit]

    async def passages(self, *, limit: int = 2000) -> "list[PassageHit]":
        from documents import selectors

        return await self._read(selectors.list_passages, limit=limit)

    async def titles(self) -> list[tuple[str, str]]:
        from documents import selectors

        return await self._read(selectors.document_titles)

    async def _read(self, function: Callable[..., Any], **arguments: Any) -> Any:
        work = partial(function, **self._scope, **arguments)
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def reader(project: "Project", document_ids: list[str] | None = None) -> "DocumentReader":
    """The documents as agents read them."""
    return ProjectDocuments(project, document_ids)


_THREADS = ThreadPoolExecutor(1, thread_name_prefix="reader")


def close_readers() -> None:
    """Close the reader thread's connection, so that the database can be dropped."""
    from django.db import connections

    _THREADS.submit(connections.close_all).result()
    _THREADS.shutdown()


def run(work: Any) -> Any:
    return asyncio.run(work)


def _name() -> str:
    return f"quality_{os.getpid()}"


def _create(database_url: str) -> str:
    _execute(database_url, f'CREATE DATABASE "{_name()}"')
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{_name()}"))


def _drop(database_url: str) -> None:
    _execute(database_url, f'DROP DATABASE IF EXISTS "{_name()}" WITH (FORCE)')


def _execute(database_url: str, statement: str) -> None:
    import psycopg2

    connection = psycopg2.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
