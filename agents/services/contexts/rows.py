"""What every verb of contexts begins and ends with: the locked row, the living agent, the audit entry."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.models import AgentContext
from agents.selectors.contexts import visible_contexts
from agents.states import AgentStateDetail
from core.errors import Conflict, Invalid, NotFound
from core.json_bounds import text_problem
from workspaces.access import Access
from workspaces.services import record_audit
from workspaces.states import Role

MAX_DESCRIPTION = 2000


def locked_context(access: Access, context_id: UUID, role: Role) -> AgentContext:
    """The context's row, locked until the transaction ends, for a caller with this role.

    Raises: NotFound, Forbidden.
    """
    context = visible_contexts(access).select_for_update(of=("self",)).filter(id=context_id).first()
    if context is None:
        raise NotFound("There is no such context.")
    access.require(context.workspace_id, role)
    return context


def require_alive(state_detail: str, name: str) -> None:
    """Raises: Conflict for a terminated agent."""
    if state_detail == AgentStateDetail.TERMINATED:
        raise Conflict(f"The agent {name} is terminated: its contexts stay as they are. Create a new agent.")


def require_description(text: str, field: str) -> None:
    """Raises: Invalid for what is too long or cannot be kept."""
    problem = text_problem(text)
    if len(text) > MAX_DESCRIPTION:
        problem = f"Give at most {MAX_DESCRIPTION:,} characters."
    if problem:
        raise Invalid(f"{field}: {problem}", details={field: [problem]})


def audit_context(
    context: AgentContext,
    actor: str,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    ip: str | None = None,
) -> None:
    """Numbers and descriptions, never the data."""
    record_audit(
        workspace=context.workspace_id,
        actor=actor,
        action=action,
        object_type="agent_context",
        object_id=context.id,
        before=before,
        after=after,
        ip=ip,
    )
