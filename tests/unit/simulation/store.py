"""The store in memory under observation: after each write everything that must always hold is checked."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from core.clock import Clock
from sessions.engine.batch import Batch, Committed, Outcome
from sessions.engine.inputs import CommandRead
from sessions.engine.scheduling import scopes_of
from sessions.engine.state import Execution, Session, Step, Task, is_executing
from sessions.engine.store.base import Claim, StoreUnavailable
from sessions.engine.store.memory import MemoryStore
from sessions.events import EventRecord
from sessions.policies import UNCOUNTED_CODES
from sessions.states import LIVE_EXECUTION
from tests.unit.simulation.projection import FollowedLog

T = TypeVar("T")
Complain = Callable[[str], None]
UNSTORABLE = "the database cannot hold this"


class Killed(BaseException):
    """The process that would go on here is dead."""


def refuses(batch: Batch) -> str | None:
    """The data error the simulation plants: a value that passes every gate and still cannot be stored."""
    values = [write.execution.result for write in batch.executions] + [message.content for message in batch.messages]
    return "DataError: planted" if UNSTORABLE in values else None


class WatchedStore(MemoryStore):
    """Keeps rows of its own, made of the row writes alone, and hands sessions out as a database would load them."""

    def __init__(self, clock: Clock, complain: Complain) -> None:
        super().__init__(clock=clock, reject=refuses)
        self.complain = complain
        self.logs: dict[str, FollowedLog] = {}
        self.task_rows: dict[str, dict[str, Task]] = {}
        self.attempts: dict[str, list[str]] = {}
        self.tokens: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.applied: list[Batch] = []
        self.late: list[Batch] = []
        self.asked: set[int] = set()
        self.expired: set[str] = set()
        self.requests: list[tuple[str, CommandRead]] = []
        self.step_rows: dict[str, dict[str, Step]] = {}
        self.run_by: dict[str, int] = {}
        self.answers: dict[int, Batch] = {}

    def submit(self, session: Session, events: Sequence[EventRecord]) -> None:
        """A session with the events its creation wrote."""
        if session.id in self.sessions:
            self.complain(f"{session.id} is made a second time")
        self.add(session)
        self.events[session.id] = list(events)
        self.task_rows[session.id] = dict(session.tasks)
        self.tokens[session.id] = session.token
        self.logs[session.id] = FollowedLog(lambda text: self.complain(f"{session.id}: {text}"))
        self._project(session.id, events)

    def _insert(self, session_id: str, kind: str, payload: Mapping[str, Any], actor: str) -> int:
        command = super()._insert(session_id, kind, payload, actor)
        self.asked.add(command)
        self.requests.append((session_id, CommandRead(command, kind, payload, actor)))
        return command

    def _take(self, session: Session, worker_id: str) -> Claim:
        self.sessions[session.id] = replace(session, tasks=self.loaded_tasks(session.id))
        claim = super()._take(self.sessions[session.id], worker_id)
        if claim.session.token <= self.tokens[session.id]:
            self.complain(f"{session.id}: a takeover did not raise the token")
        self.tokens[session.id] = claim.session.token
        return claim

    def loaded_tasks(self, session_id: str) -> dict[str, Task]:
        """The tasks as a database gives them back: attempts are counted, a time limit is not kept."""
        return {key: self._loaded(task) for key, task in self.task_rows[session_id].items()}

    def _loaded(self, task: Task) -> Task:
        rows = [self.executions[key] for key in self.attempts.get(task.id, [])]
        live = [row for row in rows if row.state in LIVE_EXECUTION]
        if len(live) > 1:
            self.complain(f"task {task.name} has {len(live)} live executions")
        return replace(
            task,
            attempts=len(rows),
            uncounted=sum(row.error_code in UNCOUNTED_CODES for row in rows),
            lost=sum(row.error_code == "worker_lost" for row in rows),
            execution=without_memory(live[0]) if live else None,
            steps=in_order(self.step_rows.get(task.id, {}).values()) if task.is_live else (),
        )

    def _apply(self, batch: Batch) -> Outcome:
        key = batch.session_id
        may = batch.session.token == self.tokens[key] and batch.base_seq == self.sessions[key].last_seq
        was_finished, before = self.sessions[key].is_finished, self._picture(batch)
        outcome = super()._apply(batch)
        if not isinstance(outcome, Committed):
            if self._picture(batch) != before:
                self.complain(f"{key}: something of a batch that was {type(outcome).__name__} is visible")
            return outcome
        if not may:
            self.complain(f"{key}: a batch of an owner that is no longer the owner was committed")
        if was_finished:
            self.complain(f"{key}: a finished session was written to")
        for command in batch.commands:  # a batch without events may be written twice: it says the same again
            if self.answers.setdefault(command.command_id, batch) is not batch:
                self.complain(f"{key}: command {command.command_id} was answered twice")
        self._write_rows(batch)
        self._check_children(batch)
        return outcome

    def _check_children(self, batch: Batch) -> None:
        """Whose agent waits no more is told to stop, and so is everybody below a session that failed or was cancelled.

        In the same commit: nobody would do it later.
        """
        ended = self.sessions[batch.session_id]
        for child in [one for one in self.sessions.values() if one.parent_session_id == ended.id]:
            if child.is_finished or any(to == child.id and asked.kind == "cancel" for to, asked in self.requests):
                continue
            task, step = self._waiting(child.id)
            waits = step.request["wait"] and not task.is_live
            if waits or ended.status in ("FAILED", "CANCELLED"):
                self.complain(f"{child.id} goes on though {ended.id} is {ended.status} and {task.name} {task.status}")

    def _waiting(self, step_id: str) -> tuple[Task, Step]:
        task_id = next(key for key, steps in self.step_rows.items() if step_id in steps)
        tasks = next(tasks for tasks in self.task_rows.values() if task_id in tasks)
        return tasks[task_id], self.step_rows[task_id][step_id]

    def check_families(self) -> None:
        """Each child has said its end once; its usage counts for its parent, if that could still hear it."""
        for child in [one for one in self.sessions.values() if one.parent_session_id]:
            told = [asked for _, asked in self.requests if asked.payload.get("child") == child.id]
            if [asked.payload["usage"] for asked in told] != [child.usage]:
                self.complain(f"{child.id} has told its end {len(told)} times, or not what it has used")
        for key, session in self.sessions.items():
            heard = [asked for to, asked in self.requests if to == key and asked.kind == "answer"]
            applied = [asked for asked in heard if self.outcomes[asked.id].startswith("applied")]
            lost = [self.outcomes[asked.id] for asked in heard if asked not in applied]
            if any("finished" not in outcome for outcome in lost):
                self.complain(f"{key} did not take what its children said: {lost}")
            counted = own_tokens(self.events[key]) + sum(one.payload["usage"].get("tokens", 0) for one in applied)
            if counted != session.usage.get("tokens", 0):
                self.complain(f"{key} and those below it have used {counted} tokens, it says {session.usage}")

    def _picture(self, batch: Batch) -> Any:
        executions = {write.execution.id: self.executions.get(write.execution.id) for write in batch.executions}
        session = self.sessions[batch.session_id]
        logged = len(self.events.get(batch.session_id, ()))
        return id(session), logged, executions, len(self.history), len(self.messages), len(self.outcomes)

    def _write_rows(self, batch: Batch) -> None:
        self.applied.append(batch)
        self.written[batch.session_id] = batch.session.token
        for task_write in batch.tasks:
            self.task_rows[batch.session_id][task_write.task.id] = replace(task_write.task, execution=None)
        for write in batch.executions:
            known = self.attempts.setdefault(write.task.id, [])
            if write.execution.id not in known:
                known.append(write.execution.id)
            self.run_by[write.execution.id] = batch.session.token
        for step_write in batch.steps:
            self.step_rows.setdefault(step_write.task_id, {})[step_write.step.id] = step_write.step
        self._project(batch.session_id, batch.events)
        self._compare_with_memory(batch.session)
        self._check_limits()

    def live_workers(self) -> list[str]:
        live = super().live_workers()
        self.expired.update(worker for worker in self._workers if worker not in live)
        return live

    def _check_limits(self) -> None:
        """What runs by the rows, on hosts that may still run it, is within the limit of each scope.

        What a host has just taken over has not begun there: it is lost with the host before. A worker whose lease has
        run out stays dead, even if the clock is set back to before that.
        """
        may_run = set(self.live_workers()) - self.expired
        running: Counter[str] = Counter()
        for key, session in self.sessions.items():
            if self._leases[key].owner not in may_run or self.written.get(key) != self.tokens[key]:
                continue  # dead, or taken over from the dead a moment ago: its rows still say what ran there
            for task in self.loaded_tasks(key).values():
                if is_executing(task) and task.execution and self.run_by[task.execution.id] == self.tokens[key]:
                    running.update(scopes_of(session, task))
        for scope, count in running.items():
            limit = self._limit(scope)
            if limit is not None and count > limit:
                self.complain(f"{count} tasks run in {scope}, whose limit is {limit}")

    def _project(self, session_id: str, events: Sequence[EventRecord]) -> None:
        log = self.logs[session_id]
        for event in events:
            log.apply(event)
        log.compare(self.sessions[session_id], self.loaded_tasks(session_id), self.executions)

    def _compare_with_memory(self, session: Session) -> None:
        """What the runner goes on with must be what a new runner would load."""
        for key, row in self.loaded_tasks(session.id).items():
            task = session.tasks[key]
            kept = replace(
                task,
                execution=without_memory(task.execution) if task.execution else None,
                steps=in_order(task.steps) if task.is_live else (),
            )
            if kept != row:
                self.complain(f"task {task.name} in memory is not its row: {kept} / {row}")


def without_memory(execution: Execution) -> Execution:
    """The execution without what no column holds."""
    return replace(execution, deadline_at=None, event_count=0)


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.created_at, step.id)))


def own_tokens(events: Sequence[EventRecord]) -> int:
    """What the session's own agents have used, as its log tells."""
    said = [(event, json.loads(event.payload)["data"]) for event in events]
    used = sum(data.get("tokens", 0) for event, data in said if event.type == "usage" and event.task_id)
    return used + sum(data["usage"].get("tokens", 0) for event, data in said if event.type == "step.completed")


class HostStore:
    """One host's way to the store, on which answers get lost and the host may die."""

    def __init__(self, store: WatchedStore, line: "Line") -> None:
        self._store, self._line = store, line

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        return lambda *args: self._line.call(lambda: method(*args))

    def changes(self) -> Any:
        return self._line.call(self._store.changes) if self._line.has_change_mark else None

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        return self._line.write(list(batches))


class Line(ABC):
    """Between a host and the store: what is reached, when, and whether the answer comes back."""

    has_change_mark = False

    @abstractmethod
    def call(self, action: Callable[[], T]) -> T: ...

    @abstractmethod
    def write(self, batches: list[Batch]) -> list[Outcome]: ...


__all__ = ["UNSTORABLE", "HostStore", "Killed", "Line", "StoreUnavailable", "WatchedStore"]
