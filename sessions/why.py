"""Why something waits: facts in, a reason out. The reason has a code for programs and a sentence for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessions.states import FINISHED_SESSION, SessionStatus, StepKind, TaskStatus

SESSION_CODES = ("no_worker", "queued", "paused", "not_started", "sleeping")
TASK_CODES = (
    "dependency",
    "slot",
    "backoff",
    "paused",
    "no_capable_agent",
    "agent_away",
    "person",
    "child_session",
    "sleeping",
    "not_started",
    "session_limit",
)
SHOWN_INPUTS = 20


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session, and the server around it. `ahead_count`: sessions of its workspace that a worker takes before it."""

    status: str
    is_owned: bool
    worker_count: int
    ahead_count: int = 0
    is_held: bool = False
    pause_reason: str = ""
    paused_by: str = ""
    wake_at: datetime | None = None
    running_count: int = 0
    max_concurrent_tasks: int = 1


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """A scope in which the task needs a place. `position` is that of the task among those that wait there, from 1."""

    kind: str
    name: str
    limit: int
    held: int
    position: int


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What a parked agent waits for; `child` is the id of the session it started."""

    kind: str
    key: str
    due_at: datetime | None = None
    child: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task that does not run. `inputs` are those not there yet, by name and status; `agent_fault` why nobody can.
    `agents_away`: whom it waits for until their maintenance has ended, or their heartbeats come again.

    `position_in_session`: its place, from 1, among those of its session that could start.
    """

    status: str
    inputs: Sequence[tuple[str, str]] = ()
    not_before: datetime | None = None
    agent_fault: str = ""
    agents_away: Sequence[str] = ()
    steps: Sequence[StepFacts] = ()
    scopes: Sequence[ScopeFacts] = ()
    position_in_session: int = 1


def why_session(session: SessionFacts, now: datetime) -> Reason | None:
    """None for one that is at work or has ended."""
    if session.status in FINISHED_SESSION:
        return None
    if session.status == SessionStatus.PAUSED:
        return _paused(session)
    if session.is_owned:
        return None
    if session.wake_at is not None and session.wake_at > now:
        return Reason("sleeping", f"It sleeps until {_clock(session.wake_at)}.", {"until": session.wake_at})
    if session.status == SessionStatus.WAITING and session.wake_at is None:
        return Reason("sleeping", "It sleeps until what its tasks wait for is there.", {"until": None})
    return _queued(session)


def _paused(session: SessionFacts) -> Reason:
    if session.is_held:
        return Reason("not_started", "It was made and not started yet; execute its task, or resume it.")
    by = f" by {session.paused_by}" if session.paused_by else ""
    why = f" ({session.pause_reason})" if session.pause_reason not in ("", "user") else ""
    details = {"by": session.paused_by or None, "reason": session.pause_reason}
    return Reason("paused", f"It was paused{by}{why}; it goes on when it is resumed.", details)


def _queued(session: SessionFacts) -> Reason:
    details = {"ahead": session.ahead_count, "live_workers": session.worker_count}
    if not session.worker_count:
        text = "No worker is alive, so nothing runs; start one, or see why it does not come up."
        return Reason("no_worker", text, details)
    if not session.ahead_count:
        return Reason("queued", "It is the next of its workspace that a worker takes.", details)
    return Reason("queued", f"It waits for a worker behind {_count(session.ahead_count, 'session')}.", details)


def why_task(task: TaskFacts, session: SessionFacts, now: datetime) -> Reason | None:
    """None for one that runs or has ended."""
    if task.status not in (TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.WAITING):
        return None
    if session.status == SessionStatus.PAUSED:
        return _paused(session)
    if task.steps:
        return _of_step(task.steps[0])
    if task.inputs:
        return _of_inputs(task.inputs)
    if task.agents_away:
        return _of_away(task.agents_away)
    if task.agent_fault:
        return Reason("no_capable_agent", task.agent_fault)
    if task.not_before is not None and task.not_before > now:
        text = f"Its last attempt failed; the next one begins at {_clock(task.not_before)}."
        return Reason("backoff", text, {"until": task.not_before})
    if not session.is_owned:
        return _of_unowned(session, now)
    return _of_places(task, session)


def _of_step(step: StepFacts) -> Reason:
    if step.kind == StepKind.SESSION:
        details = {"child_session": step.child, "step": step.key}
        return Reason("child_session", f"Its agent waits for the session it started ({step.key}).", details)
    if step.kind == StepKind.SLEEP:
        until = f" until {_clock(step.due_at)}" if step.due_at else ""
        return Reason("sleeping", f"Its agent sleeps{until}.", {"until": step.due_at, "step": step.key})
    if step.kind == StepKind.TASKS:
        return Reason("dependency", f"Its agent waits for the tasks it spawned ({step.key}).", {"step": step.key})
    text = f"Its agent waits for a person's answer ({step.key})."
    return Reason("person", text, {"until": step.due_at, "step": step.key})


def _of_inputs(inputs: Sequence[tuple[str, str]]) -> Reason:
    names = [name for name, _ in inputs]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    unfinished = [{"name": name, "status": status} for name, status in inputs[:SHOWN_INPUTS]]
    return Reason("dependency", f"It waits for {shown}.", {"unfinished": unfinished, "count": len(names)})


def _of_away(names: Sequence[str]) -> Reason:
    who, are = (names[0], "is") if len(names) == 1 else (f"{names[0]} and {len(names) - 1} more", "are")
    text = f"{who} {are} in maintenance or offline; it goes on when that is over."
    return Reason("agent_away", text, {"agents": list(names[:SHOWN_INPUTS])})


def _of_unowned(session: SessionFacts, now: datetime) -> Reason:
    reason = why_session(session, now)
    text = f"Its session is not at work: {reason.message}" if reason else "Its session is not at work."
    return Reason("not_started", text, {**reason.details, "session": reason.code} if reason else {})


def _of_places(task: TaskFacts, session: SessionFacts) -> Reason:
    if session.running_count >= session.max_concurrent_tasks:
        place = task.position_in_session
        running = _count(session.running_count, "task")
        text = f"{running} of its session run, and not more may at once; it is number {place} in line."
        limit = {"limit": session.max_concurrent_tasks, "held": session.running_count, "position": place}
        return Reason("session_limit", text, limit)
    full = [scope for scope in task.scopes if scope.held >= scope.limit]
    if not full:
        return Reason("slot", "It is about to start, or its worker is full.", {"scope": "worker"})
    scope = max(full, key=lambda one: one.position)
    text = f"{scope.held} of {scope.limit} places of {_named(scope)} are taken; it is number {scope.position} in line."
    details = {"scope": scope.kind, "name": scope.name, "limit": scope.limit, "held": scope.held}
    return Reason("slot", text, {**details, "position": scope.position})


def _named(scope: ScopeFacts) -> str:
    return "the workspace" if scope.kind == "workspace" else f"the {scope.kind} {scope.name}"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
