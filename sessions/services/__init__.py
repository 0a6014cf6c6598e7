"""Verbs of sessions."""

from sessions.services.commanding import request_command
from sessions.services.creating import Submission, create_session, submit_session
from sessions.services.tasks import cancel_task, execute_task, submit_for_agent, submit_task

__all__ = [
    "Submission",
    "cancel_task",
    "create_session",
    "execute_task",
    "request_command",
    "submit_for_agent",
    "submit_session",
    "submit_task",
]
