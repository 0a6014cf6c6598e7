"""Rows of sessions."""

from sessions.models.engine import EngineWorker, Placement, SessionCommand, SlotRequest, SlotShare
from sessions.models.event import SessionEvent
from sessions.models.execution import AgentExecution, ExecutionStateHistory
from sessions.models.message import AgentMessage
from sessions.models.pruned import PrunedSession
from sessions.models.session import AgentSession
from sessions.models.step import ExecutionStep
from sessions.models.task import AgentTask, TaskDependency

__all__ = [
    "AgentExecution",
    "AgentMessage",
    "AgentSession",
    "AgentTask",
    "EngineWorker",
    "ExecutionStateHistory",
    "ExecutionStep",
    "Placement",
    "PrunedSession",
    "SessionCommand",
    "SessionEvent",
    "SlotRequest",
    "SlotShare",
    "TaskDependency",
]
