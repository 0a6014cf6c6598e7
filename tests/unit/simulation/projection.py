"""The rows as the event log alone tells them, written apart from the engine: it shares only the lifecycle tables."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.lifecycle import Lifecycle
from sessions.engine.state import Execution, Session, Task
from sessions.events import GENESIS_HASH, EventRecord
from sessions.states import EXECUTION_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE

UNCOUNTED = ("worker_lost", "handed_over")
TOO_MANY_CRASHES = 3


@dataclass
class TaskView:
    depends_on: tuple[str, ...]
    agent: str | None
    status: str = "PENDING"
    attempts: int = 0
    uncounted: int = 0
    lost: int = 0
    output: Any = None
    code: str = ""
    execution: str | None = None
    completions: int = 0


@dataclass
class Projection:
    """Fold events in with `apply`; `complaints` collects what no healthy log says."""

    complain: Callable[[str], None]
    status: str = ""
    before_pause: str = ""
    seq: int = 0
    hash: str = GENESIS_HASH
    usage: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, TaskView] = field(default_factory=dict)
    executions: dict[str, str] = field(default_factory=dict)
    ends: int = 0

    def apply(self, event: EventRecord, max_attempts: Callable[[str], int]) -> None:
        self._check_chain(event)
        if self.ends:
            self.complain(f"{event.type} after the end of the session")
        data = json.loads(event.payload)["data"]
        kind, _, word = event.type.partition(".")
        if kind == "session":
            self._session(word, data)
        elif kind in ("task", "execution") and event.task_id:
            self._task(event.type, event.task_id, event.agent_id, data, max_attempts)
        elif kind == "usage":
            self.usage = {key: self.usage.get(key, 0) + data.get(key, 0) for key in {**self.usage, **data}}

    def _check_chain(self, event: EventRecord) -> None:
        if event.seq != self.seq + 1 or json.loads(event.payload)["seq"] != event.seq:
            self.complain(f"event {event.seq} ({event.type}) follows event {self.seq}")
        if event.hash != hashlib.sha256((self.hash + event.payload).encode()).hexdigest():
            self.complain(f"event {event.seq} ({event.type}) is not chained to the one before it")
        self.seq, self.hash = event.seq, event.hash

    def _move(self, lifecycle: Lifecycle, previous: str, new: str) -> str:
        if not any(previous in move.sources and move.target == new for move in lifecycle.moves.values()):
            self.complain(f"a {lifecycle.name} went from {previous} to {new}")
        return new

    def _session(self, word: str, data: Mapping[str, Any]) -> None:
        names = {"planning": "PLANNING", "started": "RUNNING", "paused": "PAUSED", "waiting": "WAITING"}
        ends = {"completed": "COMPLETED", "failed": "FAILED", "cancelled": "CANCELLED"}
        if word == "created":
            self.status = "PENDING"
        elif word == "started" and self.status == "PAUSED":
            self.before_pause = "RUNNING"
        else:
            new = data["status"] if word == "resumed" else {**names, **ends}[word]
            self.before_pause = self.status if word == "paused" else ""
            self.status = self._move(SESSION_LIFECYCLE, self.status, new)
            self.ends += word in ends

    def _task(
        self, kind: str, key: str, agent: str | None, data: Mapping[str, Any], max_attempts: Callable[[str], int]
    ) -> None:
        if kind == "task.created":
            self.tasks[key] = TaskView(tuple(data["depends_on"]), data["agent"])
            return
        task = self.tasks[key]
        match kind:
            case "task.queued":
                task.agent = agent
                self._to(task, "QUEUED")
            case "task.started":
                self._started(task, key, data, max_attempts(key))
            case "task.waiting":
                self._to(task, "WAITING")
                self._execution(task, "PAUSED")
            case "task.retrying":
                self._to(task, "QUEUED")
            case "execution.failed":
                self._attempt_failed(task, data)
            case "execution.cancelled":
                self._execution(task, "CANCELLED")
            case "task.completed":
                self._completed(task, data)
            case "task.failed" | "task.cancelled" | "task.skipped":
                self._to(task, kind.partition(".")[2].upper())
                task.code = data.get("code", "")

    def _to(self, task: TaskView, status: str) -> None:
        task.status = self._move(TASK_LIFECYCLE, task.status, status)

    def _execution(self, task: TaskView, state: str) -> None:
        if task.execution is None:
            self.complain(f"{state} of an attempt that is not live")
            return
        self.executions[task.execution] = self._move(EXECUTION_LIFECYCLE, self.executions[task.execution], state)
        if state in EXECUTION_LIFECYCLE.final:
            task.execution = None

    def _started(self, task: TaskView, key: str, data: Mapping[str, Any], max_attempts: int) -> None:
        if any(self.tasks[earlier].status != "COMPLETED" for earlier in task.depends_on):
            self.complain("a task started before its inputs were complete")
        if task.status == "WAITING" and task.execution == data["execution"]:
            self._execution(task, "RUNNING")
        else:
            if task.execution is not None:
                self.complain("a second attempt began while one was live")
            task.attempts += 1
            task.execution = data["execution"]
            self.executions[data["execution"]] = "RUNNING"
        self._to(task, "RUNNING")
        if data["attempt"] != task.attempts:
            self.complain(f"attempt {task.attempts} calls itself {data['attempt']}")
        if task.attempts - task.uncounted > max_attempts:
            self.complain(f"{task.attempts - task.uncounted} attempts where {max_attempts} are allowed")

    def _attempt_failed(self, task: TaskView, data: Mapping[str, Any]) -> None:
        if data["execution"] != task.execution:
            self.complain("an attempt failed that is not live")
        self._execution(task, "FAILED")
        if data["code"] in UNCOUNTED:
            task.uncounted += 1
            task.lost += data["code"] == "worker_lost"
            self._to(task, "QUEUED")
            if task.lost > TOO_MANY_CRASHES:
                self.complain(f"{task.lost} workers died under one task")

    def _completed(self, task: TaskView, data: Mapping[str, Any]) -> None:
        if task.status == "WAITING":
            self._to(task, "RUNNING")
            self._execution(task, "RUNNING")
        self._execution(task, "COMPLETED")
        self._to(task, "COMPLETED")
        task.output = data["output"]
        task.completions += 1
        if task.completions > 1:
            self.complain("a second output of one task was committed")

    def compare(self, row: Session, tasks: Mapping[str, Task], executions: Mapping[str, Execution]) -> None:
        """Complain about every row that says something else than the log."""
        self._same("session", self.status, row.status)
        self._same("last_seq", self.seq, row.last_seq)
        self._same("last_hash", self.hash, row.last_hash)
        self._same("usage", self.usage, dict(row.usage))
        if row.is_paused:
            self._same("status before the pause", self.before_pause, row.status_before_pause)
        self._same("tasks", set(self.tasks), set(tasks))
        for key, view in self.tasks.items():
            task = tasks[key]
            rows = (task.status, task.agent_id, task.attempts, task.uncounted, task.lost, task.output)
            log = (view.status, view.agent, view.attempts, view.uncounted, view.lost, view.output)
            self._same(f"task {task.name}", log, rows)
            if view.status == "FAILED":
                self._same(f"code of {task.name}", view.code, task.error_code)
            self._same(f"live attempt of {task.name}", view.execution, task.execution.id if task.execution else None)
        for key, state in self.executions.items():
            self._same(f"execution {key}", state, executions[key].state)

    def _same(self, what: str, log: Any, row: Any) -> None:
        if log != row:
            self.complain(f"{what}: the log says {log}, the row {row}")
