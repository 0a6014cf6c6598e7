"""The columns the journal writes, by kind, and the rows it makes of batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sessions.engine.batch import Batch, ExecutionWrite, StepWrite, TaskWrite
from sessions.engine.state import Message, Session
from sessions.states import DeliveryStatus

Columns = tuple[tuple[str, str], ...]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are `(name, kind)` with kind of uuid, text, json, time, number, float."""

    name: str
    columns: Columns


def _table(name: str, columns: str) -> Table:
    pairs = tuple(tuple(column.split(":")) for column in columns.split())
    return Table(name, pairs)  # type: ignore[arg-type]


SESSION = _table(
    "agent_session",
    "status:text status_before_pause:text result:json error_code:text error_message:text deadline_at:time "
    "started_at:time completed_at:time pause_reason:text paused_at:time wake_at:time "
    "last_seq:number last_hash:text usage:json saved_usage:json updated_at:time",
)
RELEASED_SESSION = Table(SESSION.name, (("lease_owner", "uuid"), *SESSION.columns))
TASK = _table(
    "agent_task",
    "status:text agent_id:uuid output_data:json assignment:json not_before:time started_at:time completed_at:time "
    "error_code:text error_message:text updated_at:time",
)
NEW_TASK = _table(
    "agent_task",
    "id:uuid session_id:uuid parent_task_id:uuid ordinal:number name:text task_type:text description:text "
    "input_data:json required_capabilities:json priority:number max_attempts:number timeout_seconds:float "
    "created_at:time " + " ".join(":".join(column) for column in TASK.columns),
)
DEPENDENCY = _table("task_dependency", "task_id:uuid depends_on_id:uuid")
EXECUTION = _table(
    "agent_execution",
    "state:text event_count:number progress_percentage:float status_message:text result:json error_code:text "
    "error_message:text usage:json started_at:time completed_at:time updated_at:time",
)
NEW_EXECUTION = _table(
    "agent_execution",
    "id:uuid task_id:uuid agent_id:uuid attempt:number parameters:json context:json created_at:time "
    + " ".join(":".join(column) for column in EXECUTION.columns),
)
HISTORY = _table(
    "execution_state_history",
    "id:uuid execution_id:uuid previous_state:text new_state:text reason:text timestamp:time",
)
MESSAGE = _table(
    "agent_message",
    "id:uuid workspace_id:uuid session_id:uuid from_agent_id:uuid to_agent_id:uuid topic:text message_type:text "
    "content:json metadata:json delivery_status:text attempts:number delivered_at:time created_at:time "
    "updated_at:time",
)
STEP = _table(
    "execution_step",
    "status:text result:json error_code:text error_message:text usage:json completed_at:time reused_in:uuid",
)
NEW_STEP = _table(
    "execution_step",
    "id:uuid task_id:uuid execution_id:uuid kind:text key:text input_hash:text request:json due_at:time "
    "created_at:time " + " ".join(":".join(column) for column in STEP.columns),
)
PLACEMENT = _table("placement", "id:uuid execution_id:uuid queue:text run_id:uuid created_at:time")
EVENT = _table(
    "session_event",
    "session_id:uuid seq:number type:text task_id:uuid agent_id:uuid payload:text hash:text created_at:time",
)


def session_row(batch: Batch) -> Row:
    s: Session = batch.session
    return (
        s.status,
        s.status_before_pause,
        s.result,
        s.error_code,
        s.error_message,
        s.deadline_at,
        s.started_at,
        s.completed_at,
        s.pause_reason,
        s.paused_at,
        s.wake_at,
        s.last_seq,
        s.last_hash,
        dict(s.usage),
        dict(s.saved_usage),
        batch.at,
    )


def task_row(write: TaskWrite, batch: Batch) -> Row:
    t = write.task
    return (
        t.status,
        t.agent_id,
        t.output,
        dict(t.assignment),
        t.not_before,
        t.started_at,
        t.completed_at,
        t.error_code,
        t.error_message,
        batch.at,
    )


def new_task_row(write: TaskWrite, batch: Batch) -> Row:
    t = write.task
    return (
        t.id,
        batch.session_id,
        t.parent_task_id,
        t.ordinal,
        t.name,
        t.task_type,
        t.description,
        dict(t.input_data),
        list(t.required_capabilities),
        t.priority,
        t.max_attempts,
        t.timeout_seconds,
        batch.at,
        *task_row(write, batch),
    )


def execution_row(write: ExecutionWrite, batch: Batch) -> Row:
    e = write.execution
    return (
        e.state,
        e.event_count,
        e.progress_percentage,
        e.status_message,
        e.result,
        e.error_code,
        e.error_message,
        dict(e.usage),
        e.started_at,
        e.completed_at,
        batch.at,
    )


def new_execution_row(write: ExecutionWrite, batch: Batch) -> Row:
    t, e = write.task, write.execution
    context = {"depends_on": list(t.depends_on)}
    return (e.id, t.id, e.agent_id, e.attempt, dict(t.input_data), context, batch.at, *execution_row(write, batch))


def dependency_rows(batches: Iterable[Batch]) -> Iterator[Row]:
    for batch in batches:
        for write in batch.tasks:
            if write.previous is None:
                yield from ((write.task.id, earlier) for earlier in write.task.depends_on)


def history_rows(batches: Iterable[Batch]) -> Iterator[Row]:
    for batch in batches:
        yield from ((h.id, h.execution_id, h.previous, h.new, h.reason, h.at) for h in batch.history)


def step_row(write: StepWrite) -> Row:
    s = write.step
    return (s.status, s.result, s.error_code, s.error_message, dict(s.usage), s.completed_at, s.reused_in)


def new_step_row(write: StepWrite) -> Row:
    s = write.step
    known = (s.id, write.task_id, s.execution_id, s.kind, s.key, s.input_hash, dict(s.request), s.due_at, s.created_at)
    return (*known, *step_row(write))


def placement_rows(batches: Iterable[Batch]) -> Iterator[Row]:
    for batch in batches:
        yield from ((p.id, p.execution_id, p.queue, p.run_id, batch.at) for p in batch.placements)


def message_rows(batches: Iterable[Batch]) -> Iterator[Row]:
    for batch in batches:
        yield from (_message_row(message, batch) for message in batch.messages)


def _message_row(m: Message, batch: Batch) -> Row:
    return (
        m.id,
        batch.session.workspace_id,
        batch.session_id,
        m.from_agent,
        m.to_agent,
        m.topic,
        m.message_type,
        m.content,
        {"from_task": m.from_task, "to_task": m.to_task},
        DeliveryStatus.DELIVERED,
        1,
        m.sent_at,
        m.sent_at,
        m.sent_at,
    )


def event_rows(batches: Iterable[Batch]) -> Iterator[Row]:
    for batch in batches:
        for event in batch.events:
            yield (
                batch.session_id,
                event.seq,
                event.type,
                event.task_id,
                event.agent_id,
                event.payload,
                event.hash,
                event.at,
            )
