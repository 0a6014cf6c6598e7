"""An agent's life as its operators steer it: moves, and the hooks of its class that go with them."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from agents import conf
from agents.hook_runner import HookFailed, run_hook
from agents.models import Agent, AgentStateHistory
from agents.policies import OPERATOR_VERBS, asked_status, past_tense, steps_between
from agents.selectors import agent_for
from agents.services.moves import audit, history_values, locked, move, out_of_order, require_verb, snapshot
from agents.states import AgentStateDetail
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict, Invalid
from core.lifecycle import IllegalTransition
from workspaces.access import Access
from workspaces.states import Role

STALE_INITIALIZATIONS = 3
"""An agent still INITIALIZING after this many time limits was left so by a process that died."""


def transition_agent(*, access: Access, agent_id: UUID, verb: str, reason: str = "", action: str = "") -> Agent:
    """Do what one of `OPERATOR_VERBS` says, the hook of the agent's class included; returns the agent as it is then.

    A hook that fails or hangs leaves the agent in ERROR with `last_error`; only a terminated agent stays terminated.
    Hooks run outside of any transaction; they must be repeatable: of two callers that
    activate, one may come too late.
    Raises: NotFound, Forbidden, Invalid for an unknown verb, IllegalTransition with the verbs allowed now.
    """
    if verb not in OPERATOR_VERBS:
        raise Invalid(f"{verb} is no lifecycle verb: give one of {', '.join(OPERATOR_VERBS)}.")
    action = action or f"agent.{past_tense(verb)}"
    with_hooks = _WITH_HOOKS.get(verb)
    if with_hooks is not None:
        return with_hooks(access, agent_id, reason, action)
    return move(access=access, agent_id=agent_id, verb=verb, reason=reason, action=action)


def _initialize(access: Access, agent_id: UUID, reason: str, action: str) -> Agent:
    agent = move(access=access, agent_id=agent_id, verb="initialize", reason=reason, action=action)
    return _become_ready(access, agent)


def _recover(access: Access, agent_id: UUID, reason: str, action: str) -> Agent:
    _give_up_stale_initialization(access, agent_id)
    agent = move(access=access, agent_id=agent_id, verb="recover", reason=reason, action=action)
    return _become_ready(access, agent)


def _become_ready(access: Access, agent: Agent) -> Agent:
    try:
        _call_hook(agent, "initialize")
    except HookFailed as failure:
        return move(access=access, agent_id=agent.id, verb="fail", error=str(failure))
    return move(access=access, agent_id=agent.id, verb="become_ready")


def _give_up_stale_initialization(access: Access, agent_id: UUID) -> None:
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    if agent.state_detail != AgentStateDetail.INITIALIZING:
        return
    rows = AgentStateHistory.objects.filter(agent_id=agent_id, new_state_detail=AgentStateDetail.INITIALIZING)
    begun = rows.order_by("timestamp").values_list("timestamp", flat=True).last()
    patience = timedelta(seconds=STALE_INITIALIZATIONS * conf.hook_timeout_seconds())
    if begun is None or SYSTEM_CLOCK.now() - begun > patience:
        move(access=access, agent_id=agent_id, verb="fail", error="its initialization was interrupted")


def _activate(access: Access, agent_id: UUID, reason: str, action: str) -> Agent:
    """The hook comes first: an agent gets no work before it is prepared for it."""
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    require_verb(agent, "activate")
    try:
        _call_hook(agent, "activate")
    except HookFailed as failure:
        return _fail_if_still(AgentStateDetail.READY, access, agent, failure)
    return move(access=access, agent_id=agent_id, verb="activate", reason=reason, action=action)


def _deactivate(access: Access, agent_id: UUID, reason: str, action: str) -> Agent:
    agent = move(access=access, agent_id=agent_id, verb="deactivate", reason=reason, action=action)
    try:
        _call_hook(agent, "deactivate")
    except HookFailed as failure:
        return _fail_if_still(AgentStateDetail.READY, access, agent, failure)
    return agent


@transaction.atomic
def _fail_if_still(state: AgentStateDetail, access: Access, agent: Agent, failure: HookFailed) -> Agent:
    """To ERROR, unless somebody moved the agent on in the meantime."""
    present = locked(access, agent.id)
    if present.state_detail != state:
        raise out_of_order(present, f"an outcome of what was asked ({failure})")
    return move(access=access, agent_id=agent.id, verb="fail", error=str(failure))


def _terminate(access: Access, agent_id: UUID, reason: str, action: str) -> Agent:
    agent = move(access=access, agent_id=agent_id, verb="terminate", reason=reason, action=action)
    try:
        _call_hook(agent, "shutdown")
    except HookFailed as failure:
        agent.last_error = str(failure)
        agent.save(update_fields=["last_error", "updated_at"])
    return agent


_WITH_HOOKS: dict[str, Callable[[Access, UUID, str, str], Agent]] = {
    "initialize": _initialize,
    "recover": _recover,
    "activate": _activate,
    "deactivate": _deactivate,
    "terminate": _terminate,
}


def _call_hook(agent: Agent, hook: str) -> None:
    run_hook(
        hook,
        slug=agent.definition.slug,
        configuration=agent.configuration,
        name=agent.name,
        timeout_seconds=conf.hook_timeout_seconds(),
    )


@transaction.atomic
def set_maintenance(*, access: Access, agent_id: UUID, enabled: bool, reason: str = "") -> Agent:
    """Raise or lower the operator's flag: nothing new is assigned while it is up, running work ends.

    Without effect when it is so already. Raises: NotFound, Forbidden, IllegalTransition for a terminated agent.
    """
    agent = locked(access, agent_id)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise out_of_order(agent, "maintenance")
    if agent.in_maintenance == enabled:
        return agent
    before = snapshot(agent)
    agent.in_maintenance = enabled
    agent.derive_status()
    agent.save(update_fields=["in_maintenance", "status", "updated_at"])
    AgentStateHistory.objects.create(**history_values(agent, before, reason=reason, actor=access.actor))
    audit(access, agent, "agent.maintenance_changed", before=before, after=snapshot(agent))
    return agent


def set_status(*, access: Access, agent_id: UUID, status: str, reason: str = "") -> Agent:
    """Walk to the status a word of any vocabulary asks for, by as few verbs as possible.

    Raises: NotFound, Forbidden, Invalid for an unknown word, IllegalTransition when no way leads there (BUSY, ERROR and
    OFFLINE are found out, not asked for), Conflict when a hook fails on the way (the agent is then in ERROR).
    """
    asked = asked_status(status)
    if asked is None:
        raise Invalid(
            f"{status!r} is no status of an agent.",
            details={"status": ["Give ACTIVE, INACTIVE, MAINTENANCE, READY, PAUSED or TERMINATED."]},
        )
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    steps = [] if asked.states is None else steps_between(AgentStateDetail(agent.state_detail), asked.states)
    if steps is None:
        raise out_of_order(agent, f"the status {status.strip().upper()}")
    for verb in steps:
        agent = transition_agent(access=access, agent_id=agent_id, verb=verb, reason=reason)
        if agent.state_detail == AgentStateDetail.ERROR:
            raise _stopped_on_the_way(agent, verb)
    if asked.maintenance is not None:
        agent = set_maintenance(access=access, agent_id=agent_id, enabled=asked.maintenance, reason=reason)
    return agent


def _stopped_on_the_way(agent: Agent, verb: str) -> Conflict:
    conflict: IllegalTransition = out_of_order(agent, "the asked status")
    return Conflict(
        f"The agent is in ERROR: {agent.last_error}. Mend its configuration, then recover it.",
        code="hook_failed",
        details={**conflict.details, "step": verb},
    )
