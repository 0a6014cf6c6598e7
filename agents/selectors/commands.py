"""Reads of what is asked of agents."""

from uuid import UUID

from django.db.models import QuerySet

from agents.models import AgentCommand
from agents.selectors.agents import agent_for
from workspaces.access import Access


def has_open_command(agent_id: UUID) -> bool:
    """Whether something is under way; for callers whose access has been checked."""
    return AgentCommand.objects.open().filter(agent_id=agent_id).exists()


def latest_command(agent_id: UUID) -> AgentCommand | None:
    """What was asked last; for callers whose access has been checked."""
    return AgentCommand.objects.filter(agent_id=agent_id).order_by("-id").first()


def commands_of(access: Access, agent_id: UUID, *, open_only: bool = False) -> QuerySet[AgentCommand]:
    """What was asked of an agent and took time, newest first. Raises: NotFound."""
    rows = AgentCommand.objects.open() if open_only else AgentCommand.objects.all()
    return rows.filter(agent=agent_for(access, agent_id)).order_by("-id")
