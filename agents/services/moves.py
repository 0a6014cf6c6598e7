"""One move of an agent's lifecycle: under the row's lock, with status, history and audit in the same transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.conf import agents_enabled
from agents.errors import AgentsDisabled
from agents.models import Agent, AgentCommand, AgentQuerySet, AgentStateHistory, CheckpointSchedule
from agents.policies import OPERATOR_VERBS
from agents.states import AGENT_LIFECYCLE, AgentStateDetail
from core.errors import NotFound
from core.lifecycle import IllegalTransition
from workspaces.access import Access
from workspaces.services import record_audit
from workspaces.states import Role


def allowed_verbs(agent: Agent) -> list[str]:
    """The lifecycle verbs a person may ask for now, in table order; only `terminate` while a command is open."""
    verbs = [verb for verb in AGENT_LIFECYCLE.verbs_from(agent.state_detail) if verb in OPERATOR_VERBS]
    if agent.pending_command is not None:
        return [verb for verb in verbs if verb == "terminate"]
    if agent.state_detail == AgentStateDetail.INITIALIZING:
        return ["recover", *verbs]
    return verbs


def out_of_order(agent: Agent, wanted: str) -> IllegalTransition:
    """The error for a verb or status the agent's state does not allow."""
    allowed = allowed_verbs(agent)
    return IllegalTransition(
        f"The agent {agent.name} is {agent.state_detail}: {wanted} is not possible now. "
        f"Possible: {', '.join(allowed) or 'nothing, it is final'}.",
        details=where_it_stands(agent),
    )


def where_it_stands(agent: Agent) -> dict[str, Any]:
    """State, status and what is allowed now: the details of a conflict."""
    return {"state": str(agent.state_detail), "status": str(agent.status), "allowed": allowed_verbs(agent)}


def require_verb(agent: Agent, verb: str) -> None:
    """Raises: IllegalTransition, with what is allowed now."""
    if agent.state_detail not in AGENT_LIFECYCLE.moves[verb].sources:
        raise out_of_order(agent, verb)


def locked(access: Access, agent_id: UUID) -> Agent:
    """The agent's row with its open command, locked until the transaction ends, for a caller who may change agents.

    Raises: AgentsDisabled, NotFound, Forbidden.
    """
    if not agents_enabled():
        raise AgentsDisabled
    agent = _lock(Agent.objects.filter(id=agent_id, workspace_id__in=access.workspace_ids))
    if agent is None:
        raise NotFound("There is no such agent.")
    access.require(agent.workspace_id, Role.OPERATOR)
    return agent


def lock_row(agent_id: UUID) -> Agent | None:
    """The same without a look at who asks: for what the system itself does."""
    return _lock(Agent.objects.filter(id=agent_id))


def _lock(found: AgentQuerySet) -> Agent | None:
    """The lock leaves the key free: executions, which refer to the agent, are written meanwhile."""
    rows = found.select_for_update(of=("self",), no_key=True)
    agent = rows.select_related("definition", "project", "workspace").first()
    if agent is not None:
        agent.pending_command = AgentCommand.objects.open().filter(agent=agent).first()
    return agent


def make_move(access: Access, agent: Agent, verb: str, *, reason: str = "", error: str = "", action: str = "") -> None:
    """One move of a locked agent, and what follows from it. `error` is for `fail`; `action` is the audit log's word.

    Raises: IllegalTransition when the state does not allow it.
    """
    require_verb(agent, verb)
    before = snapshot(agent)
    apply_verb(agent, verb, error)
    agent.save(update_fields=["state_detail", "status", "last_error", "in_maintenance", "is_offline", "updated_at"])
    write_history(access, agent, before, reason=reason or error)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        CheckpointSchedule.objects.filter(agent=agent).delete()
    if action:
        audit(access, agent, action, before=before, after=snapshot(agent) | ({"reason": reason} if reason else {}))


def bring_online(access: Access, agent: Agent, *, reason: str) -> None:
    """Lower the flag of missing heartbeats of a locked agent, if it is up."""
    if not agent.is_offline:
        return
    before = snapshot(agent)
    agent.is_offline = False
    agent.derive_status()
    agent.save(update_fields=["is_offline", "status", "updated_at"])
    write_history(access, agent, before, reason=reason)


def write_history(access: Access, agent: Agent, before: Mapping[str, Any], *, reason: str) -> None:
    AgentStateHistory.objects.create(**history_values(agent, before, reason=reason, actor=access.actor))


def apply_verb(agent: Agent, verb: str, error: str = "") -> None:
    """Change the agent in memory, `status` included."""
    if verb == "fail":
        agent.fail(error)
    else:
        getattr(agent, verb)()
    if agent.state_detail == AgentStateDetail.TERMINATED:
        agent.in_maintenance = agent.is_offline = False
    agent.derive_status()


def snapshot(agent: Agent) -> dict[str, Any]:
    return {
        "status": str(agent.status),
        "state_detail": str(agent.state_detail),
        "in_maintenance": agent.in_maintenance,
    }


def history_values(agent: Agent, before: Mapping[str, Any] | None, *, reason: str, actor: str) -> dict[str, Any]:
    """The fields of the history row for a move from `before` (None: the agent was made)."""
    return {
        "agent": agent,
        "previous_status": before["status"] if before else None,
        "new_status": str(agent.status),
        "previous_state_detail": before["state_detail"] if before else None,
        "new_state_detail": str(agent.state_detail),
        "reason": reason,
        "actor": actor,
    }


def audit(
    access: Access, agent: Agent, action: str, *, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> None:
    record_audit(
        workspace=agent.workspace,
        actor=access.actor,
        action=action,
        object_type="agent",
        object_id=str(agent.id),
        before=before,
        after=after,
        ip=access.ip,
    )
