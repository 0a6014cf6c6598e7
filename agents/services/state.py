"""The runtime state of an agent: written under the row's lock, each write a new version."""

from typing import Any
from uuid import UUID

from django.db import transaction

from agents.models import Agent
from agents.services.moves import audit, locked
from agents.states import AgentStateDetail
from core.errors import Conflict
from core.json_bounds import require_object
from core.merging import merge_patch
from core.versions import require_version
from workspaces.access import Access

MAX_STATE_BYTES = 1024 * 1024


@transaction.atomic
def replace_state(
    *, access: Access, agent_id: UUID, state: dict[str, Any], expected_version: int | None = None
) -> Agent:
    """Put `state` in the place of what the agent had.

    Raises: NotFound, Forbidden, Conflict when terminated, PreconditionFailed when the state is not at
    `expected_version`, Invalid for what is no JSON object, PayloadTooLarge over `MAX_STATE_BYTES`.
    """
    agent = locked_for_state(access, agent_id, expected_version)
    return write_state(access, agent, state, action="agent.state_replaced")


@transaction.atomic
def patch_state(*, access: Access, agent_id: UUID, patch: dict[str, Any], expected_version: int | None = None) -> Agent:
    """Merge `patch` into the state, key by key at every depth; null removes a key (RFC 7396). Raises as the above."""
    agent = locked_for_state(access, agent_id, expected_version)
    require_object(patch, name="state", max_bytes=MAX_STATE_BYTES)
    return write_state(access, agent, merge_patch(agent.state, patch), action="agent.state_changed")


def locked_for_state(access: Access, agent_id: UUID, expected_version: int | None = None) -> Agent:
    """The agent, locked, if its state may be written now. Raises: NotFound, Forbidden, Conflict, PreconditionFailed."""
    agent = locked(access, agent_id)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise Conflict(f"The agent {agent.name} is terminated: its state stays as it was. Create a new agent.")
    require_version(agent.state_version, expected_version, "the state")
    return agent


def write_state(access: Access, agent: Agent, state: dict[str, Any], *, action: str, **details: Any) -> Agent:
    """Give a locked agent this state: the next version, with its audit entry (which names versions, not contents)."""
    require_object(state, name="state", max_bytes=MAX_STATE_BYTES)
    before = agent.state_version
    agent.state = state
    agent.state_version += 1
    agent.save(update_fields=["state", "state_version", "updated_at"])
    after = {"state_version": agent.state_version, **details}
    audit(access, agent, action, before={"state_version": before}, after=after)
    return agent
