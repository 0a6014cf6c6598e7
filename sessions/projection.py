"""The state of a session as its event log alone tells it: a fold that shares only the lifecycle tables with the engine.

`verify_session`, the simulation and the chaos tests hold the rows against it (`sessions.row_check`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.canonical import canonical_json
from core.lifecycle import Lifecycle
from sessions.policies import UNCOUNTED_CODES, WORKER_LOST_LIMIT
from sessions.states import EXECUTION_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE

LARGEST_REPORT = 100
"""Problems kept of one session; a log that is wrong throughout would otherwise fill the memory."""

_MOVED_TO = {"planning": "PLANNING", "started": "RUNNING", "paused": "PAUSED", "waiting": "WAITING"}
_ENDED_AS = {"completed": "COMPLETED", "failed": "FAILED", "cancelled": "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and the event at which it shows; `code` is one word for programs."""

    seq: int
    code: str
    message: str


@dataclass(slots=True)
class TaskView:
    """A task as the log tells it; `seq` is the last event that moved it, `execution` its live attempt."""

    name: str
    depends_on: tuple[str, ...]
    agent: str | None
    seq: int
    status: str = "PENDING"
    attempts: int = 0
    uncounted: int = 0
    lost: int = 0
    output: str = ""
    code: str = ""
    execution: str | None = None


@dataclass(slots=True)
class ExecutionView:
    """An attempt as the log tells it."""

    task: str
    attempt: int
    state: str
    seq: int


