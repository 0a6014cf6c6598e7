"""Rollbacks of contexts, in two steps: the wish is committed first, then the context is moved.

Between the two a crash leaves PENDING. Whoever writes, rolls back or reads next finishes it: once begun, a rollback to
a version that is there succeeds, because its target is not pruned while the row points at it.
"""

from uuid import UUID

from django.db import transaction

from agents.models import AgentContext
from agents.selectors.contexts import missing_version
from agents.services.contexts.rows import audit_context, locked_context, require_alive, require_description
from agents.states import RollbackState
from core.errors import Invalid
from core.versions import HIGHEST_VERSION
from workspaces.access import SYSTEM, Access
from workspaces.states import Role


def rollback_context(*, access: Access, context_id: UUID, version: int, reason: str = "") -> AgentContext:
    """The context, which holds again what it held at `version`. No version is made and none is lost; the next write
    gets the number after the highest.

    Raises: NotFound, Forbidden, Invalid, Conflict when the agent is terminated; NotFound for a version that was never
    given and Gone for one that was pruned, both recorded as FAILED.
    """
    if not 0 < version <= HIGHEST_VERSION:
        raise Invalid(
            f"There is no version {version} to go back to: give one of those the history lists, from 1.",
            details={"version": ["Give the number of a version, from 1."]},
        )
    require_description(reason, "reason")
    context, found = _begin(access, context_id, version, reason)
    if not found:
        raise missing_version(context, version)
    return settle_rollback(access=access, context_id=context_id, actor=access.actor)


@transaction.atomic(durable=True)
def _begin(access: Access, context_id: UUID, version: int, reason: str) -> tuple[AgentContext, bool]:
    """Write down what is wanted: PENDING, or FAILED where there is no such version."""
    context = locked_context(access, context_id, Role.MEMBER)
    require_alive(context.agent.state_detail, context.agent.name)
    finish_rollback(context)
    found = context.versions.filter(version=version).exists()
    context.rollback_pointer = version
    context.rollback_state = RollbackState.PENDING if found else RollbackState.FAILED
    _save(context)
    audit_context(
        context,
        access.actor,
        "context.rollback_requested" if found else "context.rollback_failed",
        before={"version": context.current_version},
        after={"version": version, "reason": reason},
        ip=access.ip,
    )
    return context, found


@transaction.atomic
def settle_rollback(*, access: Access, context_id: UUID, actor: str = SYSTEM) -> AgentContext:
    """The context, after a rollback that was begun has been finished; without effect where there is none, or another
    was faster. Whoever may read the context may ask for this. Raises: NotFound."""
    context = locked_context(access, context_id, Role.VIEWER)
    finish_rollback(context, actor=actor)
    return context


def finish_rollback(context: AgentContext, *, actor: str = SYSTEM) -> None:
    """Make the rollback that a locked context has begun; nothing when there is none."""
    if context.rollback_state != RollbackState.PENDING or context.rollback_pointer is None:
        return
    before, target = context.current_version, context.rollback_pointer
    found = context.versions.filter(version=target).exists()
    context.rollback_state = RollbackState.SUCCESS if found else RollbackState.FAILED
    context.current_version = target if found else before
    _save(context)
    action = "context.rolled_back" if found else "context.rollback_failed"
    audit_context(context, actor, action, before={"version": before}, after={"version": target})


def _save(context: AgentContext) -> None:
    context.save(update_fields=["current_version", "rollback_pointer", "rollback_state", "updated_at"])
