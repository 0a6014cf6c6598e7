"""Contexts as a running agent reaches them: its own to write, those of its project's agents to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents.models import AgentContext, AgentContextVersion
from agents.policies import author_of_agent
from agents.runtime import ContextHead, ContextVersion
from agents.selectors.contexts import agent_named, differences, versions_of
from agents.services.contexts.rollbacks import rollback_context
from agents.services.contexts.writing import open_context, read_context, write_context
from core.differences import Change
from core.errors import NotFound
from workspaces.access import Access
from workspaces.states import Role

LONGEST_HISTORY = 1000


@dataclass(frozen=True, slots=True)
class AtWork:
    """Which agent asks, and for which session it works."""

    workspace_id: UUID
    project_id: UUID
    agent_id: UUID
    agent_name: str
    session_id: str

    @property
    def access(self) -> Access:
        author = author_of_agent(self.agent_name, self.session_id)
        return Access(actor=author, user_id=None, roles={self.workspace_id: Role.MEMBER})


def read_own(*, who: AtWork, name: str, version: int | None = None, agent: str | None = None) -> ContextVersion:
    """Raises: NotFound, Gone."""
    context = _find(who, name, agent)
    if context is None:
        if version:
            raise _nothing_written(name)
        return ContextVersion(name, 0, "", "", None, "", {})
    shown = read_context(access=who.access, context_id=context.id, version=version)
    return ContextVersion(*_head(name, shown), shown.data)


def write_own(
    *,
    who: AtWork,
    name: str,
    data: Mapping[str, Any],
    description: str = "",
    expected_version: int | None = None,
    key: str = "",
) -> int:
    """The number of the new version, or of the one written under this key. Raises as `write_context`."""
    context, _ = open_context(access=who.access, agent_id=who.agent_id, name=name)
    written = write_context(
        access=who.access,
        context_id=context.id,
        data=data,  # type: ignore[arg-type]  # what is no object is refused there
        change_description=description,
        expected_version=expected_version,
        write_key=key or None,
    )
    return written.version


def rollback_own(*, who: AtWork, name: str, version: int, reason: str = "") -> int:
    """Raises as `rollback_context`."""
    context = _find(who, name, None)
    if context is None:
        raise _nothing_written(name)
    rollback_context(access=who.access, context_id=context.id, version=version, reason=reason)
    return version


def history_of(*, who: AtWork, name: str, limit: int = 20, agent: str | None = None) -> list[ContextHead]:
    """Raises: NotFound for an unknown agent."""
    context = _find(who, name, agent)
    found = versions_of(context)[: min(max(limit, 0), LONGEST_HISTORY)] if context else []
    return [ContextHead(*_head(name, version)) for version in found]


def compare(*, who: AtWork, name: str, before: int, after: int, agent: str | None = None) -> list[Change]:
    """Raises: NotFound, Gone."""
    context = _find(who, name, agent)
    if context is not None:
        return differences(context, before, after)
    if before or after:
        raise _nothing_written(name)
    return []


def names_of(*, who: AtWork, agent: str | None = None) -> list[str]:
    """Raises: NotFound for an unknown agent."""
    return list(_contexts(who, agent).order_by("name").values_list("name", flat=True))


def _contexts(who: AtWork, agent: str | None) -> Any:
    agent_id = who.agent_id if agent is None else agent_named(who.project_id, agent).id
    return AgentContext.objects.filter(workspace_id=who.workspace_id, project_id=who.project_id, agent_id=agent_id)


def _find(who: AtWork, name: str, agent: str | None) -> AgentContext | None:
    found: AgentContext | None = _contexts(who, agent).filter(name=name).first()
    return found


def _head(name: str, row: AgentContextVersion) -> tuple[str, int, str, str, str | None, str]:
    written_at = row.created_at.isoformat() if row.version else ""
    return name, row.version, row.change_description, row.author, row.session_id, written_at


def _nothing_written(name: str) -> NotFound:
    return NotFound(f"Nothing was written to the context {name!r} yet.", code="no_such_version")
