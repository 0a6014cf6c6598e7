"""What one step of a session writes: frozen, complete, applied as a whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.events import EventRecord


@dataclass(frozen=True, slots=True)
class TaskWrite:
    """A task's row after the step; `previous` is the status it must still have (None: the row is new)."""

    previous: str | None
    task: Task


@dataclass(frozen=True, slots=True)
class ExecutionWrite:
    """An execution's row after the step; `previous` as in `TaskWrite`."""

    previous: str | None
    task: Task
    execution: Execution


@dataclass(frozen=True, slots=True)
class StepWrite:
    """A step's row after the decision; `previous` as in `TaskWrite`."""

    previous: str | None
    task_id: str
    step: Step


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command for another session, put into its inbox with this commit; the same `dedupe_key` counts once."""

    session_id: str
    kind: str
    payload: Mapping[str, Any]
    actor: str
    dedupe_key: str


@dataclass(frozen=True, slots=True)
class HistoryWrite:
    id: str
    execution_id: str
    previous: str | None
    new: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    command_id: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Batch:
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

    @property
    def session_id(self) -> str:
        return self.session.id


@dataclass(frozen=True, slots=True)
class Committed:
    """It is in the database."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The session belongs to somebody else by now; nothing of the batch was written."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The database cannot hold what is in the batch; nothing of it was written."""

    reason: str


Outcome = Committed | Refused | Rejected
