"""The documents in a session's scope, read in the host's reader threads: agents never touch the database."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from django.db import close_old_connections

from documents import selectors
from documents.types import PassageHit

T = TypeVar("T")


class ScopedDocuments:
    """Chosen documents (`document_ids`), a collection (`collection_id`), or else the whole project."""

    def __init__(self, *, project_id: str, context: Mapping[str, Any], threads: Executor) -> None:
        self._scope: dict[str, Any] = {"project_id": project_id}
        if context.get("document_ids"):
            self._scope["document_ids"] = [str(document_id) for document_id in context["document_ids"]]
        elif context.get("collection_id"):
            self._scope["collection_id"] = str(context["collection_id"])
        self._threads = threads

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        return await self._read(selectors.search_passages, query=query, limit=limit)

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        return await self._read(selectors.list_passages, limit=limit)

    async def titles(self) -> list[tuple[str, str]]:
        hits = await self.passages(limit=5000)
        return list(dict.fromkeys((hit.document_id, hit.title) for hit in hits))

    async def _read(self, function: Callable[..., T], **arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(_fresh, function, **self._scope, **arguments))


def _fresh(function: Callable[..., T], **arguments: Any) -> T:
    close_old_connections()
    return function(**arguments)
