"""What a group of batches writes, as the statements of one transaction, in their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sessions.engine.batch import Batch
from sessions.engine.store import tables
from sessions.engine.store.tables import Columns, Row, Table


class Stale(Exception):
    """A row was not in the state the batches build on; nothing was written."""


@dataclass(frozen=True, slots=True)
class Insert:
    """New rows. `on_conflict` is what SQL says behind `ON CONFLICT`."""

    table: Table
    rows: Sequence[Row]
    on_conflict: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """Each row holds the new values, then those of the key; every one must be found, or all is `Stale`."""

    table: Table
    key: Columns
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Other:
    """A statement that fits neither; `sql` has a `%s` for each of the (kind, value)."""

    sql: str
    values: Sequence[tuple[str, Any]]


Statement = Insert | Update | Other

_FENCE: Columns = (("id", "uuid"), ("lease_token", "number"), ("last_seq", "number"))
_STATUS: Columns = (("id", "uuid"), ("status", "text"))
_STATE: Columns = (("id", "uuid"), ("state", "text"))
_ANOTHER_RUN = (
    "(execution_id) DO UPDATE SET queue = excluded.queue, run_id = excluded.run_id, created_at = excluded.created_at"
)


def statements_of(batches: Sequence[Batch]) -> list[Statement]:
    """The first ones are the fence: a session not under its lease, or not at the expected position, makes all stale."""
    found: tuple[Insert | Update, ...] = (
        *_sessions(batches),
        *_tasks(batches),
        *_executions(batches),
        Insert(tables.HISTORY, list(tables.history_rows(batches))),
        Insert(tables.MESSAGE, list(tables.message_rows(batches))),
        *_steps(batches),
        Insert(tables.PLACEMENT, list(tables.placement_rows(batches)), on_conflict=_ANOTHER_RUN),
        Insert(tables.EVENT, list(tables.event_rows(batches))),
    )
    return [*(one for one in found if one.rows), *_commands(batches)]


def _sessions(batches: Sequence[Batch]) -> Iterator[Update]:
    """The lease stays with its owner until the session is let go."""
    rows = [(*tables.session_row(b), b.session_id, b.session.token, b.base_seq) for b in batches if not b.releases]
    yield Update(tables.SESSION, _FENCE, rows)
    released = [
        (None, *tables.session_row(b), b.session_id, b.session.token, b.base_seq) for b in batches if b.releases
    ]
    yield Update(tables.RELEASED_SESSION, _FENCE, released)


def _tasks(batches: Sequence[Batch]) -> Iterator[Insert | Update]:
    writes = [(write, batch) for batch in batches for write in batch.tasks]
    yield Insert(tables.NEW_TASK, [tables.new_task_row(w, b) for w, b in writes if w.previous is None])
    yield Insert(tables.DEPENDENCY, list(tables.dependency_rows(batches)))
    changed = [(*tables.task_row(w, b), w.task.id, w.previous) for w, b in writes if w.previous is not None]
    yield Update(tables.TASK, _STATUS, changed)


def _executions(batches: Sequence[Batch]) -> Iterator[Insert | Update]:
    """Ends come before beginnings: a takeover ends an attempt and begins the next, and only one may be live."""
    writes = [(write, batch) for batch in batches for write in batch.executions]
    changed = [(*tables.execution_row(w, b), w.execution.id, w.previous) for w, b in writes if w.previous is not None]
    yield Update(tables.EXECUTION, _STATE, changed)
    yield Insert(tables.NEW_EXECUTION, [tables.new_execution_row(w, b) for w, b in writes if w.previous is None])


def _steps(batches: Sequence[Batch]) -> Iterator[Insert | Update]:
    writes = [write for batch in batches for write in batch.steps]
    yield Insert(tables.NEW_STEP, [tables.new_step_row(w) for w in writes if w.previous is None])
    changed = [(*tables.step_row(w), w.step.id, w.previous) for w in writes if w.previous is not None]
    yield Update(tables.STEP, _STATUS, changed)


def _commands(batches: Sequence[Batch]) -> Iterator[Other]:
    """Outcomes of commands, and commands for other sessions: these may be gone, and asking twice counts once."""
    for batch in batches:
        for command in batch.commands:
            yield Other(
                "UPDATE session_command SET applied_at = %s, outcome = %s WHERE id = %s",
                [("time", batch.at), ("text", command.outcome), ("number", command.command_id)],
            )
        for request in batch.requests:
            yield Other(
                "INSERT INTO session_command (session_id, kind, payload, actor, dedupe_key, created_at, outcome) "
                "SELECT id, %s, %s, %s, %s, %s, '' FROM agent_session WHERE id = %s ON CONFLICT DO NOTHING",
                [
                    ("text", request.kind),
                    ("json", dict(request.payload)),
                    ("text", request.actor),
                    ("text", request.dedupe_key),
                    ("time", batch.at),
                    ("uuid", request.session_id),
                ],
            )
