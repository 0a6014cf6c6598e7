"""How long the queue is, and how fast it moves. Every count is bounded."""

from datetime import datetime
from uuid import UUID

from sessions.models import AgentSession
from workspaces.models import Workspace

MOST_ENDED = 5_000


def queued_count(*, up_to: int, workspace_id: UUID | None = None) -> int:
    """How many sessions (of one workspace, or in all) could go on if a worker took them; counts no further."""
    rows = AgentSession.objects.queued()
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return rows.order_by().values("pk")[:up_to].count()


def ended_since(since: datetime, *, workspace_id: UUID | None = None) -> int:
    """How many sessions ended since then, at most MOST_ENDED."""
    workspaces = Workspace.objects.all() if workspace_id is None else Workspace.objects.filter(pk=workspace_id)
    rows = AgentSession.objects.filter(workspace__in=workspaces, completed_at__gte=since)
    return rows.order_by().values("pk")[:MOST_ENDED].count()
