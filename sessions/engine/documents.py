"""The documents in a session's scope, read in the host's reader threads: agents never touch the database."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections

from documents import selectors
from documents.types import PassageHit
from sessions.engine.threads import ReaderPool

T = TypeVar("T")


class ScopedDocuments:
    """Chosen documents (`document_ids`), else those of a collection (`collection_id`), else the whole project.

    Documents chosen beside a collection are all in it (`create_session` sees to that), so the choice alone counts.
    """

    def __init__(self, *, project_id: str, context: Mapping[str, Any], readers: ReaderPool) -> None:
        self._scope: dict[str, Any] = {"project_id": UUID(project_id)}
        if context.get("document_ids"):
            self._scope["document_ids"] = [UUID(str(document_id)) for document_id in context["document_ids"]]
        elif context.get("collection_id"):
            self._scope["collection_id"] = UUID(str(context["collection_id"]))
        self._readers = readers

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        return await self._read(selectors.search_passages, query=query, limit=limit)

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        return await self._read(selectors.list_passages, limit=limit)

    async def titles(self) -> list[tuple[str, str]]:
        return await self._read(selectors.document_titles)

    async def _read(self, function: Callable[..., T], **arguments: Any) -> T:
        return await self._readers.run(once_more, function, **self._scope, **arguments)


def once_more(function: Callable[..., T], **arguments: Any) -> T:
    """Connections of these threads are kept: one that was cut meanwhile shows it now, and reading again is safe."""
    try:
        return function(**arguments)
    except (OperationalError, InterfaceError):
        connections.close_all()
        return function(**arguments)
