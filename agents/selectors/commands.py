"""Reads of what is asked of agents."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from agents.models import Agent, AgentCommand
from agents.selectors.agents import agent_for
from workspaces.access import Access


def has_open_command(agent_id: UUID) -> bool:
    """Whether something is under way; for callers whose access has been checked."""
    return AgentCommand.objects.open().filter(agent_id=agent_id).exists()


def latest_command(agent_id: UUID) -> AgentCommand | None:
    """What was asked last; for callers whose access has been checked."""
    return AgentCommand.objects.filter(agent_id=agent_id).order_by("-id").first()


def agents_without_heartbeat(seconds: float, *, among: Collection[UUID] | None = None) -> list[UUID]:
    """Agents with an endpoint that sent heartbeats, and none for so long by the database's clock; the first 200."""
    silent = Agent.objects.not_terminated().filter(
        last_heartbeat_at__isnull=False, last_heartbeat_at__lt=Now() - timedelta(seconds=seconds), is_offline=False
    )
    rows = silent.exclude(endpoint="") if among is None else silent.exclude(endpoint="").filter(id__in=among)
    return list(rows.order_by("last_heartbeat_at").values_list("id", flat=True)[:200])


def commands_of(access: Access, agent_id: UUID, *, open_only: bool = False) -> QuerySet[AgentCommand]:
    """What was asked of an agent and took time, newest first. Raises: NotFound."""
    rows = AgentCommand.objects.open() if open_only else AgentCommand.objects.all()
    return rows.filter(agent=agent_for(access, agent_id)).order_by("-id")
