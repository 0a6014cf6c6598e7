"""Reads of sessions."""

from sessions.selectors import shapes
from sessions.selectors.dashboard import (
    DashboardFigures,
    dashboard_figures,
    execution_figures,
    recent_durations,
    running_counts,
)
from sessions.selectors.lineage import Lineage, Relative, Relatives, TakenOver, lineage, relatives, taken_over
from sessions.selectors.past import Past, past_of, usage_of_tasks
from sessions.selectors.reading import (
    SessionDetail,
    children,
    commands,
    events_page,
    executions,
    graph,
    has_ended,
    is_applied,
    listed_sessions,
    messages,
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
    "Lineage",
    "Past",
    "Relative",
    "Relatives",
    "SessionDetail",
    "TakenOver",
    "Verification",
    "children",
    "commands",
    "dashboard_figures",
    "events_page",
    "execution_figures",
    "executions",
    "graph",
    "has_ended",
    "is_applied",
    "lineage",
    "listed_sessions",
    "messages",
    "past_of",
    "recent_durations",
    "relatives",
    "running_counts",
    "session_detail",
    "session_for",
    "shapes",
    "taken_over",
    "task_for",
    "tasks",
    "usage_of_tasks",
    "verification",
    "verify_session",
    "visible_sessions",
    "visible_tasks",
]
