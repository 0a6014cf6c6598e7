"""Starting sessions: check all, then write the session, its tasks and its first events in one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from agents.conf import agents_enabled
from agents.errors import AgentsDisabled
from core.canonical import canonical_json
from core.clock import SYSTEM_CLOCK
from core.ids import new_id
from sessions.dispatch import ring_session
from sessions.errors import IdempotencyConflict
from sessions.models import AgentSession, AgentTask, ExecutionStep, SessionEvent, TaskDependency
from sessions.models.session import HELD_REASON
from sessions.modes import PlannedTask, plan_tasks
from sessions.problems import Problems
from sessions.request import SessionRequest
from sessions.request_rules import check_request
from sessions.selectors.requesting import agent_pool, session_of_key
from sessions.services.admission import admit
from sessions.services.beginning import FirstEvents
from sessions.services.checking import check_agents, check_configuration, check_documents, words_of
from sessions.states import SessionOrigin, StepStatus
from workspaces.access import Access
from workspaces.models import Project
from workspaces.services import record_audit
from workspaces.states import Role

TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Submission:
    """The session of a request; `is_replay` when an earlier request with the same idempotency key made it."""

    session: AgentSession
    is_replay: bool


@dataclass(frozen=True, slots=True)
class ParentStep:
    """Who asks for a child session: the session, and the step of its agent that waits, whose id will be the child's."""

    session: AgentSession
    step_id: UUID


class ParentGone(Exception):
    """The step waits no more, so that no child is wanted."""


def create_session(*, access: Access, project: Project, request: SessionRequest) -> AgentSession:
    """The session of a request (see `submit_session`)."""
    return submit_session(access=access, project=project, request=request).session


def submit_session(
    *, access: Access, project: Project, request: SessionRequest, held: bool = False, parent: ParentStep | None = None
) -> Submission:
    """Make the session a request asks for, PENDING, and ring for a runner; nothing is made when anything is wrong.

    `held` makes it PAUSED instead: it starts when it is resumed. With `parent` it is the child of another session.

    Raises: InvalidSession with every problem by field path; Forbidden below MEMBER; AgentsDisabled;
    IdempotencyConflict when the key was used for another request; ParentGone; LimitExceeded and Unavailable when too
    much is started or waits already (see `admit`).
    """
    access.require(project.workspace_id, Role.MEMBER)
    problems = check_request(request)
    digest = "" if problems.by_path else _digest(request, project.id, held)
    if request.idempotency_key and digest:
        earlier = session_of_key(project.workspace_id, request.idempotency_key)
        if earlier is not None:
            return replay(earlier, digest)
    check_enabled()
    plan = Plan(project, request, _checked_tasks(request, project, problems), digest, held, parent)
    return _insert(access, plan)


def check_enabled() -> None:
    """Raises: AgentsDisabled."""
    if not agents_enabled():
        raise AgentsDisabled


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request, ready to be written."""

    project: Project
    request: SessionRequest
    tasks: Sequence[PlannedTask]
    digest: str
    held: bool
    parent: ParentStep | None = None


def _checked_tasks(request: SessionRequest, project: Project, problems: Problems) -> list[PlannedTask]:
    pool = agent_pool(project.id, words_of(request))
    check_agents(request, pool, problems)
    check_configuration(request, pool, problems)
    check_documents(request, project.id, problems)
    problems.raise_if_any()
    return plan_tasks(request, pool)


def _insert(access: Access, plan: Plan) -> Submission:
    try:
        with transaction.atomic():
            session = _write(access, plan)
            transaction.on_commit(lambda: ring_session(session.id))
    except IntegrityError:
        # Two requests with one key came at the same time: the other one was first.
        key = plan.request.idempotency_key
        earlier = session_of_key(plan.project.workspace_id, key) if key else None
        if earlier is None:
            raise
        return replay(earlier, plan.digest)
    return Submission(session, is_replay=False)


def _write(access: Access, plan: Plan) -> AgentSession:
    now = SYSTEM_CLOCK.now()
    if plan.parent:
        _check_parent(plan.parent)
    session = _session_row(access, plan, now)
    rows = {task.name: _task_row(session, ordinal, task) for ordinal, task in enumerate(plan.tasks)}
    edges = [TaskDependency(task=rows[task.name], depends_on=rows[i]) for task in plan.tasks for i in task.depends_on]
    log = FirstEvents(session, now)
    log.write_created(list(rows.values()), edges)
    if plan.held:
        log.write("session.paused", {"reason": HELD_REASON, "actor": access.actor})
    insert_session(log, list(rows.values()), edges)
    record_audit(
        workspace=plan.project.workspace_id,
        actor=access.actor,
        action="session.create",
        object_type="session",
        object_id=session.id,
        after={"title": session.title, "execution_mode": session.execution_mode, "tasks": len(rows)},
        ip=access.ip,
    )
    return session


def insert_session(log: FirstEvents, tasks: Sequence[AgentTask], edges: Sequence[TaskDependency]) -> None:
    """Write a new session with its tasks and its log so far; inside the caller's transaction. Raises: as `admit`."""
    admit(log.session)
    events = log.finish()
    log.session.save(force_insert=True)
    AgentTask.objects.bulk_create(tasks)
    TaskDependency.objects.bulk_create(edges)
    SessionEvent.objects.bulk_create(events)


