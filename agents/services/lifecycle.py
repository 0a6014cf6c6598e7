"""An agent's life as its operators steer it."""

from uuid import UUID

from django.db import transaction

from agents.models import Agent
from agents.policies import OPERATOR_VERBS, AskedStatus, asked_status, steps_between
from agents.selectors import agent_for, has_open_command, latest_command, with_running
from agents.services.commands.asking import ask, require_no_command
from agents.services.moves import audit, locked, out_of_order, snapshot, where_it_stands, write_history
from agents.states import AgentCommandKind, AgentCommandOutcome, AgentStateDetail
from core.errors import Conflict, Invalid
from core.waiting import wait_until
from workspaces.access import Access

SHOWN_WAIT_SECONDS = 2.0
"""How long a page waits for a worker, so that people mostly see what came of it."""

_KINDS = {
    "initialize": AgentCommandKind.INITIALIZE,
    "recover": AgentCommandKind.RECOVER,
    "activate": AgentCommandKind.ACTIVATE,
    "deactivate": AgentCommandKind.DEACTIVATE,
    "terminate": AgentCommandKind.TERMINATE,
}


@transaction.atomic
def request_transition(*, access: Access, agent_id: UUID, verb: str, reason: str = "", action: str = "") -> Agent:
    """Ask for one of `OPERATOR_VERBS`; the agent as it is then, with its `pending_command` where a hook follows.

    Pausing, resuming and the moves that begin the others are made now. What a hook of the agent's class has a part in
    is ended by a worker (`agents.worker`): one that fails or hangs leads to ERROR with `last_error`. Meanwhile only
    `terminate` is allowed. `action` is the audit log's word, if not the verb's own.
    Raises: NotFound, Forbidden, Invalid for an unknown verb, IllegalTransition with the verbs allowed now, Conflict
    (`command_under_way`).
    """
    if verb not in OPERATOR_VERBS:
        raise Invalid(f"{verb} is no lifecycle verb: give one of {', '.join(OPERATOR_VERBS)}.")
    agent = locked(access, agent_id)
    kind = _KINDS.get(verb, AgentCommandKind.STATUS)
    return ask(access, agent, kind, [verb], reason=reason, action=action)


@transaction.atomic
def start_agent(*, access: Access, agent_id: UUID, reason: str = "") -> Agent:
    """Bring an agent up: initialize (or recover) and activate it, as one command. Without effect when it is ACTIVE.

    Raises: NotFound, Forbidden, IllegalTransition, Conflict (`command_under_way`).
    """
    agent = locked(access, agent_id)
    return _walk(access, agent, frozenset({AgentStateDetail.ACTIVE}), AgentCommandKind.START, "a start", reason)


@transaction.atomic
def set_status(*, access: Access, agent_id: UUID, status: str, reason: str = "") -> Agent:
    """Walk to the status a word of any vocabulary asks for, by as few verbs as possible: at once, or as one command.

    Raises: NotFound, Forbidden, Invalid for an unknown word, IllegalTransition when no way leads there (BUSY, ERROR and
    OFFLINE are found out, not asked for), Conflict (`command_under_way`).
    """
    asked = _meaning(status)
    agent = locked(access, agent_id)
    if asked.states is not None:
        _walk(access, agent, asked.states, AgentCommandKind.STATUS, f"the status {status.strip().upper()}", reason)
    if asked.maintenance is not None:
        _flag_maintenance(access, agent, asked.maintenance, reason)
    return agent


def _meaning(status: str) -> AskedStatus:
    asked = asked_status(status)
    if asked is None:
        raise Invalid(
            f"{status!r} is no status of an agent.",
            details={"status": ["Give ACTIVE, INACTIVE, MAINTENANCE, READY, PAUSED or TERMINATED."]},
        )
    return asked


def _walk(
    access: Access,
    agent: Agent,
    wanted: frozenset[AgentStateDetail],
    kind: AgentCommandKind,
    words: str,
    reason: str,
) -> Agent:
    steps = steps_between(AgentStateDetail(agent.state_detail), wanted)
    if steps != ["terminate"] and wanted:
        require_no_command(agent)
    if steps is None:
        raise out_of_order(agent, words)
    return ask(access, agent, kind, steps, reason=reason) if steps else agent


@transaction.atomic
def set_maintenance(*, access: Access, agent_id: UUID, enabled: bool, reason: str = "") -> Agent:
    """Raise or lower the operator's flag: nothing new is assigned while it is up, running work ends.

    Without effect when it is so already. Raises: NotFound, Forbidden, IllegalTransition for a terminated agent.
    """
    return _flag_maintenance(access, locked(access, agent_id), enabled, reason)


def _flag_maintenance(access: Access, agent: Agent, enabled: bool, reason: str) -> Agent:
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise out_of_order(agent, "maintenance")
    if agent.in_maintenance == enabled:
        return agent
    before = snapshot(agent)
    agent.in_maintenance = enabled
    agent.derive_status()
    agent.save(update_fields=["in_maintenance", "status", "updated_at"])
    write_history(access, agent, before, reason=reason)
    audit(access, agent, "agent.maintenance_changed", before=before, after=snapshot(agent))
    return agent


def wait_for_agent(agent_id: UUID, seconds: float) -> bool:
    """Whether nothing is under way for the agent any more, within so many seconds. Outside of any transaction."""
    return wait_until(lambda: not has_open_command(agent_id), seconds)


def seen_through(*, access: Access, agent: Agent, seconds: float = SHOWN_WAIT_SECONDS) -> Agent:
    """The agent when nothing is under way for it any more, or as it is after so many seconds. Raises: NotFound."""
    if agent.pending_command is None or seconds <= 0:
        return agent
    wait_for_agent(agent.id, seconds)
    return with_running([agent_for(access, agent.id)])[0]


def require_walked(agent: Agent) -> None:
    """For a caller who waited: raises Conflict (`hook_failed`) when the agent is in ERROR since what was asked last."""
    command = latest_command(agent.id)
    if command is None or command.outcome != AgentCommandOutcome.FAILED or agent.state_detail != AgentStateDetail.ERROR:
        return
    raise Conflict(
        f"The agent is in ERROR: {agent.last_error}. Mend its configuration, then recover it.",
        code="hook_failed",
        details=where_it_stands(agent),
    )
