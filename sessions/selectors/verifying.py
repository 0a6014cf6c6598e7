"""Whether a session's history is whole: its log is one chain without a gap, and its rows say what the log says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sessions.errors import SessionNotFound
from sessions.events import GENESIS_HASH
from sessions.models import AgentExecution, AgentSession, AgentTask, SessionEvent
from sessions.projection import Problem, Projection
from sessions.row_check import ExecutionRow, RowCheck, SessionRow, TaskRow
from sessions.selectors.reading import event_pages, session_for
from sessions.streaming.verify import ChainRow, link_fault
from workspaces.access import Access

PAGE_ROWS = 20  # a row may hold an output of 1 MiB
ROUNDS = 5
"""How often a session that moves on while its rows are read is looked at again."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict. `is_compared`: the rows could be held against the log (not after a broken chain, nor while the
    session moves on faster than it can be read). `problems` are in the order of the log, at most 100."""

    session_id: str
    is_whole: bool
    is_compared: bool
    events: int
    last_seq: int
    last_hash: str
    problems: tuple[Problem, ...]


def verification(access: Access, session_id: UUID) -> Verification:
    """The verdict on a session the caller may see. Raises: SessionNotFound, SessionGone."""
    return verify_session(session_for(access, session_id).id)


def verify_session(session_id: UUID) -> Verification:
    """Read the whole log, in pages, and then the rows; nothing is locked. Asks nobody who may see it."""
    walk = _Walk(session_id)
    is_compared = False
    for _ in range(ROUNDS):
        row = _session_row(session_id)
        walk.follow()
        is_compared = walk.has_reached(row) and _compare(walk, row)
        if is_compared or walk.is_broken:
            break
    if walk.projection.problems:
        _session_row(session_id)
    problems = tuple(sorted(walk.projection.problems, key=lambda problem: problem.seq))
    return Verification(str(session_id), not problems, is_compared, walk.count, walk.seq, walk.hash, problems)


@dataclass(slots=True)
class _Walk:
    """Along the log, from its first event to wherever it ends or breaks."""

    session_id: UUID
    projection: Projection = field(default_factory=Projection)
    seq: int = 0
    hash: str = GENESIS_HASH
    count: int = 0
    is_broken: bool = False

    def follow(self) -> None:
        """Take in what has been written since the last call."""
        for page in event_pages(self.session_id, self.seq):
            if not all(self._take(event) for event in page):
                return

    def _take(self, event: SessionEvent) -> bool:
        reason = link_fault(ChainRow(event.seq, event.payload, event.hash), self.seq + 1, self.hash)
        if reason:
            return self.stop(min(event.seq, self.seq + 1), "broken_chain", reason)
        try:
            frame = json.loads(event.payload)
            reason = _column_fault(event, frame)
        except (ValueError, KeyError, TypeError):
            reason = f"the text of event {event.seq} is no event"
        if reason:
            return self.stop(event.seq, "wrong_columns", reason)
        self.projection.apply(frame)
        self.seq, self.hash = event.seq, event.hash
        self.count += 1
        return True

    def stop(self, seq: int, code: str, reason: str) -> bool:
        self.is_broken = True
        self.projection.complain(code, f"{reason[0].upper()}{reason[1:]}.", seq)
        return False

    def has_reached(self, row: AgentSession) -> bool:
        """Whether the log ends where the row, read before it, says; false, and no problem, when more was written."""
        if self.is_broken:
            return False
        if self.seq < row.last_seq:
            return self.stop(self.seq + 1, "missing_tail", f"the row stands at {row.last_seq}, the log at {self.seq}")
        if self.seq > row.last_seq:
            stands = _session_row(self.session_id).last_seq
            if stands < self.seq:
                self.stop(stands + 1, "too_long", f"the log stands at {self.seq}, the row at {stands}")
            return False
        if self.hash != row.last_hash:
            return self.stop(self.seq, "last_hash", f"the hash of event {self.seq} is not the last one of the row")
        return True


def _column_fault(event: SessionEvent, frame: dict[str, Any]) -> str:
    """Whether the columns beside the text, which no hash covers, say what the text says."""
    task, agent = (str(key) if key else None for key in (event.task_id, event.agent_id))
    columns = (event.seq, event.type, task, agent, event.created_at.isoformat(timespec="microseconds"))
    if columns != (frame["seq"], frame["type"], frame["task"], frame["agent"], frame["at"]):
        return f"the columns of event {event.seq} are not what its text says"
    return ""


def _session_row(session_id: UUID) -> AgentSession:
    """Raises: SessionNotFound, also when it began to be deleted meanwhile."""
    row = AgentSession.objects.kept().filter(pk=session_id).first()
    if row is None:
        raise SessionNotFound("There is no such session, or it is being deleted.")
    return row


def _compare(walk: _Walk, row: AgentSession) -> bool:
    """Hold the rows against the log; false, with nothing said, when the session moved on meanwhile."""
    known = len(walk.projection.problems)
    check = RowCheck(walk.projection)
    check.session(SessionRow(row.status, row.status_before_pause, row.usage, row.result, row.error_code))
    for task in _tasks(row):
        check.task(_task_row(task))
    executions = AgentExecution.objects.filter(task__session=row).order_by("id")
    for key, task_id, attempt, state in executions.values_list("id", "task_id", "attempt", "state").iterator():
        check.execution(ExecutionRow(str(key), str(task_id), attempt, state))
    check.finish()
    if AgentSession.objects.filter(pk=row.pk, last_seq=row.last_seq).exists():
        return True
    del walk.projection.problems[known:]
    return False


def _tasks(session: AgentSession) -> Iterator[AgentTask]:
    columns = ("id", "name", "status", "agent_id", "max_attempts", "output_data", "error_code")
    return AgentTask.objects.filter(session=session).only(*columns).order_by("ordinal", "id").iterator(PAGE_ROWS)


def _task_row(task: AgentTask) -> TaskRow:
    return TaskRow(
        id=str(task.id),
        name=task.name,
        status=task.status,
        agent=str(task.agent_id) if task.agent_id else None,
        max_attempts=task.max_attempts,
        output=task.output_data,
        error_code=task.error_code,
    )
