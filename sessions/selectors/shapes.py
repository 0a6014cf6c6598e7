"""Rows as the JSON every door shows. The API's serializers describe these shapes, and a test holds the two together."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.models import Agent
from sessions.models import AgentExecution, AgentMessage, AgentSession, AgentTask, SessionCommand
from sessions.states import TaskStatus


def session_summary(session: AgentSession) -> dict[str, Any]:
    """One line of a list of sessions; needs the counts of `listed_sessions`."""
    return {
        **_session_head(session),
        "task_count": getattr(session, "task_count", None),
        "finished_task_count": getattr(session, "finished_task_count", None),
        "child_count": getattr(session, "child_count", None),
    }


def session_shape(session: AgentSession, tasks: Sequence[AgentTask], *, child_count: int) -> dict[str, Any]:
    """The whole session with its tasks."""
    return {
        **_session_head(session),
        "context": session.context,
        "result": session.result,
        "progress_percentage": _progress_of_session(tasks),
        "task_count": len(tasks),
        "finished_task_count": sum(task.completed_at is not None for task in tasks),
        "child_count": child_count,
        "tasks": [task_shape(task) for task in tasks],
    }


def task_shape(task: AgentTask) -> dict[str, Any]:
    """A task. `depends_on` holds names, as in a request, `depends_on_ids` the ids. Needs the rows of `task_rows`."""
    latest = _latest(task)
    edges = list(task.dependencies.all())
    return {
        "id": str(task.id),
        "task_id": str(task.id),
        "session_id": str(task.session_id),
        "name": task.name,
        "task_type": task.task_type,
        "description": task.description,
        "status": task.status,
        "agent": agent_shape(task.agent),
        "required_capabilities": task.required_capabilities,
        "depends_on": [edge.depends_on.name for edge in edges],
        "depends_on_ids": [str(edge.depends_on_id) for edge in edges],
        "parent_task": str(task.parent_task_id) if task.parent_task_id else None,
        "attempt": latest.attempt if latest else 0,
        "max_attempts": task.max_attempts,
        "progress_percentage": progress_of(task),
        "status_message": latest.status_message if latest else "",
        "priority": task.priority,
        "timeout": task.timeout_seconds,
        "input_data": task.input_data,
        "result": task.output_data,
        "error": error_shape(task.error_code, task.error_message),
        "assignment": task.assignment,
        "copied_from": id_text(task.copied_from),
        "not_before": instant(task.not_before),
        "created_at": instant(task.created_at),
        "started_at": instant(task.started_at),
        "completed_at": instant(task.completed_at),
        "duration_seconds": _duration(task.started_at, task.completed_at),
    }


def execution_shape(execution: AgentExecution) -> dict[str, Any]:
    """One attempt at a task; `retry_count` is attempt - 1."""
    return {
        "id": str(execution.id),
        "execution_id": str(execution.id),
        "task_id": str(execution.task_id),
        "task": execution.task.name,
        "agent": agent_shape(execution.agent),
        "attempt": execution.attempt,
        "retry_count": execution.attempt - 1,
        "state": execution.state,
        "progress_percentage": execution.progress_percentage,
        "status_message": execution.status_message,
        "result": execution.result,
        "error": error_shape(execution.error_code, execution.error_message),
        "usage": execution.usage,
        "created_at": instant(execution.created_at),
        "started_at": instant(execution.started_at),
        "completed_at": instant(execution.completed_at),
        "duration_seconds": _duration(execution.started_at, execution.completed_at),
    }


def message_shape(message: AgentMessage) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "message_id": str(message.id),
        "session_id": str(message.session_id) if message.session_id else None,
        "from_agent": agent_shape(message.from_agent),
        "to_agent": agent_shape(message.to_agent),
        "message_type": message.message_type,
        "topic": message.topic,
        "content": message.content,
        "metadata": message.metadata,
        "in_reply_to": str(message.in_reply_to_id) if message.in_reply_to_id else None,
        "delivery_status": message.delivery_status,
        "created_at": instant(message.created_at),
        "delivered_at": instant(message.delivered_at),
    }


def command_shape(command: SessionCommand) -> dict[str, Any]:
    """A command; `applied_at` and `outcome` are empty until the session's runner has seen it."""
    return {
        "id": command.pk,
        "command_id": command.pk,
        "session_id": str(command.session_id),
        "kind": command.kind,
        "reason": str(command.payload.get("reason", "")),
        "actor": command.actor,
        "created_at": instant(command.created_at),
        "applied_at": instant(command.applied_at),
        "outcome": command.outcome,
    }


def agent_shape(agent: Agent | None) -> dict[str, str] | None:
    return None if agent is None else {"id": str(agent.id), "name": agent.name, "definition": agent.definition.slug}


def error_shape(code: str, message: str) -> dict[str, str] | None:
    return {"code": code, "message": message} if code or message else None


def progress_of(task: AgentTask) -> float:
    """0 to 100: full when completed, else what its latest attempt said."""
    if task.status == TaskStatus.COMPLETED:
        return 100.0
    latest = _latest(task)
    return latest.progress_percentage if latest else 0.0


def _session_head(session: AgentSession) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "session_id": str(session.id),
        "workspace_id": str(session.workspace_id),
        "project_id": str(session.project_id),
        "user": session.user.get_username() if session.user else None,
        "title": session.title,
        "task_description": session.task_description,
        "execution_mode": session.execution_mode,
        "status": session.status,
        "pause_reason": session.pause_reason,
        "priority": session.priority,
        "timeout": session.timeout_seconds,
        "max_concurrent_tasks": session.max_concurrent_tasks,
        "error": error_shape(session.error_code, session.error_message),
        "usage": session.usage,
        "saved_usage": session.saved_usage,
        "origin": session.origin,
        "forked_from": id_text(session.forked_from_id),
        "fork_seq": session.fork_seq,
        "parent_session": id_text(session.parent_session_id),
        "depth": session.depth,
        "last_seq": session.last_seq,
        "created_at": instant(session.created_at),
        "started_at": instant(session.started_at),
        "completed_at": instant(session.completed_at),
        "duration_seconds": _duration(session.started_at, session.completed_at),
    }


def _progress_of_session(tasks: Iterable[AgentTask]) -> float:
    each = [100.0 if task.completed_at else progress_of(task) for task in tasks]
    return round(sum(each) / len(each), 1) if each else 0.0


def _latest(task: AgentTask) -> AgentExecution | None:
    attempts = list(task.executions.all())
    return attempts[-1] if attempts else None


def _duration(started_at: datetime | None, completed_at: datetime | None) -> float | None:
    return round((completed_at - started_at).total_seconds(), 3) if started_at and completed_at else None


def id_text(value: UUID | None) -> str | None:
    """An id as JSON shows it."""
    return None if value is None else str(value)


def instant(at: datetime | None) -> str | None:
    """RFC 3339 with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