def _check_parent(parent: ParentStep) -> None:
    """Locks the step until the child is there: whoever ends the wait meanwhile finds the child to cancel.

    Raises: ParentGone.
    """
    waiting = ExecutionStep.objects.select_for_update().filter(id=parent.step_id, status=StepStatus.WAITING)
    if waiting.first() is None:
        raise ParentGone


def _session_row(access: Access, plan: Plan, now: datetime) -> AgentSession:
    request = plan.request
    session = AgentSession(
        workspace_id=plan.project.workspace_id,
        project=plan.project,
        user_id=access.user_id,
        title=request.title.strip() or title_of(request.task_description),
        task_description=request.task_description,
        context=context_of(request),
        execution_mode=request.mode,
        priority=request.priority,
        max_concurrent_tasks=request.max_concurrent_tasks,
        timeout_seconds=request.timeout,
        idempotency_key=request.idempotency_key or None,
        request_hash=plan.digest,
    )
    if plan.parent:
        session.id = session.parent_step = plan.parent.step_id
        session.parent_session, session.depth = plan.parent.session, plan.parent.session.depth + 1
        session.origin = SessionOrigin.CHILD
    if plan.held:
        session.status_before_pause = session.status
        session.pause()
        session.pause_reason, session.paused_at = HELD_REASON, now
    return session


def title_of(goal: str) -> str:
    """The first words of a goal, on one line."""
    line = " ".join(goal.split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[: TITLE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


def context_of(request: SessionRequest) -> dict[str, Any]:
    """The context as the engine reads it: ids in one spelling, each once; the agents' configuration inside."""
    context = dict(request.context)
    ids = context.pop("document_ids", None)
    if ids:
        context["document_ids"] = list(dict.fromkeys(str(UUID(text)) for text in ids))
    collection = context.pop("collection_id", None)
    if collection is not None:
        context["collection_id"] = str(UUID(collection))
    if request.agent_configuration:
        context["agent_configuration"] = dict(request.agent_configuration)
    return context


def _task_row(session: AgentSession, ordinal: int, task: PlannedTask) -> AgentTask:
    return AgentTask(
        id=new_id(),
        session=session,
        agent_id=UUID(task.agent.id) if task.agent else None,
        ordinal=ordinal,
        name=task.name,
        task_type=task.task_type,
        description=task.description,
        input_data=dict(task.input_data),
        required_capabilities=list(task.required_capabilities),
        priority=task.priority,
        max_attempts=task.max_attempts,
        timeout_seconds=task.timeout_seconds,
        assignment=dict(task.assignment),
    )


def _digest(request: SessionRequest, project_id: UUID, held: bool) -> str:
    """The same for two requests that ask the same, however their JSON was written."""
    asked = asdict(request)
    for name in ("idempotency_key", "problems", "project_id"):
        del asked[name]
    return hashlib.sha256(canonical_json([str(project_id), held, asked]).encode()).hexdigest()


def replay(earlier: AgentSession, digest: str) -> Submission:
    """Raises: IdempotencyConflict."""
    if earlier.request_hash != digest:
        raise IdempotencyConflict(
            "This Idempotency-Key was already used for another request. Send a new key, or the same body again.",
            details={"session_id": str(earlier.id)},
        )
    return Submission(earlier, is_replay=True)
