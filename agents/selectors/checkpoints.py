"""Reads of an agent's state, its checkpoints and their schedule."""

from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Length

from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.selectors.agents import agent_for, visible_agents
from core.errors import NotFound
from workspaces.access import Access


def state_of(access: Access, agent_id: UUID) -> Agent:
    """The agent with its runtime state, in one query. Raises: NotFound."""
    agent = visible_agents(access).defer(None).filter(id=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


def checkpoints_of(
    access: Access, agent_id: UUID, *, is_recoverable: bool | None = None, source: str = ""
) -> QuerySet[AgentCheckpoint]:
    """An agent's checkpoints, newest first, without their data. Raises: NotFound."""
    found = AgentCheckpoint.objects.filter(agent=agent_for(access, agent_id))
    if is_recoverable is not None:
        found = found.filter(is_recoverable=is_recoverable)
    if source:
        found = found.filter(source=source)
    return found.defer("state_data").order_by("-sequence_number")


def with_size(found: QuerySet[AgentCheckpoint]) -> QuerySet[AgentCheckpoint]:
    """The same, each with its `size`: how many characters its data has as JSON, counted by the database."""
    return found.annotate(size=Length(Cast("state_data", TextField())))


def schedule_of(agent: Agent) -> CheckpointSchedule | None:
    """At what interval an agent's state is kept, for callers whose access to it has been checked; None: at none."""
    return CheckpointSchedule.objects.filter(agent=agent).first()


def checkpoint_for(access: Access, agent_id: UUID, sequence_number: int | None = None) -> AgentCheckpoint:
    """The checkpoint of a number, or the latest one, with its data. Raises: NotFound."""
    return checkpoint_of(agent_for(access, agent_id), sequence_number)


def checkpoint_of(agent: Agent, sequence_number: int | None = None) -> AgentCheckpoint:
    """The same, for callers whose access to the agent has been checked. Raises: NotFound."""
    asked = {"is_latest": True} if sequence_number is None else {"sequence_number": sequence_number}
    checkpoint = AgentCheckpoint.objects.filter(agent=agent, **asked).first()
    if checkpoint is None:
        which = "checkpoint" if sequence_number is None else f"checkpoint {sequence_number}"
        raise NotFound(f"The agent {agent.name} has no {which}.")
    return checkpoint


def schedule_for(access: Access, agent_id: UUID) -> CheckpointSchedule:
    """Raises: NotFound, also when the agent keeps no checkpoints by itself."""
    agent = agent_for(access, agent_id)
    schedule = schedule_of(agent)
    if schedule is None:
        raise NotFound(f"No checkpoints of the agent {agent.name} are scheduled.")
    return schedule
