"""The contexts of a project's agents, read and written in threads of the host: agents never touch the database."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from agents.runtime import AgentError, ContextHead, ContextVersion
from agents.services.contexts import own
from agents.services.contexts.own import AtWork
from core.differences import Change
from core.errors import Gone, NotFound, OrchestratorError, PreconditionFailed
from sessions.engine.documents import once_more
from sessions.engine.threads import ReaderPool
from sessions.routing_policy import AgentInfo

T = TypeVar("T")


class StoredContexts:
    """A `ContextStore` on the database for one agent in one session. To write again under a key is safe."""

    def __init__(
        self, *, workspace_id: str, project_id: str, session_id: str, agent: AgentInfo, threads: ReaderPool
    ) -> None:
        self._who = AtWork(UUID(workspace_id), UUID(project_id), UUID(agent.id), agent.name, session_id)
        self._threads = threads

    async def read(self, name: str, *, version: int | None = None, agent: str | None = None) -> ContextVersion:
        return await self._call(own.read_own, name=name, version=version, agent=agent)

    async def write(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        description: str = "",
        expected_version: int | None = None,
        key: str = "",
    ) -> int:
        return await self._call(
            own.write_own,
            name=name,
            data=data,
            description=description,
            expected_version=expected_version,
            key=key,
        )

    async def history(self, name: str, *, limit: int = 20, agent: str | None = None) -> list[ContextHead]:
        return await self._call(own.history_of, name=name, limit=limit, agent=agent)

    async def diff(self, name: str, before: int, after: int, *, agent: str | None = None) -> list[Change]:
        return await self._call(own.compare, name=name, before=before, after=after, agent=agent)

    async def rollback(self, name: str, version: int, *, reason: str = "", key: str = "") -> int:
        return await self._call(own.rollback_own, name=name, version=version, reason=reason)

    async def names(self, *, agent: str | None = None) -> list[str]:
        return await self._call(own.names_of, agent=agent)

    async def _call(self, function: Callable[..., T], **arguments: Any) -> T:
        try:
            return await self._threads.run(once_more, function, who=self._who, **arguments)
        except OrchestratorError as error:
            raise as_agent_error(error) from error


def as_agent_error(error: OrchestratorError) -> AgentError:
    """What an agent is told; only a conflict may go better at another attempt."""
    if isinstance(error, PreconditionFailed):
        return AgentError(error.message, code="context_conflict")
    code = error.code if isinstance(error, NotFound | Gone) else "bad_context"
    return AgentError(error.message, code=code, permanent=True)
