"""The session page in values: tasks, figures, messages and log as lines, and what its live part starts from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from frontend.presenters.lineage import Reuse
from frontend.presenters.words import AGENT_ICONS, gist, pretty_json
from sessions.models import AgentExecution, AgentMessage, AgentSession, AgentTask, SessionEvent
from sessions.states import MessageType, TaskStatus

LONGEST_LOG_TEXT = 400
LONGEST_MESSAGE = 4_000
_HIDDEN_SCORES = {"id", "agent", "agent_id", "name", "chosen", "definition"}


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    state: str
    seconds: float | None
    note: str
    error: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent that was considered for a task; `values` in the order of the task's `candidate_headings`."""

    name: str
    chosen: bool
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task of the list, with all that its details show."""

    id: str
    name: str
    status: str
    description: str
    agent: Any
    progress: float
    note: str
    seconds: float | None
    after: Sequence[str]
    capabilities: Sequence[str]
    timeout: float | None
    why: str
    candidate_headings: Sequence[str]
    candidates: Sequence[Candidate]
    attempts: Sequence[Attempt]
    input: Any
    output: Any
    error: str
    error_code: str
    reuse: Reuse | None
    spawned_by: str
    waits: str

    @property
    def has_output(self) -> bool:
        return self.output is not None


@dataclass(frozen=True, slots=True)
class MessageLine:
    id: str
    sender: str
    receiver: str
    icon: str
    kind: str
    topic: str
    at: datetime
    gist: str
    content: str


@dataclass(frozen=True, slots=True)
class LogLine:
    seq: int
    type: str
    level: str
    text: str
    at: str
    clock: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Durations in seconds; `share` from 0 to 1."""

    done: int
    total: int
    share: float
    seconds: float | None
    waited: float | None
    worked: float
    attempts: int
    retries: int
    messages: int
    scope: str
    usage: Sequence[tuple[str, str]]
    goal: str


def present_task(
    task: AgentTask, now: datetime, names: Mapping[str, str], reuse: Reuse | None = None, waits: str = ""
) -> TaskLine:
    """Needs the rows of `sessions.selectors.task_rows`; `names` gives those of the session's tasks by id.

    `waits` says what for, in a sentence.
    """
    attempts = list(task.executions.all())
    latest = attempts[-1] if attempts else None
    headings, candidates = _candidates(task.assignment)
    return TaskLine(
        id=str(task.id),
        name=task.name,
        status=str(task.status),
        description=task.description,
        agent=task.agent,
        progress=_progress(task),
        note=_note(task, latest),
        seconds=_seconds(task.started_at, task.completed_at or now) if task.started_at else None,
        after=[edge.depends_on.name for edge in task.dependencies.all()],
        capabilities=[str(word) for word in task.required_capabilities],
        timeout=task.timeout_seconds,
        why=_why(task.assignment),
        candidate_headings=headings,
        candidates=candidates,
        attempts=[_attempt(execution, now) for execution in attempts],
        input=task.input_data,
        output=task.output_data,
        error=task.error_message,
        error_code=task.error_code,
        reuse=reuse,
        spawned_by=names.get(str(task.parent_task_id), ""),
        waits=waits,
    )


def present_message(message: AgentMessage) -> MessageLine:
    content = message.content
    return MessageLine(
        id=str(message.id),
        sender=message.from_agent.name,
        receiver=message.to_agent.name if message.to_agent else "everyone",
        icon=AGENT_ICONS.get(message.from_agent.definition.slug, "cpu"),
        kind=_kind(message.message_type),
        topic=message.topic,
        at=message.created_at,
        gist=gist(content)[:LONGEST_LOG_TEXT],
        content=pretty_json(content, LONGEST_MESSAGE),
    )


def present_event(event: SessionEvent, names: Mapping[str, str]) -> LogLine:
    """`names` gives the names of tasks and agents by id."""
    frame = json.loads(event.payload)
    data = frame.get("data") or {}
    return LogLine(
        seq=event.seq,
        type=event.type,
        level=_level(event.type, data),
        text=_sentence(frame, data, names),
        at=str(frame.get("at", "")),
        clock=str(frame.get("at", ""))[11:19],
    )


def present_figures(session: AgentSession, tasks: Sequence[AgentTask], messages: int, now: datetime) -> Figures:
    executions = [execution for task in tasks for execution in task.executions.all()]
    done = sum(task.completed_at is not None for task in tasks)
    partial = sum(_progress(task) / 100 for task in tasks if task.status == TaskStatus.RUNNING)
    retried = sum(execution.attempt > 1 for execution in executions)
    return Figures(
        done=done,
        total=len(tasks),
        share=round(1.0 if session.status == "COMPLETED" else (done + partial) / max(len(tasks), 1), 4),
        seconds=_seconds(session.started_at or session.created_at, session.completed_at or now),
        waited=_seconds(session.created_at, session.started_at) if session.started_at else None,
        worked=sum(_seconds(row.started_at, row.completed_at or now) for row in executions if row.started_at),
        attempts=len(executions),
        retries=retried,
        messages=messages,
        scope=_scope(session.context),
        usage=[(name.replace("_", " ").capitalize(), f"{amount:g}") for name, amount in _amounts(session.usage)],
        goal="" if session.task_description.strip() == session.title.strip() else session.task_description,
    )


