"""What waits in a workspace, why, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.clock import SYSTEM_CLOCK
from frontend.place import place_of
from frontend.views.doors import page, paginate
from sessions.models import AgentSession, AgentTask
from sessions.selectors.waiting import (
    live_worker_count,
    queued_sessions,
    queued_tasks,
    reasons_of_sessions,
    reasons_of_tasks,
)
from sessions.states import TaskStatus
from sessions.why import Reason


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task that waits or runs; `seconds` since it was queued, or since its attempt began."""

    task: AgentTask
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionRow:
    session: AgentSession
    reason: str
    seconds: float


@require_safe
@page
def queue(request: HttpRequest) -> HttpResponse:
    workspace = place_of(request).here.workspace
    tasks, sessions = queued_tasks(workspace.pk), queued_sessions(workspace.pk)
    shows_sessions = request.GET.get("show") == "sessions"
    now = SYSTEM_CLOCK.now()
    listed: Any = paginate(request, sessions if shows_sessions else tasks)
    rows = list(listed.object_list)
    context = {
        "workspace": workspace,
        "shows_sessions": shows_sessions,
        "listed": listed,
        "rows": _session_rows(rows, now) if shows_sessions else _task_rows(rows, now),
        "other_count": tasks.count() if shows_sessions else sessions.count(),
        "worker_count": live_worker_count(),
    }
    return render(request, "frontend/queue.html", context)


def _task_rows(tasks: list[AgentTask], now: datetime) -> list[TaskRow]:
    reasons = reasons_of_tasks(tasks)
    return [TaskRow(task, _sentence(reasons, task), _since(_began(task), now)) for task in tasks]


def _began(task: AgentTask) -> datetime:
    attempts = list(task.executions.all())
    started_at = attempts[-1].started_at if attempts and task.status == TaskStatus.RUNNING else None
    return started_at or task.updated_at


def _session_rows(sessions: list[AgentSession], now: datetime) -> list[SessionRow]:
    reasons = reasons_of_sessions(sessions)
    return [SessionRow(one, _sentence(reasons, one), _since(one.created_at, now)) for one in sessions]


def _sentence(reasons: Mapping[UUID, Reason], row: AgentTask | AgentSession) -> str:
    reason = reasons.get(row.pk)
    return reason.message if reason else ""


def _since(at: datetime, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0)
