"""Every type of event a session's log can hold, with the shape of its `data`. Emitted == registered == documented."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from core.canonical import canonical_json, quoted

EVENT_TYPES: Mapping[str, str] = {
    "session.created": "{task_description, execution_mode, timeout_seconds, origin, forked_from, fork_seq}: accepted",
    "session.planning": "{}: the planning agent is making the tasks",
    "session.started": "{tasks}: tasks can run from now on",
    "session.paused": "{reason, actor}: nothing new is started",
    "session.resumed": "{status, actor}: work goes on",
    "session.waiting": "{wake_at}: only a timer (or a person) can move it",
    "session.child_started": "{session, key, goal}: an agent has started a session of its own",
    "session.completed": "{result, usage, duration_seconds}: the end",
    "session.failed": "{code, message, duration_seconds}: the end, with what went wrong",
    "session.cancelled": "{reason, actor, duration_seconds}: the end, asked for by somebody",
    "task.created": "{name, task_type, description, depends_on, priority, required_capabilities, agent, parent}",
    "task.reused": "{copied_from, output, saved}: done in an earlier session; `saved` is what it had cost there",
    "task.queued": "{assignment, queued_for}: its inputs are there and an agent was chosen",
    "task.started": "{attempt, execution}: an agent works on it",
    "task.waiting": "{attempt, execution, reason}: its agent stopped at a call; the same attempt goes on later",
    "task.retrying": "{attempt, delay_seconds, not_before, code, message}: this attempt failed, another follows",
    "task.completed": "{output, attempt, duration_seconds}",
    "task.failed": "{code, message, attempt}: no attempt is left",
    "task.cancelled": "{reason}",
    "task.skipped": "{reason, because}: an input failed",
    "step.started": "{step, key, kind, execution}: a call that must not be repeated unseen is about to be made",
    "step.completed": "{step, key, kind, execution, usage, bytes}: its result is kept and never paid for again",
    "step.waiting": "{step, key, kind, execution, due_at, request}: the agent waits and is not running",
    "step.answered": "{step, key, kind, code, usage}: what the agent waits for is there (`code` empty) or failed",
    "step.reused": "{step, key, kind, execution, saved}: a kept result was given again; `saved` is what it had cost",
    "execution.progress": "{execution, percentage, text}",
    "execution.placed": "{execution, queue, run}: it runs on a worker of that queue",
    "execution.failed": "{execution, attempt, code, message}",
    "execution.cancelled": "{execution, attempt, reason}",
    "message.sent": "{message, from, to, message_type, topic, content, from_task, to_task}; content may be cut short",
    "log": "{level, text, data}",
    "log.truncated": "{limit}: the execution wrote more events than its limit; later ones are dropped",
    "usage": "{amounts by name}",
}

TOKEN_FRAME = "token"  # noqa: S105  (a streamed piece of text: no seq, not stored)

GENESIS_HASH = "0" * 64


class EventRecord(Struct, frozen=True):
    """One event as it is stored: `payload` is the canonical text of its frame, and what `hash` covers."""

    seq: int
    type: str
    at: datetime
    task_id: str | None
    agent_id: str | None
    payload: str
    hash: str


def frame_text(
    seq: int, event_type: str, at: datetime, task: str | None, agent: str | None, data: Mapping[str, Any]
) -> str:
    """The event as every door shows it, `{seq, type, at, task, agent, data}`, in canonical form."""
    return (
        f'{{"agent":{_id_text(agent)},"at":"{_instant_text(at)}","data":{canonical_json(data)},'
        f'"seq":{seq},"task":{_id_text(task)},"type":"{event_type}"}}'
    )


def _id_text(key: str | None) -> str:
    return "null" if key is None else quoted(key)


def _instant_text(at: datetime) -> str:
    return _utc_text(at) if at.tzinfo is UTC else at.isoformat(timespec="microseconds")


@lru_cache(maxsize=64)
def _utc_text(at: datetime) -> str:
    """Events of one decision have the same instant. (Equal instants of other zones have other texts: never here.)"""
    return at.isoformat(timespec="microseconds")


def next_hash(previous: str, payload: str) -> str:
    """sha256(previous hash + canonical JSON), hexadecimal."""
    return hashlib.sha256((previous + payload).encode()).hexdigest()


def record_event(
    *,
    previous_hash: str,
    seq: int,
    event_type: str,
    at: datetime,
    data: Mapping[str, Any],
    task: str | None = None,
    agent: str | None = None,
) -> EventRecord:
    """The next event of a log. Raises: KeyError for a type that is not registered."""
    if event_type not in EVENT_TYPES:
        raise KeyError(f"{event_type} is not in sessions.events.EVENT_TYPES")
    payload = frame_text(seq, event_type, at, task, agent, data)
    return EventRecord(seq, event_type, at, task, agent, payload, next_hash(previous_hash, payload))
