"""How tasks and sessions end, and what is said when they do."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from sessions.engine.draft import Draft
from sessions.engine.gate import clip_json, clip_text
from sessions.engine.inputs import CancelAgent
from sessions.engine.state import Message, Task
from sessions.results import FinishedTask, consolidate
from sessions.states import ExecutionState, SessionStatus, TaskStatus


def complete_task(draft: Draft, task: Task, output: Any) -> None:
    """The attempt and its task end well; a parked one is taken up first, since it has finished all the same."""
    if task.execution is not None and task.execution.state == ExecutionState.PAUSED:
        task = draft.move_execution(task, ExecutionState.RUNNING)
        task = draft.move_task(task, TaskStatus.RUNNING)
    attempt = task.attempts
    task = draft.close_execution(task, ExecutionState.COMPLETED, result=output, progress_percentage=100.0)
    task = draft.move_task(task, TaskStatus.COMPLETED, output=output, completed_at=draft.now, not_before=None)
    data = {"output": clip_json(output), "attempt": attempt, "duration_seconds": _seconds(draft, task)}
    draft.emit("task.completed", data, task)


def fail_task(draft: Draft, task: Task, code: str, message: str) -> None:
    """No attempt is left."""
    task = draft.move_task(
        task, TaskStatus.FAILED, error_code=code, error_message=message, completed_at=draft.now, not_before=None
    )
    draft.emit("task.failed", {"code": code, "message": message, "attempt": task.attempts}, task)


def skip_task(draft: Draft, task: Task, because: Task) -> None:
    """An input of the task will never be there."""
    reason = f"its input {because.name} is {because.status}"
    task = draft.move_task(
        task, TaskStatus.SKIPPED, error_code="input_failed", error_message=reason, completed_at=draft.now
    )
    draft.emit("task.skipped", {"reason": reason, "because": because.id}, task)


def cancel_tasks(draft: Draft, reason: str) -> None:
    """End every live task and stop its agent."""
    for task in [task for task in draft.tasks.values() if task.is_live]:
        if task.execution is not None:
            draft.effects.append(CancelAgent(task.execution.id))
            data = {"execution": task.execution.id, "attempt": task.execution.attempt, "reason": reason}
            task = draft.close_execution(task, ExecutionState.CANCELLED, reason)
            draft.emit("execution.cancelled", data, task)
        task = draft.move_task(task, TaskStatus.CANCELLED, completed_at=draft.now, error_message=reason)
        draft.emit("task.cancelled", {"reason": reason}, task)


def cancel_session(draft: Draft, *, reason: str, actor: str) -> None:
    """The end, asked for by somebody; what is finished stays in the result."""
    cancel_tasks(draft, reason or "the session was cancelled")
    draft.move_session(SessionStatus.CANCELLED, **_closing(draft, "cancelled", reason or f"Cancelled by {actor}."))
    draft.emit("session.cancelled", {"reason": reason, "actor": actor, "duration_seconds": _duration(draft)})


def fail_session(draft: Draft, code: str, message: str) -> None:
    """The end, with what went wrong; what is finished stays in the result."""
    cancel_tasks(draft, message)
    draft.move_session(SessionStatus.FAILED, **_closing(draft, code, message))
    draft.emit("session.failed", {"code": code, "message": message, "duration_seconds": _duration(draft)})


def abandon_session(draft: Draft, message: str) -> None:
    """The end of a session at which the engine itself fails. What its tasks have brought is not looked at again."""
    cancel_tasks(draft, message)
    draft.move_session(SessionStatus.FAILED, result={}, **_ended(draft, "engine_error", message))
    draft.emit("session.failed", {"code": "engine_error", "message": message, "duration_seconds": _duration(draft)})


def complete_session(draft: Draft) -> None:
    """The end: one consolidated result."""
    draft.move_session(SessionStatus.COMPLETED, **_closing(draft, "", ""))
    data = {
        "result": clip_json(draft.session.result),
        "usage": dict(draft.session.usage),
        "duration_seconds": _duration(draft),
    }
    draft.emit("session.completed", data)


def _closing(draft: Draft, code: str, message: str) -> dict[str, Any]:
    return {"result": _result(draft), **_ended(draft, code, message)}


def _ended(draft: Draft, code: str, message: str) -> dict[str, Any]:
    draft.releases = True
    return {
        "error_code": code,
        "error_message": clip_text(message),
        "completed_at": draft.now,
        "pause_reason": "",
        "paused_at": None,
    }


def _result(draft: Draft) -> Mapping[str, Any]:
    needed = {earlier for task in draft.tasks.values() for earlier in task.depends_on}
    joined = _joined(draft)
    needed |= {subtask.id for subtasks in joined.values() for subtask in subtasks}

    def place(task: Task) -> tuple[int, int]:
        return max([(task.ordinal, 0), *((one, level + 1) for one, level in map(place, joined.get(task.id, ())))])

    return consolidate(
        FinishedTask(task.name, definition_of(draft, task), task.output, task.id not in needed)
        for task in sorted(draft.tasks.values(), key=place)
        if task.status == TaskStatus.COMPLETED
    )


def _joined(draft: Draft) -> dict[str, list[Task]]:
    """By task those it has spawned and outlived: what it says is taken to be built on what they said."""
    found: dict[str, list[Task]] = {}
    for task in draft.tasks.values():
        parent = draft.tasks.get(task.parent_task_id or "")
        if parent and parent.completed_at and task.completed_at and task.completed_at < parent.completed_at:
            found.setdefault(parent.id, []).append(task)
    return found


def definition_of(draft: Draft, task: Task) -> str:
    """The slug of the definition of the task's agent."""
    agent = draft.session.roster.get(task.agent_id or "")
    return agent.definition if agent else ""


def send_message(draft: Draft, message: Message) -> None:
    """Keep the message and show it in the log (long content cut short there)."""
    draft.messages.append(message)
    task = draft.tasks.get(message.from_task or "")
    data = {
        "message": message.id,
        "from": message.from_agent,
        "to": message.to_agent,
        "message_type": message.message_type,
        "topic": message.topic,
        "content": clip_json(message.content, 4096),
        "from_task": message.from_task,
        "to_task": message.to_task,
    }
    draft.emit("message.sent", data, replace(task, agent_id=message.from_agent) if task else None)


def _seconds(draft: Draft, task: Task) -> float | None:
    return round((draft.now - task.started_at).total_seconds(), 6) if task.started_at else None


def _duration(draft: Draft) -> float | None:
    started = draft.session.started_at
    return round((draft.now - started).total_seconds(), 6) if started else None
