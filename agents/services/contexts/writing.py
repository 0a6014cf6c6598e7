"""Contexts: opened by name, and written: every write is a new version, under the row's lock."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from agents import conf
from agents.models import AgentContext, AgentContextVersion
from agents.policies import context_name_problem
from agents.selectors.agents import agent_for
from agents.selectors.contexts import context_for, version_at, visible_contexts
from agents.services.contexts.rollbacks import finish_rollback, settle_rollback
from agents.services.contexts.rows import audit_context, locked_context, require_alive, require_description
from agents.states import RollbackState
from core.errors import Conflict, Invalid
from core.json_bounds import require_object
from core.merging import merge_patch
from core.versions import require_version
from workspaces.access import Access
from workspaces.states import Role

MAX_DATA_BYTES = 1024 * 1024
MOST_CONTEXTS = 1000
"""Of one agent: names that a program makes up without end are a mistake of it."""


def open_context(
    *, access: Access, agent_id: UUID, name: str, data: dict[str, Any] | None = None, change_description: str = ""
) -> tuple[AgentContext, bool]:
    """The agent's context of this name, made if there is none, and whether it was made now.

    `data` is its first version where nothing was written to it yet; else it is left as it is, so that asking twice
    does nothing twice.
    Raises: NotFound, Forbidden, Invalid, PayloadTooLarge, Conflict for a terminated agent or one with too many.
    """
    problem = context_name_problem(name)
    if problem:
        raise Invalid(problem, details={"name": [problem]})
    if data is not None:
        _require_writable(data, change_description)
    with transaction.atomic():
        context, is_new = _get_or_create(access, agent_id, name)
        if data is not None and not context.last_version:
            context = _first_write(access, context, data, change_description)
    return context, is_new


def _get_or_create(access: Access, agent_id: UUID, name: str) -> tuple[AgentContext, bool]:
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.MEMBER)
    known = visible_contexts(access).filter(agent=agent)
    found = known.filter(name=name).first()
    if found is not None:
        return found, False
    require_alive(agent.state_detail, agent.name)
    if known.count() >= MOST_CONTEXTS:
        text = f"The agent {agent.name} has {MOST_CONTEXTS:,} contexts already. Keep more in fewer of them."
        raise Conflict(text, code="too_many_contexts")
    try:
        with transaction.atomic():
            context = AgentContext.objects.create(
                workspace_id=agent.workspace_id, project_id=agent.project_id, agent=agent, name=name
            )
            after = {"name": name, "agent": str(agent.id)}
            audit_context(context, access.actor, "context.created", after=after, ip=access.ip)
    except IntegrityError:
        found = known.filter(name=name).first()
        if found is None:
            raise
        return found, False
    return context, True


def _first_write(access: Access, context: AgentContext, data: dict[str, Any], description: str) -> AgentContext:
    """Unless another was faster."""
    context = locked_context(access, context.id, Role.MEMBER)
    if not context.last_version:
        require_alive(context.agent.state_detail, context.agent.name)
        _append(access, context, data, description, None)
    return context


def read_context(*, access: Access, context_id: UUID, version: int | None = None) -> AgentContextVersion:
    """What a context held at a version, or holds now; a rollback that was interrupted is finished first.

    Raises: NotFound, Gone for a version that was pruned.
    """
    context = context_for(access, context_id)
    if context.rollback_state == RollbackState.PENDING:
        context = settle_rollback(access=access, context_id=context_id)
    return version_at(context, version)


@transaction.atomic
def write_context(
    *,
    access: Access,
    context_id: UUID,
    data: dict[str, Any],
    change_description: str = "",
    expected_version: int | None = None,
    write_key: str | None = None,
) -> AgentContextVersion:
    """The new version, which is the current one from now on; its number follows the highest ever given.

    With a `write_key` that has been used for a version still kept, that version, and nothing is written.
    Raises: NotFound, Forbidden, Invalid for what is no JSON object, PayloadTooLarge over `MAX_DATA_BYTES`, Conflict
    when the agent is terminated, PreconditionFailed when the context is not at `expected_version`.
    """
    context = locked_context(access, context_id, Role.MEMBER)
    written = context.versions.filter(write_key=write_key).first() if write_key else None
    if written is not None:
        return written
    _require_writable(data, change_description)
    _prepare(access, context, expected_version)
    return _append(access, context, data, change_description, write_key)


@transaction.atomic
def patch_context(
    *,
    access: Access,
    context_id: UUID,
    patch: dict[str, Any],
    change_description: str = "",
    expected_version: int | None = None,
) -> AgentContextVersion:
    """A new version: the current one with `patch` merged into it at every depth; null removes a key (RFC 7396).

    Raises as `write_context`.
    """
    context = locked_context(access, context_id, Role.MEMBER)
    _require_writable(patch, change_description)
    _prepare(access, context, expected_version)
    data = merge_patch(version_at(context).data, patch)
    _require_writable(data, change_description)
    return _append(access, context, data, change_description, None)


def _prepare(access: Access, context: AgentContext, expected_version: int | None) -> None:
    require_alive(context.agent.state_detail, context.agent.name)
    finish_rollback(context)
    require_version(context.current_version, expected_version, "the context")


def _append(
    access: Access, context: AgentContext, data: dict[str, Any], description: str, write_key: str | None
) -> AgentContextVersion:
    before = context.current_version
    context.last_version += 1
    context.current_version = context.last_version
    written = AgentContextVersion.objects.create(
        context=context,
        version=context.last_version,
        data=data,
        change_description=description,
        created_by=access.actor,
        write_key=write_key,
    )
    context.save(update_fields=["current_version", "last_version", "updated_at"])
    prune_versions(context, conf.context_history_limit())
    after = {"version": written.version, "change_description": description}
    audit_context(context, access.actor, "context.written", before={"version": before}, after=after, ip=access.ip)
    return written


def prune_versions(context: AgentContext, limit: int) -> int:
    """Delete the oldest versions of a locked context beyond `limit`, and say how many. Never the current one, nor that
    of the newest rollback: with these two the limit may be exceeded."""
    kept = list(context.versions.order_by("-version").values_list("version", flat=True))
    protected = {context.current_version, context.rollback_pointer}
    excess = len(kept) - max(limit, 1)
    oldest = [version for version in reversed(kept) if version not in protected][: max(excess, 0)]
    if oldest:
        context.versions.filter(version__in=oldest).delete()
    return len(oldest)


def _require_writable(data: Any, description: str) -> None:
    require_object(data, name="data", max_bytes=MAX_DATA_BYTES)
    require_description(description, "change_description")
