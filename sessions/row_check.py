"""Whether the rows of a session say what its log says. Pure: the rows come as values, one at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.canonical import compact_json
from sessions.projection import Projection, digest

NO_OUTPUT = ("", digest(None))


@dataclass(frozen=True, slots=True)
class SessionRow:
    """What a session's row says, as far as the log can tell."""

    status: str
    status_before_pause: str
    usage: Mapping[str, float]
    result: Any
    error_code: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What a task's row says."""

    id: str
    name: str
    status: str
    agent: str | None
    max_attempts: int
    output: Any
    error_code: str


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """What an execution's row says."""

    id: str
    task: str
    attempt: int
    state: str


@dataclass(slots=True)
class RowCheck:
    """Holds each row of a session against the projection of its whole log, which collects the problems.

    `finish` comes last: it names the tasks and executions of the log of which there was no row.
    """

    log: Projection
    tasks_seen: set[str] = field(default_factory=set)
    executions_seen: set[str] = field(default_factory=set)

    def session(self, row: SessionRow) -> None:
        log, seq = self.log, self.log.status_seq
        self._same(seq, "session_status", "the session's status", log.status, row.status)
        if log.status == "PAUSED":
            self._same(seq, "session_status", "the status before the pause", log.before_pause, row.status_before_pause)
        if log.is_usage_whole and digest(log.usage) != digest(row.usage):
            self._say(log.seq, "session_usage", f"the usage is {log.usage} in the log and {dict(row.usage)} in the row")
        if log.status == "COMPLETED" and not agrees(log.result, row.result):
            self._say(seq, "session_result", "the session's result in the row is not the one in the log")
        if log.status == "FAILED":
            self._same(seq, "session_error", "the session's error code", log.code, row.error_code)

    def task(self, row: TaskRow) -> None:
        view = self.log.tasks.get(row.id)
        if view is None:
            self._say(self.log.seq, "unknown_task", f"the log knows no task {row.name} ({row.id})")
            return
        self.tasks_seen.add(row.id)
        self._same(view.seq, "task_name", "the name of a task", view.name, row.name)
        self._same(view.seq, "task_status", f"the status of {view.name}", view.status, row.status)
        self._same(view.seq, "task_agent", f"the agent of {view.name}", view.agent, row.agent)
        if view.attempts - view.uncounted > row.max_attempts:
            text = f"{view.name} had {view.attempts - view.uncounted} attempts where {row.max_attempts} are allowed"
            self._say(view.seq, "too_many_attempts", text)
        if view.status == "FAILED":
            self._same(view.seq, "task_error", f"the error code of {view.name}", view.code, row.error_code)
        if not agrees(view.output, row.output):
            self._say(view.seq, "task_output", f"the output of {view.name} in its row is not the one in the log")

    def execution(self, row: ExecutionRow) -> None:
        view = self.log.executions.get(row.id)
        if view is None:
            self._say(self.log.seq, "unknown_execution", f"the log knows no execution {row.id}")
            return
        self.executions_seen.add(row.id)
        name = f"attempt {view.attempt} at {self.log.tasks[view.task].name}"
        self._same(view.seq, "execution_task", f"the task of {name}", view.task, row.task)
        self._same(view.seq, "execution_attempt", f"the number of {name}", view.attempt, row.attempt)
        self._same(view.seq, "execution_state", f"the state of {name}", view.state, row.state)

    def finish(self) -> None:
        for key in self.log.tasks.keys() - self.tasks_seen:
            self._say(
                self.log.tasks[key].seq, "missing_task", f"there is no row of the task {self.log.tasks[key].name}"
            )
        for key in self.log.executions.keys() - self.executions_seen:
            self._say(self.log.executions[key].seq, "missing_execution", f"there is no row of the execution {key}")

    def _same(self, seq: int, code: str, what: str, log: Any, row: Any) -> None:
        if log != row:
            self._say(seq, code, f"{what} is {_shown(log)} in the log and {_shown(row)} in the row")

    def _say(self, seq: int, code: str, message: str) -> None:
        self.log.complain(code, message, seq)


def agrees(logged: str, value: Any) -> bool:
    """Whether a value of a row is the one the log holds the digest of.

    Of a value too large for an event the log holds the size alone.
    """
    if digest(value) == logged:
        return True
    if value is None:
        return logged in NO_OUTPUT
    size = len(compact_json(value).encode())  # as `clipping.clip_json` measures it
    return digest({"truncated": True, "bytes": size}) == logged


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)
