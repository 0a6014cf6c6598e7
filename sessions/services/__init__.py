"""Verbs of sessions."""

from sessions.services.commanding import request_command
from sessions.services.creating import Submission, create_session, submit_session
from sessions.services.pruning import PruneReport, prune_sessions
from sessions.services.repeating import fork_session, rerun_session, retry_session, retry_task
from sessions.services.tasks import cancel_task, execute_task, submit_for_agent, submit_task

__all__ = [
    "PruneReport",
    "Submission",
    "cancel_task",
    "create_session",
    "execute_task",
    "fork_session",
    "prune_sessions",
    "request_command",
    "rerun_session",
    "retry_session",
    "retry_task",
    "submit_for_agent",
    "submit_session",
    "submit_task",
]