@dataclass(slots=True)
class Projection:
    """Fold events in with `apply`, in the order of their seq. `problems` collects what no healthy log says.

    Of outputs and results only digests are kept, so that a log of any length fits in memory.
    """

    status: str = ""
    before_pause: str = ""
    seq: int = 0
    status_seq: int = 0
    usage: dict[str, float] = field(default_factory=dict)
    is_usage_whole: bool = True
    result: str = ""
    code: str = ""
    tasks: dict[str, TaskView] = field(default_factory=dict)
    executions: dict[str, ExecutionView] = field(default_factory=dict)
    has_ended: bool = False
    problems: list[Problem] = field(default_factory=list)

    def apply(self, frame: Mapping[str, Any]) -> None:
        """Take in the next event: `{seq, type, at, task, agent, data}`, as its text says."""
        self.seq = frame["seq"]
        if self.has_ended:
            self.complain("after_end", f"{frame['type']} comes after the end of the session")
        try:
            self._apply(frame["type"], frame["task"], frame["agent"], frame["data"])
        except (KeyError, TypeError) as error:
            self.complain("unreadable", f"{frame['type']} does not fit what came before it ({error!r})")

    def complain(self, code: str, message: str, seq: int | None = None) -> None:
        if len(self.problems) < LARGEST_REPORT:
            self.problems.append(Problem(self.seq if seq is None else seq, code, message))

    def _apply(self, event_type: str, task: str | None, agent: str | None, data: Mapping[str, Any]) -> None:
        kind, _, word = event_type.partition(".")
        if kind == "session":
            self._session(word, data)
        elif event_type == "task.created" and task:
            self.tasks[task] = TaskView(data["name"], tuple(data["depends_on"]), data["agent"], self.seq)
        elif kind in ("task", "execution") and task:
            self._task(event_type, task, self.tasks[task], agent, data)
        elif event_type == "usage":
            self._add_usage(data)
        elif event_type in ("step.completed", "step.answered"):
            self._add_usage(data["usage"])
        elif event_type == "log.truncated":
            self.is_usage_whole = False

    def _add_usage(self, amounts: Mapping[str, Any]) -> None:
        self.usage = {key: self.usage.get(key, 0) + amounts.get(key, 0) for key in {**self.usage, **amounts}}

    def _session(self, word: str, data: Mapping[str, Any]) -> None:
        if word == "created":
            self.status, self.status_seq = "PENDING", self.seq
        elif word == "started" and self.status == "PAUSED":
            self.before_pause = "RUNNING"
        elif word in _MOVED_TO or word == "resumed":
            self._move_session(data["status"] if word == "resumed" else _MOVED_TO[word])
        elif word in _ENDED_AS:
            self._move_session(_ENDED_AS[word])
            self.has_ended = True
            self.code = data.get("code", "")
            if word == "completed":
                self.result, self.usage, self.is_usage_whole = digest(data["result"]), dict(data["usage"]), True

    def _move_session(self, status: str) -> None:
        self.before_pause = self.status if status == "PAUSED" else ""
        self.status, self.status_seq = self._move(SESSION_LIFECYCLE, self.status, status), self.seq

    def _move(self, lifecycle: Lifecycle, previous: str, new: str) -> str:
        if not lifecycle.permits(previous, new):
            self.complain("illegal_move", f"a {lifecycle.name} went from {previous} to {new}")
        return new

    def _task(self, event_type: str, key: str, task: TaskView, agent: str | None, data: Mapping[str, Any]) -> None:
        match event_type:
            case "task.reused":
                self._reused(task, agent, data)
            case "task.queued":
                task.agent = agent
                self._to(task, "QUEUED")
            case "task.started":
                self._started(key, task, data)
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
                self._to(task, event_type.partition(".")[2].upper())
                task.code = data.get("code", "")

    def _reused(self, task: TaskView, agent: str | None, data: Mapping[str, Any]) -> None:
        if task.status != "PENDING":
            self.complain("late_reuse", f"{task.name} was taken over from an earlier session when it was {task.status}")
        if any(self.tasks[earlier].status != "COMPLETED" for earlier in task.depends_on):
            self.complain("inputs_missing", f"{task.name} was taken over and its inputs were not")
        task.agent, task.status, task.seq, task.output = agent, "COMPLETED", self.seq, digest(data["output"])

    def _to(self, task: TaskView, status: str) -> None:
        task.status, task.seq = self._move(TASK_LIFECYCLE, task.status, status), self.seq

    def _execution(self, task: TaskView, state: str) -> None:
        if task.execution is None:
            self.complain("not_live", f"an attempt at {task.name} that is not live became {state}")
            return
        view = self.executions[task.execution]
        view.state, view.seq = self._move(EXECUTION_LIFECYCLE, view.state, state), self.seq
        if state in EXECUTION_LIFECYCLE.final:
            task.execution = None

    def _started(self, key: str, task: TaskView, data: Mapping[str, Any]) -> None:
        if any(self.tasks[earlier].status != "COMPLETED" for earlier in task.depends_on):
            self.complain("inputs_missing", f"{task.name} started before its inputs were complete")
        if task.status == "WAITING" and task.execution == data["execution"]:
            self._execution(task, "RUNNING")
        else:
            self._new_attempt(key, task, data["execution"])
        self._to(task, "RUNNING")
        if data["attempt"] != task.attempts:
            self.complain("attempt_number", f"attempt {task.attempts} at {task.name} calls itself {data['attempt']}")

    def _new_attempt(self, key: str, task: TaskView, execution: str) -> None:
        if task.execution is not None:
            self.complain("two_attempts", f"a second attempt at {task.name} began while one was live")
        task.attempts += 1
        task.execution = execution
        self.executions[execution] = ExecutionView(key, task.attempts, "RUNNING", self.seq)

    def _attempt_failed(self, task: TaskView, data: Mapping[str, Any]) -> None:
        if data["execution"] != task.execution:
            self.complain("not_live", f"an attempt at {task.name} failed that is not live")
        self._execution(task, "FAILED")
        if data["code"] not in UNCOUNTED_CODES:
            return
        task.uncounted += 1
        task.lost += data["code"] == "worker_lost"
        self._to(task, "QUEUED")
        if task.lost > WORKER_LOST_LIMIT:
            self.complain("too_many_crashes", f"{task.lost} workers died under {task.name}")

    def _completed(self, task: TaskView, data: Mapping[str, Any]) -> None:
        if task.status == "WAITING":
            self._to(task, "RUNNING")
            self._execution(task, "RUNNING")
        if task.output:
            self.complain("second_output", f"a second output of {task.name} was committed")
        self._execution(task, "COMPLETED")
        self._to(task, "COMPLETED")
        task.output = digest(data["output"])


def digest(value: Any) -> str:
    """The same for two values that are equal, however a database spelled their numbers (1e22, -0.0, 3.0)."""
    return hashlib.sha256(canonical_json(_plain(value)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
