"""The product's projection of a log, fed event by event, and the rows of the simulated store held against it."""

import hashlib
import json
from collections.abc import Callable, Mapping

from sessions.engine.state import Execution, Session, Task
from sessions.events import GENESIS_HASH, EventRecord
from sessions.projection import Projection
from sessions.row_check import ExecutionRow, RowCheck, SessionRow, TaskRow


class FollowedLog:
    """Complains of every event and of every row that no healthy session has."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self.complain = complain
        self.projection = Projection()
        self.seq, self.hash = 0, GENESIS_HASH

    def apply(self, event: EventRecord) -> None:
        if event.seq != self.seq + 1:
            self.complain(f"event {event.seq} ({event.type}) follows event {self.seq}")
        if event.hash != hashlib.sha256((self.hash + event.payload).encode()).hexdigest():
            self.complain(f"event {event.seq} ({event.type}) is not chained to the one before it")
        self.seq, self.hash = event.seq, event.hash
        self.projection.apply(json.loads(event.payload))
        if self.projection.seq != event.seq:
            self.complain(f"event {event.seq} calls itself {self.projection.seq}")
        self._pass_on()

    def compare(self, row: Session, tasks: Mapping[str, Task], executions: Mapping[str, Execution]) -> None:
        """`executions` may hold those of other sessions, too."""
        if (row.last_seq, row.last_hash) != (self.seq, self.hash):
            self.complain(f"the log stands at {self.seq}, the row at {row.last_seq}, or their hashes differ")
        check = RowCheck(self.projection)
        check.session(
            SessionRow(row.status, row.status_before_pause, row.usage, row.result, row.error_code)  # as the columns are
        )
        for task in tasks.values():
            check.task(_task_row(task))
            self._compare_counts(task)
        for key, view in self.projection.executions.items():
            if execution := executions.get(key):
                check.execution(ExecutionRow(key, view.task, execution.attempt, execution.state))
        check.finish()
        self._pass_on()

    def _compare_counts(self, task: Task) -> None:
        """What a runner would load with the task; no column holds it."""
        view = self.projection.tasks[task.id]
        rows = (task.attempts, task.uncounted, task.lost, task.execution.id if task.execution else None)
        log = (view.attempts, view.uncounted, view.lost, view.execution)
        if log != rows:
            self.complain(f"attempts at {task.name} (all, uncounted, lost, live): the log says {log}, the rows {rows}")

    def _pass_on(self) -> None:
        for problem in self.projection.problems:
            self.complain(f"{problem.code}: {problem.message}")
        self.projection.problems.clear()


def _task_row(task: Task) -> TaskRow:
    return TaskRow(
        id=task.id,
        name=task.name,
        status=task.status,
        agent=task.agent_id,
        max_attempts=task.max_attempts,
        output=task.output,
        error_code=task.error_code,
    )
