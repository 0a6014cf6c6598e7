"""Whether one more session is taken in now: the rate of a workspace, the length of its queue, the server's."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from core.clock import SYSTEM_CLOCK
from sessions import conf
from sessions.errors import ServerQueueFull, TooManyNewSessions, WorkspaceQueueFull
from sessions.models import AgentSession
from sessions.policies import retry_after_seconds
from sessions.selectors.flow import ended_since, queued_count
from sessions.states import SessionStatus
from workspaces.models import Workspace

RATE_WINDOW = timedelta(minutes=1)
ENDED_WINDOW = timedelta(minutes=5)


def admit(session: AgentSession) -> None:
    """Let the session, not yet stored, in; inside the transaction that stores it.

    A child session always comes in: its parent, which is at work, waits for it. One that is held does not queue yet.
    Raises: TooManyNewSessions, WorkspaceQueueFull (both 429), ServerQueueFull (503), each with when to try again.
    """
    if session.parent_step is not None:
        return
    now = SYSTEM_CLOCK.now()
    workspace = Workspace.objects.get(pk=session.workspace_id)
    if workspace.max_sessions_per_minute is not None:
        _check_rate(workspace, workspace.max_sessions_per_minute, now)
    if session.status == SessionStatus.PAUSED:
        return
    if workspace.max_queued_sessions is not None:
        _check_workspace_queue(workspace, workspace.max_queued_sessions, now)
    _check_server_queue(now)


def _check_rate(workspace: Workspace, limit: int, now: datetime) -> None:
    """Of two requests at the same time one waits for the other, so that both are counted."""
    Workspace.objects.select_for_update(no_key=connection.features.has_select_for_no_key_update).get(pk=workspace.pk)
    made = AgentSession.objects.filter(
        workspace=workspace, created_at__gt=now - RATE_WINDOW, parent_step__isnull=True
    ).order_by("-created_at")
    first = made.values_list("created_at", flat=True)[limit - 1 : limit].first() if limit else now
    if first is None:
        return
    seconds = max(1, round((first + RATE_WINDOW - now).total_seconds() + 0.5))
    raise TooManyNewSessions(
        f"This workspace may start {limit} sessions a minute, and has. Try again in {seconds} s, or have an "
        "administrator of the workspace raise max_sessions_per_minute.",
        retry_after_seconds=seconds,
        details={"limit": limit, "window_seconds": 60},
    )


def _check_workspace_queue(workspace: Workspace, limit: int, now: datetime) -> None:
    if queued_count(up_to=limit, workspace_id=workspace.pk) < limit:
        return
    seconds = _seconds_until_room(now, workspace.pk)
    raise WorkspaceQueueFull(
        f"{limit} sessions of this workspace wait for a worker already. Try again in {seconds} s, or have an "
        "administrator of the workspace raise max_queued_sessions.",
        retry_after_seconds=seconds,
        details={"limit": limit},
    )


def _check_server_queue(now: datetime) -> None:
    limit = conf.queue_limit()
    if queued_count(up_to=limit) < limit:
        return
    seconds = _seconds_until_room(now)
    raise ServerQueueFull(
        f"{limit} sessions wait for a worker on this server already. Try again in {seconds} s; its operator can start "
        "more workers, or raise QUEUE_LIMIT.",
        retry_after_seconds=seconds,
        details={"limit": limit},
    )


def _seconds_until_room(now: datetime, workspace_id: UUID | None = None) -> int:
    ended = ended_since(now - ENDED_WINDOW, workspace_id=workspace_id)
    return retry_after_seconds(ended=ended, window_seconds=ENDED_WINDOW.total_seconds())
