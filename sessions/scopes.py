"""In what running tasks are counted: the words for it, as stored and as shown."""

from dataclasses import dataclass
from uuid import UUID

MAX_SCOPE_CHARACTERS = 250


def workspace_scope(workspace_id: str | UUID) -> str:
    return f"workspace:{workspace_id}"


def agent_scope(agent_id: str | UUID) -> str:
    return f"agent:{agent_id}"


def capability_scope(workspace_id: str | UUID, capability: str) -> str:
    return f"capability:{workspace_id}:{capability}"


@dataclass(frozen=True, slots=True)
class ScopeName:
    """A scope taken apart: `kind` is workspace, agent or capability, `owner` the id of the workspace or agent."""

    kind: str
    owner: str
    capability: str = ""


def parse_scope(scope: str) -> ScopeName:
    kind, owner, *rest = scope.split(":", 2)
    return ScopeName(kind, owner, rest[0] if rest else "")
