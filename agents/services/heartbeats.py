"""Signs of life of remote agents: who misses them is OFFLINE and gets no work, until the next one comes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from agents import conf
from agents.models import Agent
from agents.selectors import agent_for, agents_without_heartbeat
from agents.services.moves import bring_online, lock_row, locked, out_of_order, snapshot, write_history
from agents.states import AgentStateDetail
from core.clock import SYSTEM_CLOCK
from workspaces.access import SYSTEM, Access
from workspaces.states import Role

LEAST_SECONDS_BETWEEN_WRITES = 5.0
"""A heartbeat this soon after the last one is heard and not written, so that the agent's row is not hot."""


def record_heartbeat(*, access: Access, agent_id: UUID, load: float | None = None, status_message: str = "") -> Agent:
    """The agent is there; it is online again if it was not. At most one write in a few seconds.

    `load` (0: idle, 1: full) and `status_message` are kept in its metadata, under `heartbeat`.
    Raises: NotFound, Forbidden, IllegalTransition for a terminated agent.
    """
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise out_of_order(agent, "a heartbeat")
    said = _said(load, status_message)
    if _is_fresh(agent) and not agent.is_offline:
        return agent
    if agent.is_offline or said != agent.metadata.get("heartbeat", {}):
        return _come_back(access, agent_id, said)
    Agent.objects.filter(id=agent_id).update(last_heartbeat_at=Now())
    agent.last_heartbeat_at = SYSTEM_CLOCK.now()
    return agent


def _said(load: float | None, status_message: str) -> dict[str, Any]:
    said: dict[str, Any] = {} if load is None else {"load": load}
    return said | ({"status_message": status_message} if status_message else {})


def _is_fresh(agent: Agent) -> bool:
    patience = min(LEAST_SECONDS_BETWEEN_WRITES, conf.heartbeat_timeout_seconds() / 4)
    at = agent.last_heartbeat_at
    return at is not None and SYSTEM_CLOCK.now() - at < timedelta(seconds=patience)


@transaction.atomic
def _come_back(access: Access, agent_id: UUID, said: dict[str, Any]) -> Agent:
    agent = locked(access, agent_id)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise out_of_order(agent, "a heartbeat")
    bring_online(access, agent, reason="its heartbeat came again")
    agent.last_heartbeat_at = SYSTEM_CLOCK.now()
    agent.metadata = {name: value for name, value in agent.metadata.items() if name != "heartbeat"}
    agent.metadata |= {"heartbeat": said} if said else {}
    agent.save(update_fields=["last_heartbeat_at", "metadata", "updated_at"])
    return agent


def mark_offline_agents() -> int:
    """Take the agents offline whose heartbeats are missing; how many. One indexed read when none are."""
    if not conf.agents_enabled():
        return 0
    return sum(_go_offline(agent_id) for agent_id in agents_without_heartbeat(conf.heartbeat_timeout_seconds()))


@transaction.atomic
def _go_offline(agent_id: UUID) -> bool:
    agent = lock_row(agent_id)
    late = agents_without_heartbeat(conf.heartbeat_timeout_seconds(), among=[agent_id])
    if agent is None or agent_id not in late:
        return False
    before = snapshot(agent)
    agent.is_offline = True
    agent.derive_status()
    agent.save(update_fields=["is_offline", "status", "updated_at"])
    reason = f"no heartbeat since {agent.last_heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    write_history(Access(actor=SYSTEM, user_id=None), agent, before, reason=reason)
    return True
