"""Which sessions their workspaces no longer keep."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from sessions.models import AgentSession, PrunedSession
from sessions.states import FINISHED_SESSION, LIVE_SESSION
from workspaces.access import Access
from workspaces.models import Workspace


def pruning_workspaces(slug: str = "") -> QuerySet[Workspace]:
    """Workspaces with a retention (the one named, if one is)."""
    rows = Workspace.objects.filter(retention_days__isnull=False).order_by("slug")
    return rows.filter(slug=slug) if slug else rows


def due_sessions(workspace: Workspace, now: datetime) -> QuerySet[AgentSession]:
    """Finished sessions past the workspace's retention, oldest first; not the children of a session that still runs."""
    if workspace.retention_days is None:
        return AgentSession.objects.none()
    ended_before = now - timedelta(days=workspace.retention_days)
    has_no_live_parent = Q(parent_session__isnull=True) | ~Q(parent_session__status__in=sorted(LIVE_SESSION))
    return (
        AgentSession.objects.kept()
        .filter(has_no_live_parent, workspace=workspace, completed_at__lt=ended_before)
        .filter(status__in=sorted(FINISHED_SESSION))
        .order_by("completed_at", "id")
    )


def half_pruned() -> QuerySet[PrunedSession]:
    """Sessions whose deletion began and did not end: another process is at it, or died over it."""
    return PrunedSession.objects.filter(finished_at__isnull=True).order_by("created_at")


def pruned_sessions(access: Access, workspace: Workspace) -> QuerySet[PrunedSession]:
    """What is left of the workspace's pruned sessions, the latest first."""
    rows = PrunedSession.objects.filter(workspace=workspace, workspace_id__in=access.workspace_ids)
    return rows.order_by("-created_at", "id")