def snapshot(
    session: AgentSession, tasks: Sequence[AgentTask], agents: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """What the live part starts from: everything up to event `last_seq`."""
    return {
        "id": str(session.id),
        "status": str(session.status),
        "last_seq": session.last_seq,
        "created_at": _instant(session.created_at),
        "started_at": _instant(session.started_at),
        "completed_at": _instant(session.completed_at),
        "now": _instant(now),
        "agents": dict(agents),
        "tasks": [_task_json(task) for task in tasks],
    }


def agent_json(agent: Any) -> dict[str, str]:
    return {"id": str(agent.id), "name": agent.name, "definition": agent.definition.slug}


def present_activity(tasks: Sequence[AgentTask]) -> str:
    """What is being done right now, in a few words."""
    for task in tasks:
        if task.status == TaskStatus.RUNNING:
            attempts = list(task.executions.all())
            note = attempts[-1].status_message if attempts else ""
            return f"{task.name}: {note}" if note else task.name
    return "Nothing runs at this moment."


def _task_json(task: AgentTask) -> dict[str, Any]:
    attempts = list(task.executions.all())
    line = attempts[-1] if attempts else None
    return {
        "id": str(task.id),
        "name": task.name,
        "task_type": task.task_type,
        "status": str(task.status),
        "agent": agent_json(task.agent) if task.agent else None,
        "depends_on": [str(edge.depends_on_id) for edge in task.dependencies.all()],
        "parent": str(task.parent_task_id) if task.parent_task_id else None,
        "reused": task.copied_from is not None,
        "attempt": line.attempt if line else 0,
        "progress": _progress(task),
        "note": _note(task, line),
        "queued_at": _instant(attempts[0].created_at) if attempts else None,
        "started_at": _instant(task.started_at),
        "completed_at": _instant(task.completed_at),
        "attempts": [
            {
                "number": execution.attempt,
                "state": str(execution.state),
                "started_at": _instant(execution.started_at),
                "completed_at": _instant(execution.completed_at),
            }
            for execution in attempts
        ],
    }


def _progress(task: AgentTask) -> float:
    """0 to 100: full when completed, else what its latest attempt said."""
    attempts = list(task.executions.all())
    if task.status == TaskStatus.COMPLETED:
        return 100.0
    return attempts[-1].progress_percentage if attempts else 0.0


def _note(task: AgentTask, latest: AgentExecution | None) -> str:
    if task.error_message:
        return task.error_message
    return latest.status_message if latest and task.status != TaskStatus.COMPLETED else ""


def _attempt(execution: AgentExecution, now: datetime) -> Attempt:
    seconds = _seconds(execution.started_at, execution.completed_at or now) if execution.started_at else None
    return Attempt(execution.attempt, str(execution.state), seconds, execution.status_message, execution.error_message)


def _why(assignment: Any) -> str:
    if not isinstance(assignment, Mapping):
        return ""
    if assignment.get("reason"):
        return str(assignment["reason"])
    return {"name": "Asked for by name.", "capability": "Chosen by what the task asks for."}.get(
        str(assignment.get("by", "")), ""
    )


def _candidates(assignment: Any) -> tuple[list[str], list[Candidate]]:
    rows = assignment.get("candidates") if isinstance(assignment, Mapping) else None
    rows = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    headings = [key for row in rows[:1] for key in row if key not in _HIDDEN_SCORES]
    chosen = str(assignment.get("agent_id") or assignment.get("agent") or "") if rows else ""
    return headings, [
        Candidate(
            name=str(row.get("name") or row.get("agent") or ""),
            chosen=bool(row.get("chosen")) or _is_named(row, chosen),
            values=[_short(row.get(key)) for key in headings],
        )
        for row in rows
    ]


def _is_named(row: Mapping[str, Any], word: str) -> bool:
    return bool(word) and word in {str(row.get(key)) for key in _HIDDEN_SCORES}


def _kind(message_type: str) -> str:
    """A notification is what most messages are: it goes without saying."""
    return "" if message_type == MessageType.NOTIFICATION else str(message_type).lower()


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _level(event_type: str, data: Mapping[str, Any]) -> str:
    if event_type.endswith(".failed"):
        return "error"
    if event_type in ("task.retrying", "task.skipped", "log.truncated"):
        return "warning"
    level = str(data.get("level", "info")).lower()
    return level if level in ("debug", "warning", "error") else "info"


def _sentence(frame: Mapping[str, Any], data: Mapping[str, Any], names: Mapping[str, str]) -> str:
    is_message = frame.get("type") == "message.sent"
    parts = []
    if frame.get("type") == "execution.progress":
        parts.append(f"{round(data.get('percentage') or 0)} %")
    if is_message:
        parts += [f"to {names.get(str(data.get('to')), 'everyone')}", gist(data.get("content"))]
    said = data.get("text") or ("" if is_message else data.get("message")) or data.get("reason") or ""
    parts.append(said if isinstance(said, str) else "")
    parts += [data[word] for word in ("key", "goal") if isinstance(data.get(word), str)]
    if isinstance(data.get("attempt"), int) and data["attempt"] > 1:
        parts.append(f"attempt {data['attempt']}")
    text = " · ".join(part for part in parts if part)[:LONGEST_LOG_TEXT]
    return ": ".join(part for part in (names.get(str(frame.get("task")), ""), text) if part)


def _scope(context: Mapping[str, Any]) -> str:
    chosen = context.get("document_ids")
    if isinstance(chosen, list) and chosen:
        return f"{len(chosen)} chosen"
    return "a collection" if context.get("collection_id") else "all of the project"


def _amounts(usage: Any) -> list[tuple[str, float]]:
    items = usage.items() if isinstance(usage, Mapping) else ()
    return [(str(name), amount) for name, amount in items if isinstance(amount, int | float)]


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return (end - start).total_seconds() if start and end else 0.0


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
