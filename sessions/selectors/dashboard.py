"""Figures about what runs and what ran, for the dashboard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import TruncHour

from agents.hooks import ExecutionFigures
from agents.models import Agent
from core.clock import SYSTEM_CLOCK
from sessions.models import AgentExecution, AgentTask
from sessions.selectors.reading import visible_sessions
from sessions.states import FINISHED_SESSION, LIVE_EXECUTION, LIVE_SESSION, ExecutionState, SessionStatus, TaskStatus
from workspaces.access import Access

HOURS = 24


@dataclass(frozen=True, slots=True)
class HourFigures:
    """Sessions that ended in the hour beginning at `hour` (ISO 8601, UTC)."""

    hour: str
    completed: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class DashboardFigures:
    """What the dashboard shows. `throughput` holds the last 24 hours, the present one last."""

    running_sessions: int
    pending_sessions: int
    paused_sessions: int
    running_tasks: int
    queued_tasks: int
    finished_24h: int
    completed_24h: int
    failed_24h: int
    cancelled_24h: int
    mean_duration_seconds: float | None
    agents_total: int
    agents_active: int
    agents_busy: int
    throughput: Sequence[HourFigures]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def dashboard_figures(access: Access, *, now: datetime | None = None) -> DashboardFigures:
    """The caller's workspaces in figures, in a fixed number of queries."""
    now = now or SYSTEM_CLOCK.now()
    first_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    return DashboardFigures(
        **_session_figures(access, now - timedelta(hours=HOURS)),
        **_task_figures(access),
        **_agent_figures(access),
        throughput=_throughput(access, first_hour),
    )


def recent_durations(access: Access, *, limit: int = 60) -> list[dict[str, Any]]:
    """`{title, at, seconds}` of the latest completed sessions, oldest first."""
    rows = (
        visible_sessions(access)
        .filter(status=SessionStatus.COMPLETED, started_at__isnull=False, completed_at__isnull=False)
        .order_by("-completed_at")
        .values_list("title", "started_at", "completed_at")[:limit]
    )
    return [
        {"title": title, "at": ended.isoformat(), "seconds": round((ended - began).total_seconds(), 3)}
        for title, began, ended in reversed(rows)
        if began and ended
    ]


def running_counts(agent_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many executions each of the agents works on at this moment; those without any are left out."""
    rows = (
        AgentExecution.objects.filter(agent_id__in=list(agent_ids), state__in=_WORKING)
        .order_by()
        .values_list("agent_id")
        .annotate(count=Count("id"))
    )
    return dict(rows)


def execution_figures(agent_ids: Iterable[UUID]) -> dict[UUID, ExecutionFigures]:
    """How many executions of each of the agents ended how; those that never worked are left out."""
    ids = list(agent_ids)
    took = ExpressionWrapper(F("completed_at") - F("started_at"), output_field=DurationField())
    completed = Q(state=ExecutionState.COMPLETED)
    rows = (
        AgentExecution.objects.filter(agent_id__in=ids)
        .order_by()
        .values("agent_id")
        .annotate(
            completed=Count("id", filter=completed),
            failed=Count("id", filter=Q(state=ExecutionState.FAILED)),
            cancelled=Count("id", filter=Q(state=ExecutionState.CANCELLED)),
            mean=Avg(took, filter=completed),
        )
    )
    return {row["agent_id"]: _execution_figures(row) for row in rows}


def _execution_figures(row: Mapping[str, Any]) -> ExecutionFigures:
    mean = row["mean"]
    return ExecutionFigures(
        completed=row["completed"],
        failed=row["failed"],
        cancelled=row["cancelled"],
        mean_seconds=round(mean.total_seconds(), 3) if mean is not None else None,
    )


_WORKING = sorted(LIVE_EXECUTION - {ExecutionState.PAUSED})


def _session_figures(access: Access, since: datetime) -> dict[str, Any]:
    recent = Q(completed_at__gte=since)
    took = ExpressionWrapper(F("completed_at") - F("started_at"), output_field=DurationField())
    completed = recent & Q(status=SessionStatus.COMPLETED)
    at_work = [SessionStatus.PLANNING, SessionStatus.RUNNING, SessionStatus.WAITING]
    counted = visible_sessions(access).filter(recent | Q(status__in=sorted(LIVE_SESSION)))
    found = counted.aggregate(
        running_sessions=Count("id", filter=Q(status__in=at_work)),
        pending_sessions=Count("id", filter=Q(status=SessionStatus.PENDING)),
        paused_sessions=Count("id", filter=Q(status=SessionStatus.PAUSED)),
        finished_24h=Count("id", filter=recent & Q(status__in=sorted(FINISHED_SESSION))),
        completed_24h=Count("id", filter=completed),
        failed_24h=Count("id", filter=recent & Q(status=SessionStatus.FAILED)),
        cancelled_24h=Count("id", filter=recent & Q(status=SessionStatus.CANCELLED)),
        mean=Avg(took, filter=completed),
    )
    mean = found.pop("mean")
    return {**found, "mean_duration_seconds": round(mean.total_seconds(), 3) if mean is not None else None}


def _task_figures(access: Access) -> dict[str, int]:
    live = AgentTask.objects.filter(
        session__workspace_id__in=access.workspace_ids, status__in=[TaskStatus.RUNNING, TaskStatus.QUEUED]
    )
    return live.aggregate(
        running_tasks=Count("id", filter=Q(status=TaskStatus.RUNNING)),
        queued_tasks=Count("id", filter=Q(status=TaskStatus.QUEUED)),
    )


def _agent_figures(access: Access) -> dict[str, int]:
    agents = Agent.objects.filter(workspace_id__in=access.workspace_ids).not_terminated()
    ids = list(agents.values_list("id", "state_detail"))
    return {
        "agents_total": len(ids),
        "agents_active": sum(state == "ACTIVE" for _, state in ids),
        "agents_busy": len(running_counts(agent_id for agent_id, _ in ids)),
    }


def _throughput(access: Access, first_hour: datetime) -> list[HourFigures]:
    rows = (
        visible_sessions(access)
        .filter(completed_at__gte=first_hour)
        .order_by()
        .annotate(hour=TruncHour("completed_at"))
        .values("hour")
        .annotate(
            completed=Count("id", filter=Q(status=SessionStatus.COMPLETED)),
            failed=Count("id", filter=Q(status=SessionStatus.FAILED)),
            cancelled=Count("id", filter=Q(status=SessionStatus.CANCELLED)),
        )
    )
    by_hour = {row["hour"]: row for row in rows}
    hours = [first_hour + timedelta(hours=number) for number in range(HOURS)]
    return [_hour_figures(hour, by_hour.get(hour, {})) for hour in hours]


def _hour_figures(hour: datetime, row: Mapping[str, Any]) -> HourFigures:
    return HourFigures(
        hour=hour.isoformat().replace("+00:00", "Z"),
        completed=row.get("completed", 0),
        failed=row.get("failed", 0),
        cancelled=row.get("cancelled", 0),
    )
