"""Why tasks and sessions wait, from the rows, in a number of queries that does not grow with them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from core.clock import SYSTEM_CLOCK
from sessions.agent_pool import AgentPool
from sessions.models import AgentExecution, AgentSession, AgentTask, EngineWorker, ExecutionStep, SessionCommand
from sessions.policies import waiting_rank
from sessions.scopes import agent_scope, capability_scope, scopes_of_task, workspace_scope
from sessions.selectors.reading import session_for, task_rows
from sessions.selectors.requesting import agent_pool, is_away
from sessions.states import CommandKind, ExecutionState, SessionStatus, StepStatus, TaskStatus
from sessions.why import Reason, ScopeFacts, SessionFacts, StepFacts, TaskFacts, why_session, why_task
from workspaces.access import Access
from workspaces.models import Workspace

MOST_COUNTED = 10_000
WAITING = (TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.WAITING)


def waiting_tasks(access: Access, session_id: UUID) -> QuerySet[AgentTask]:
    """The tasks of the session that neither run nor have ended, in its order. Raises: SessionNotFound."""
    rows = task_rows().filter(session=session_for(access, session_id), status__in=WAITING)
    return rows.order_by("ordinal", "id")


def queued_tasks(workspace_id: UUID) -> QuerySet[AgentTask]:
    """The tasks of a workspace that wait for an agent or are worked on, in the order in which they are taken."""
    statuses = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.WAITING)
    rows = task_rows().filter(session__workspace=workspace_id, status__in=statuses)
    return rows.order_by("-session__priority", "-priority", "created_at", "id")


def queued_sessions(workspace_id: UUID) -> QuerySet[AgentSession]:
    """The sessions of a workspace that no worker has and that could go on, in the order in which they are taken."""
    rows = AgentSession.objects.queued().filter(workspace=workspace_id).defer("context", "result")
    return rows.order_by("-priority", "created_at", "id")


def live_worker_count() -> int:
    return EngineWorker.objects.filter(expires_at__gt=Now()).count()


def reasons_of_sessions(sessions: Sequence[AgentSession]) -> dict[UUID, Reason]:
    """Why each does not run, by id; those that do, and those that have ended, are left out."""
    now, facts = SYSTEM_CLOCK.now(), _session_facts(sessions)
    found = {session.pk: why_session(facts[session.pk], now) for session in sessions}
    return {key: reason for key, reason in found.items() if reason is not None}


def reasons_of_tasks(tasks: Sequence[AgentTask]) -> dict[UUID, Reason]:
    """Why each of the tasks waits, by id; those that run or have ended are left out. Needs the rows of `task_rows`."""
    now = SYSTEM_CLOCK.now()
    facts = _session_facts(list({task.session_id: task.session for task in tasks}.values()))
    steps, pools, places = _steps(tasks), _Pools(), _Places(tasks, now)
    found = {
        task.pk: why_task(_task_facts(task, steps.get(task.pk, ()), pools, places), facts[task.session_id], now)
        for task in tasks
    }
    return {key: reason for key, reason in found.items() if reason is not None}


def _session_facts(sessions: Sequence[AgentSession]) -> dict[UUID, SessionFacts]:
    paused = [session.pk for session in sessions if session.status == SessionStatus.PAUSED]
    pauses = SessionCommand.objects.filter(session__in=paused, kind=CommandKind.PAUSE, applied_at__isnull=False)
    paused_by = dict(pauses.order_by("id").values_list("session_id", "actor"))
    live = set(EngineWorker.objects.filter(expires_at__gt=Now()).values_list("pk", flat=True))
    running = Counter(
        AgentExecution.objects.filter(task__session__in=[session.pk for session in sessions])
        .filter(state=ExecutionState.RUNNING)
        .values_list("task__session_id", flat=True)
    )
    ahead = _ahead_counts(session for session in sessions if session.is_live and session.lease_owner not in live)
    return {
        session.pk: SessionFacts(
            status=session.status,
            is_owned=session.lease_owner in live,
            worker_count=len(live),
            ahead_count=ahead.get(session.pk, 0),
            is_held=session.is_held,
            pause_reason=session.pause_reason,
            paused_by=paused_by.get(session.pk, ""),
            wake_at=session.wake_at,
            running_count=running[session.pk],
            max_concurrent_tasks=session.max_concurrent_tasks,
        )
        for session in sessions
    }


def _ahead_counts(sessions: Iterable[AgentSession]) -> dict[UUID, int]:
    """Of each that queues, how many of its workspace come before it."""
    workspaces = {session.workspace_id for session in sessions}
    if not workspaces:
        return {}
    queue = AgentSession.objects.queued().filter(workspace__in=workspaces).order_by("-priority", "created_at", "id")
    places: Counter[UUID] = Counter()
    found = {}
    for workspace_id, key in queue.values_list("workspace_id", "pk")[:MOST_COUNTED]:
        found[key] = places[workspace_id]
        places[workspace_id] += 1
    return found


def _steps(tasks: Iterable[AgentTask]) -> dict[UUID, list[StepFacts]]:
    """What the agents of parked tasks wait for, oldest first."""
    parked = [task.pk for task in tasks if task.status == TaskStatus.WAITING]
    if not parked:
        return {}
    rows = list(ExecutionStep.objects.filter(task__in=parked, status=StepStatus.WAITING).order_by("created_at", "id"))
    children = AgentSession.objects.filter(parent_step__in=[row.pk for row in rows])
    child_of = dict(children.values_list("parent_step", "pk"))
    found: defaultdict[UUID, list[StepFacts]] = defaultdict(list)
    for row in rows:
        child = child_of.get(row.pk)
        found[row.task_id].append(StepFacts(row.kind, row.key, row.due_at, str(child) if child else None))
    return found


def _task_facts(task: AgentTask, steps: Sequence[StepFacts], pools: "_Pools", places: "_Places") -> TaskFacts:
    edges = [edge.depends_on for edge in task.dependencies.all()]
    return TaskFacts(
        status=task.status,
        inputs=[(earlier.name, earlier.status) for earlier in edges if earlier.status != TaskStatus.COMPLETED],
        not_before=task.not_before,
        agent_fault=pools.fault_of(task),
        agents_away=pools.away_for(task),
        steps=steps,
        scopes=places.of(task),
        position_in_session=places.position_in_session(task),
    )


class _Pools:
    """The agents of projects, each read when first asked about."""

    def __init__(self) -> None:
        self._pools: dict[UUID, AgentPool] = {}

    def fault_of(self, task: AgentTask) -> str:
        """Why no agent can take the task now; empty when one can, or when it has one."""
        if task.agent_id is not None or task.status != TaskStatus.PENDING:
            return ""
        return self._pool(task).fault_of_capabilities(task.required_capabilities) or ""

    def away_for(self, task: AgentTask) -> list[str]:
        """The names of the agents it waits for, for they are given nothing new."""
        if task.agent is not None and task.status in (TaskStatus.PENDING, TaskStatus.QUEUED):
            return [task.agent.name] if is_away(task.agent) else []
        if task.agent is not None or task.status != TaskStatus.PENDING:
            return []
        return [agent.name for agent in self._pool(task).waits_for(task.required_capabilities)]

    def _pool(self, task: AgentTask) -> AgentPool:
        project_id = task.session.project_id
        pool = self._pools.get(project_id) or agent_pool(project_id)
        self._pools[project_id] = pool
        return pool


class _Places:
    """What runs and who waits in the workspaces of the tasks, by scope."""

    def __init__(self, tasks: Sequence[AgentTask], now: datetime) -> None:
        queued = [task for task in tasks if task.status in (TaskStatus.QUEUED, TaskStatus.WAITING)]
        self._workspaces = Workspace.objects.in_bulk({task.session.workspace_id for task in queued})
        self._held = self._count_running() if queued else Counter()
        self._lines = self._read_lines(now) if queued else {}

    def of(self, task: AgentTask) -> list[ScopeFacts]:
        return list(self._of(task)) if task.session.workspace_id in self._workspaces else []

    def _of(self, task: AgentTask) -> Iterable[ScopeFacts]:
        workspace, agent = self._workspaces[task.session.workspace_id], task.agent
        own = workspace_scope(workspace.pk)
        yield self._facts(task, own, "workspace", workspace.name, workspace.max_concurrent_executions)
        if agent is not None:
            yield self._facts(task, agent_scope(agent.pk), "agent", agent.name, agent.max_concurrent_tasks)
        for word in task.required_capabilities:
            limit = workspace.capability_limits.get(word)
            if limit is not None:
                yield self._facts(task, capability_scope(workspace.pk, word), "capability", word, limit)

    def _facts(self, task: AgentTask, scope: str, kind: str, name: str, limit: int) -> ScopeFacts:
        return ScopeFacts(kind, name, limit, self._held[scope], self._position(task, scope))

    def position_in_session(self, task: AgentTask) -> int:
        return self._position(task, _session_line(task.session_id))

    def _position(self, task: AgentTask, line: str) -> int:
        """From 1; one that has not asked yet would be the last."""
        positions = self._lines.get(line, {})
        return positions.get(task.pk, len(positions) + 1)

    def _count_running(self) -> Counter[str]:
        rows = AgentExecution.objects.filter(
            state=ExecutionState.RUNNING, task__session__workspace__in=self._workspaces
        ).values_list("task__session__workspace_id", "agent_id", "task__required_capabilities")
        return Counter(scope for row in rows[:MOST_COUNTED] for scope in scopes_of_task(*row))

    def _read_lines(self, now: datetime) -> Mapping[str, Mapping[UUID, int]]:
        """The positions of the tasks that could start but for a place, by scope, and by session for its own limit."""
        rows = (
            AgentTask.objects.filter(status=TaskStatus.QUEUED, session__workspace__in=self._workspaces)
            .filter(Q(not_before__isnull=True) | Q(not_before__lte=now), session__lease_owner__isnull=False)
            .values_list(
                *("session__workspace_id", "agent_id", "required_capabilities"),
                *("pk", "session_id", "ordinal", "session__priority", "priority", "updated_at"),
            )
        )
        lines: defaultdict[str, list[tuple[tuple[float, ...], UUID]]] = defaultdict(list)
        for *places, key, session_id, ordinal, session_priority, priority, since in rows[:MOST_COUNTED]:
            rank = waiting_rank(
                session_priority=session_priority,
                task_priority=priority,
                waited_seconds=(now - since).total_seconds(),
            )
            for scope in scopes_of_task(*places):
                lines[scope].append((rank, key))
            lines[_session_line(session_id)].append(((-priority, ordinal), key))
        return {line: {key: n for n, (_, key) in enumerate(sorted(found), 1)} for line, found in lines.items()}


def _session_line(session_id: UUID) -> str:
    return f"session:{session_id}"


def reason_shape(reason: Reason | None) -> dict[str, Any] | None:
    """As every door shows it; instants as text."""
    if reason is None:
        return None
    details = {name: _plain(value) for name, value in reason.details.items()}
    return {"code": reason.code, "message": reason.message, "details": details}


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
