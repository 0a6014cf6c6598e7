"""How long the queue is, and how fast it moves. Every count is bounded."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from sessions.models import AgentSession

MOST_ENDED = 5_000


def queued_count(*, up_to: int, workspace_id: UUID | None = None) -> int:
    """How many sessions (of one workspace, or in all) could go on if a worker took them; counts no further."""
    rows = AgentSession.objects.queued()
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return rows.order_by().values("pk")[:up_to].count()


# Workspace by workspace, since that is how ends are indexed; left to itself SQLite would read all sessions there are.
_ENDED_IN_ALL = (
    "SELECT COUNT(*) FROM (SELECT 1 FROM workspace w CROSS JOIN agent_session s "
    "WHERE s.workspace_id = w.id AND s.completed_at >= %s LIMIT %s) ended"
)


def ended_since(since: datetime, *, workspace_id: UUID | None = None) -> int:
    """How many sessions ended since then, at most MOST_ENDED."""
    if workspace_id is not None:
        rows = AgentSession.objects.filter(workspace_id=workspace_id, completed_at__gte=since)
        return rows.order_by().values("pk")[:MOST_ENDED].count()
    with connection.cursor() as cursor:
        cursor.execute(_ENDED_IN_ALL, [connection.ops.adapt_datetimefield_value(since), MOST_ENDED])
        return int(cursor.fetchone()[0])
