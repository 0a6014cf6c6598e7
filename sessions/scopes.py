"""In what running tasks are counted: the words for it, as stored and as shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

MAX_SCOPE_CHARACTERS = 250
LONGEST_LIMITED_CAPABILITY = 100


def workspace_scope(workspace_id: str | UUID) -> str:
    return f"workspace:{workspace_id}"


def agent_scope(agent_id: str | UUID) -> str:
    return f"agent:{agent_id}"


def capability_scope(workspace_id: str | UUID, capability: str) -> str:
    return f"capability:{workspace_id}:{capability}"


def scopes_of_task(
    workspace_id: str | UUID, agent_id: str | UUID | None, capabilities: Iterable[str]
) -> tuple[str, ...]:
    """The scopes in each of which a task takes a place while it runs, each once.

    A capability whose name is longer than one that can be limited is in none.
    """
    words = dict.fromkeys(word for word in capabilities if len(word) <= LONGEST_LIMITED_CAPABILITY)
    agent = () if agent_id is None else (agent_scope(agent_id),)
    return (workspace_scope(workspace_id), *agent, *(capability_scope(workspace_id, word) for word in words))


@dataclass(frozen=True, slots=True)
class ScopeName:
    """A scope taken apart: `kind` is workspace, agent or capability, `owner` the id of the workspace or agent."""

    kind: str
    owner: str
    capability: str = ""


def parse_scope(scope: str) -> ScopeName:
    kind, owner, *rest = scope.split(":", 2)
    return ScopeName(kind, owner, rest[0] if rest else "")
