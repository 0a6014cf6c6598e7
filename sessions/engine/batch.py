"""What one step of a session writes: frozen, complete, applied as a whole or not at all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.events import EventRecord


class TaskWrite(Struct, frozen=True):
    """A task's row after the step; `previous` is the status it must still have (None: the row is new)."""

    previous: str | None
    task: Task


class ExecutionWrite(Struct, frozen=True):
    """An execution's row after the step; `previous` as in `TaskWrite`."""

    previous: str | None
    task: Task
    execution: Execution


class StepWrite(Struct, frozen=True):
    """A step's row after the decision; `previous` as in `TaskWrite`."""

    previous: str | None
    task_id: str
    step: Step


class PlacementWrite(Struct, frozen=True):
    """The run of an execution on a queue's worker; a later run of the same execution takes its place."""

    id: str
    execution_id: str
    queue: str
    run_id: str


class CommandRequest(Struct, frozen=True):
    """A command for another session, put into its inbox with this commit; the same `dedupe_key` counts once."""

    session_id: str
    kind: str
    payload: Mapping[str, Any]
    actor: str
    dedupe_key: str


class HistoryWrite(Struct, frozen=True):
    id: str
    execution_id: str
    previous: str | None
    new: str
    reason: str
    at: datetime


class CommandOutcome(Struct, frozen=True):
    command_id: int
    outcome: str


class Batch(Struct, frozen=True):
    """Valid only while the session's row still has `token` and `base_seq`. `session` is the state it leads to."""

    session: Session
    base_seq: int
    at: datetime
    events: tuple[EventRecord, ...]
    tasks: tuple[TaskWrite, ...]
    executions: tuple[ExecutionWrite, ...]
    history: tuple[HistoryWrite, ...]
    messages: tuple[Message, ...]
    commands: tuple[CommandOutcome, ...]
    releases: bool
    steps: tuple[StepWrite, ...] = ()
    requests: tuple[CommandRequest, ...] = ()
    placements: tuple[PlacementWrite, ...] = ()

    @property
    def session_id(self) -> str:
        return self.session.id


class Committed(Struct, frozen=True):
    """It is in the database."""


class Refused(Struct, frozen=True):
    """The session belongs to somebody else by now; nothing of the batch was written."""


class Rejected(Struct, frozen=True):
    """The database cannot hold what is in the batch; nothing of it was written."""

    reason: str


Outcome = Committed | Refused | Rejected
