"""Reads of sessions."""

from sessions.selectors import shapes
from sessions.selectors.dashboard import (
    DashboardFigures,
    dashboard_figures,
    execution_figures,
    recent_durations,
    running_counts,
)
from sessions.selectors.reading import (
    SessionDetail,
    commands,
    events_page,
    executions,
    graph,
    has_ended,
    is_applied,
    listed_sessions,
    messages,
    queue,
    session_detail,
    session_for,
    task_for,
    tasks,
    visible_sessions,
    visible_tasks,
)
from sessions.selectors.verifying import Verification, verification, verify_session

__all__ = [
    "DashboardFigures",
    "SessionDetail",
    "Verification",
    "commands",
    "dashboard_figures",
    "events_page",
    "execution_figures",
    "executions",
    "graph",
    "has_ended",
    "is_applied",
    "listed_sessions",
    "messages",
    "queue",
    "recent_durations",
    "running_counts",
    "session_detail",
    "session_for",
    "shapes",
    "task_for",
    "tasks",
    "verification",
    "verify_session",
    "visible_sessions",
    "visible_tasks",
]
