"""One step of a session in the making: changes are collected here and become one batch."""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sessions.engine.batch import (
    Batch,
    CommandOutcome,
    CommandRequest,
    ExecutionWrite,
    HistoryWrite,
    PlacementWrite,
    StepWrite,
    TaskWrite,
)
from sessions.engine.inputs import Effect, SlotWanted
from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.events import EventRecord, record_event
from sessions.policies import RetryPolicy
from sessions.states import EXECUTION_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE


class Moment(Struct, frozen=True):
    """All that a decision takes from outside: the instant, chance, new ids, and whether a slot can be had.

    `places_elsewhere`: there are workers of queues beside this one.
    """

    now: datetime
    rng: Random
    new_id: Callable[[], str]
    grant: Callable[[SlotWanted], bool]
    retry: RetryPolicy = RetryPolicy()
    places_elsewhere: bool = False


class Decision(Struct, frozen=True):
    """The state a step leads to, what it writes (None: nothing), what is to be done then, and when to look again."""

    session: Session
    batch: Batch | None
    effects: tuple[Effect, ...]
    wake_at: datetime | None
    releases: bool


class Draft:
    """The mutable side of one decision. Every move is checked against the lifecycle tables."""

    def __init__(self, session: Session, moment: Moment) -> None:
        self.before = session
        self.moment = moment
        self.now = moment.now
        self.session = session
        self.tasks: dict[str, Task] = dict(session.tasks)
        self.events: list[EventRecord] = []
        self.messages: list[Message] = []
        self.commands: list[CommandOutcome] = []
        self.requests: list[CommandRequest] = []
        self.placements: list[PlacementWrite] = []
        self.effects: list[Effect] = []
        self.releases = False
        self.is_takeover = False
        self._seq, self._hash = session.last_seq, session.last_hash
        self._history: list[HistoryWrite] = []
        self._executions: dict[str, ExecutionWrite] = {}
        self._steps: dict[str, StepWrite] = {}
        self._changed: dict[str, None] = {}
        self._by_execution = {task.execution.id: task.id for task in self.tasks.values() if task.execution is not None}

    def emit(self, event_type: str, data: Mapping[str, Any], task: Task | None = None) -> None:
        """Append an event; `task` gives its task and agent."""
        event = record_event(
            previous_hash=self._hash,
            seq=self._seq + 1,
            event_type=event_type,
            at=self.now,
            data=data,
            task=task.id if task else None,
            agent=task.agent_id if task else None,
        )
        self._seq, self._hash = event.seq, event.hash
        self.events.append(event)

    def change(self, **fields: Any) -> None:
        """Set fields of the session."""
        self.session = replace(self.session, **fields)

    def move_session(self, status: str, **fields: Any) -> None:
        SESSION_LIFECYCLE.check(self.session.status, status)
        self.change(status=status, **fields)

    @property
    def changed_tasks(self) -> list[Task]:
        """The tasks this decision has set a field of."""
        return [self.tasks[key] for key in self._changed]

    def add_task(self, task: Task) -> None:
        self.tasks[task.id] = task
        self._changed[task.id] = None

    def set_task(self, task: Task, **fields: Any) -> Task:
        """The task with other fields; its status is moved with `move_task` only."""
        self.tasks[task.id] = task = replace(task, **fields)
        self._changed[task.id] = None
        return task

    def move_task(self, task: Task, status: str, **fields: Any) -> Task:
        TASK_LIFECYCLE.check(task.status, status)
        return self.set_task(task, status=status, **fields)

    def task_of(self, execution_id: str) -> Task | None:
        """The task whose live execution this is; None once that attempt has ended."""
        task = self.tasks.get(self._by_execution.get(execution_id, ""))
        return task if task and task.execution and task.execution.id == execution_id else None

    def open_execution(self, task: Task, execution: Execution) -> Task:
        """A new attempt at the task."""
        self._by_execution[execution.id] = task.id
        self._remember(execution.id, None, execution.state, "queued")
        return self._put_execution(task, execution, previous=None)

    def set_execution(self, task: Task, **fields: Any) -> Task:
        execution = _live(task)
        return self._put_execution(task, replace(execution, **fields), previous=execution.state)

    def move_execution(self, task: Task, state: str, reason: str = "", **fields: Any) -> Task:
        execution = _live(task)
        EXECUTION_LIFECYCLE.check(execution.state, state)
        self._remember(execution.id, execution.state, state, reason)
        return self._put_execution(task, replace(execution, state=state, **fields), previous=execution.state)

    def close_execution(self, task: Task, state: str, reason: str = "", **fields: Any) -> Task:
        """End the live attempt; the task has none afterwards."""
        task = self.move_execution(task, state, reason, completed_at=self.now, **fields)
        self.tasks[task.id] = task = replace(task, execution=None)
        return task

    def _put_execution(self, task: Task, execution: Execution, *, previous: str | None) -> Task:
        self.tasks[task.id] = task = replace(task, execution=execution)
        known = self._executions.get(execution.id)
        self._executions[execution.id] = ExecutionWrite(known.previous if known else previous, task, execution)
        return task

    def put_step(self, task: Task, step: Step) -> Task:
        """Add a step to the task, or replace the one of the same id."""
        known = next((one for one in task.steps if one.id == step.id), None)
        before = self._steps[step.id].previous if step.id in self._steps else known.status if known else None
        self._steps[step.id] = StepWrite(before, task.id, step)
        others = tuple(one for one in task.steps if one.id != step.id) if known else task.steps
        self.tasks[task.id] = task = replace(task, steps=(*others, step))
        return task

    def _remember(self, execution_id: str, previous: str | None, new: str, reason: str) -> None:
        self._history.append(HistoryWrite(self.moment.new_id(), execution_id, previous, new, reason, self.now))

    def decision(self, wake_at: datetime | None) -> Decision:
        """Everything collected, as values."""
        session = replace(
            self.session,
            tasks=self.tasks,
            messages=self.session.messages + tuple(self.messages),
            last_seq=self._seq,
            last_hash=self._hash,
            wake_at=wake_at if self.releases else None,
        )
        return Decision(session, self._batch(session), tuple(self.effects), wake_at, self.releases)

    def _batch(self, session: Session) -> Batch | None:
        tasks = tuple(self._task_writes())
        writes = (self.events, tasks, self._executions, self.commands, self.messages, self._steps, self.requests)
        if not any(writes) and not self.releases:
            return None
        return Batch(
            session=session,
            base_seq=self.before.last_seq,
            at=self.now,
            events=tuple(self.events),
            tasks=tasks,
            executions=tuple(self._executions.values()),
            history=tuple(self._history),
            messages=tuple(self.messages),
            commands=tuple(self.commands),
            releases=self.releases,
            steps=tuple(self._steps.values()),
            requests=tuple(self.requests),
            placements=tuple(self.placements),
        )

    def _task_writes(self) -> list[TaskWrite]:
        before = self.before.tasks
        return [TaskWrite(before[key].status if key in before else None, self.tasks[key]) for key in self._changed]


def _live(task: Task) -> Execution:
    if task.execution is None:
        raise ValueError(f"task {task.name} has no live execution")
    return task.execution
