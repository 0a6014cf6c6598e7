"""Reads of an earlier session for one made from it. Its finished parts no longer change, so no lock is taken."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from sessions.lineage import PastTask
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    AgentTask,
    ExecutionStep,
    SessionEvent,
    TaskDependency,
)
from sessions.modes import PLANNING
from sessions.request_json import as_uuid
from sessions.states import ExecutionMode, ExecutionState, StepKind, StepStatus, TaskStatus

FINISHING = ("task.completed", "task.reused")
REUSED_KINDS = (StepKind.CALL, StepKind.SLEEP, StepKind.SESSION)
Usage = dict[str, float]


@dataclass(frozen=True, slots=True)
class Spawn:
    """A step in which a task spawned others, and may have waited for them. Ids as text."""

    parent: str
    children: tuple[str, ...]
    joins: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class PointInLog:
    """What the log says by an event: ids of the tasks created and done, and when it was written."""

    seq: int
    at: datetime
    created: frozenset[str]
    done: frozenset[str]

    def knows(self, spawn: Spawn) -> bool:
        """Whether all of it had been written by then."""
        return spawn.at <= self.at and self.created.issuperset(spawn.children)


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier session with its tasks in order; `after` holds what each depends on, `spawns` who spawned which."""

    session: AgentSession
    tasks: Sequence[AgentTask]
    after: Mapping[UUID, Sequence[UUID]]
    spawns: Sequence[Spawn] = ()

    def named(self, word: str) -> AgentTask | None:
        """The task with this id, else this name."""
        key = as_uuid(word)
        by_id = (task for task in self.tasks if task.id == key)
        return next(by_id, None) or next((task for task in self.tasks if task.name == word), None)

    def is_plan(self, task: AgentTask) -> bool:
        """Whether the task's output becomes the other tasks of the session."""
        is_planned = self.session.execution_mode == ExecutionMode.PLANNED
        return is_planned and task.parent_task_id is None and task.task_type == PLANNING

    def values(self, then: PointInLog | None = None) -> list[PastTask]:
        """The tasks as a decision sees them; `then` says which spawns are known."""
        known = [one for one in self.spawns if then is None or then.knows(one)]
        journaled = {child for one in known for child in one.children}
        joins: dict[str, tuple[str, ...]] = {}
        for one in known:
            if one.joins:
                joins[one.parent] = joins.get(one.parent, ()) + one.children
        return [
            PastTask(
                id=str(task.id),
                depends_on=tuple(str(earlier) for earlier in self.after.get(task.id, ())),
                parent=str(task.parent_task_id) if task.parent_task_id else None,
                joins=joins.get(str(task.id), ()),
                is_done=task.status == TaskStatus.COMPLETED,
                is_journaled=str(task.id) in journaled,
            )
            for task in self.tasks
        ]


def past_of(session: AgentSession) -> Past:
    after: dict[UUID, list[UUID]] = {}
    edges = TaskDependency.objects.filter(task__session=session).order_by("depends_on__ordinal")
    for task_id, earlier in edges.values_list("task_id", "depends_on_id"):
        after.setdefault(task_id, []).append(earlier)
    tasks = AgentTask.objects.filter(session=session).select_related("agent").defer("agent__state")
    return Past(session, list(tasks.order_by("ordinal", "id")), after, _spawns(session))


def _spawns(session: AgentSession) -> list[Spawn]:
    steps = ExecutionStep.objects.filter(task__session=session, kind=StepKind.TASKS).order_by("created_at", "id")
    return [
        Spawn(str(task_id), tuple(request["tasks"].values()), bool(request.get("join")), at)
        for task_id, request, at in steps.values_list("task_id", "request", "created_at")
    ]


def seq_of_finish(session_id: UUID, task_id: UUID) -> int | None:
    """The event with which the task's output came into this session."""
    rows = SessionEvent.objects.filter(session_id=session_id, task_id=task_id, type__in=FINISHING)
    return rows.order_by("seq").values_list("seq", flat=True).first()


def point_in_log(session_id: UUID, seq: int) -> PointInLog | None:
    """None when the log has no such event (any more). Tasks asked for at the start are there from the first event."""
    events = SessionEvent.objects.filter(session_id=session_id)
    at = events.filter(seq=seq).values_list("created_at", flat=True).first()
    if at is None:
        return None
    told = events.filter(seq__lte=seq, type__in=("task.created", *FINISHING)).values_list("type", "task_id")
    created: set[str] = set()
    done: set[str] = set()
    for kind, task_id in told:
        (created if kind == "task.created" else done).add(str(task_id))
    asked = AgentTask.objects.filter(session_id=session_id, parent_task__isnull=True).values_list("id", flat=True)
    return PointInLog(seq, at, frozenset(created | {str(task_id) for task_id in asked}), frozenset(done))


def usage_of_tasks(task_ids: Iterable[UUID]) -> dict[UUID, Usage]:
    """What the outputs of finished tasks had cost: the last attempt, what earlier ones had paid for, child sessions.

    Nothing is known of tasks whose session was pruned.
    """
    ids = list(task_ids)
    done = AgentExecution.objects.filter(task_id__in=ids, state=ExecutionState.COMPLETED)
    found: dict[UUID, Usage] = {}
    for task_id, usage in done.values_list("task_id", "usage"):
        found[task_id] = added(found.get(task_id, {}), usage)
    steps = ExecutionStep.objects.filter(task_id__in=ids, status=StepStatus.COMPLETED).exclude(usage={})
    beside = steps.exclude(~Q(kind=StepKind.SESSION), execution__state=ExecutionState.COMPLETED)
    for task_id, usage in beside.values_list("task_id", "usage"):
        found[task_id] = added(found.get(task_id, {}), usage)
    return found


def steps_until(task_ids: Iterable[UUID], until: datetime | None) -> list[ExecutionStep]:
    """The calls that need not be made again, and those begun of which nobody knows the outcome.

    `until`: as it was at that instant.
    """
    steps = ExecutionStep.objects.filter(task_id__in=list(task_ids), kind__in=REUSED_KINDS, error_code="")
    known = Q(status__in=(StepStatus.COMPLETED, StepStatus.ANSWERED))
    begun = Q(status=StepStatus.STARTED)
    if until is not None:
        known &= Q(completed_at__lte=until)
        begun &= Q(created_at__lte=until)
    return list(steps.filter(known | begun).order_by("created_at", "id"))


def spawning_steps(task_ids: Iterable[UUID]) -> list[ExecutionStep]:
    """Those in which the tasks spawned others."""
    steps = ExecutionStep.objects.filter(task_id__in=list(task_ids), kind=StepKind.TASKS)
    return list(steps.order_by("created_at", "id"))


def messages_between(session_id: UUID, task_ids: Iterable[UUID]) -> list[AgentMessage]:
    """What the agents of these tasks said to all, to an agent, or to one of these tasks; oldest first."""
    kept = {str(task_id) for task_id in task_ids}
    rows = AgentMessage.objects.filter(session_id=session_id, metadata__from_task__in=sorted(kept))
    receivers = kept | {None}
    return [row for row in rows.order_by("created_at", "id") if row.metadata.get("to_task") in receivers]


def added(before: Mapping[str, float], more: Mapping[str, float]) -> Usage:
    """The sum of two amounts of usage, name by name."""
    return {name: before.get(name, 0) + more.get(name, 0) for name in {**before, **more}}
