"""A new session out of an earlier one: finished tasks with outputs, the rest to be done, paid-for steps, messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import SYSTEM_CLOCK
from core.ids import new_id
from sessions.clipping import clip_json
from sessions.graph import topological_order
from sessions.lineage import Share
from sessions.models import AgentMessage, AgentSession, AgentTask, ExecutionStep, TaskDependency
from sessions.selectors.past import (
    Past,
    Usage,
    added,
    messages_between,
    spawning_steps,
    steps_until,
    usage_of_tasks,
)
from sessions.services.beginning import FirstEvents
from sessions.services.creating import insert_session, title_of
from sessions.states import DeliveryStatus, SessionOrigin, StepStatus, TaskStatus
from workspaces.access import Access
from workspaces.services import record_audit

MESSAGE_EVENT_BYTES = 4096
ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a task that runs again differs from its earlier self. Without an agent one is chosen by capability."""

    agent_id: UUID | None
    assignment: Mapping[str, Any]
    input_data: Mapping[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """What to make of the earlier session; checked. `until` bounds the steps that are taken over."""

    origin: SessionOrigin
    past: Past
    share: Share
    seq: int
    goal: str
    context: Mapping[str, Any]
    renewals: Mapping[UUID, Renewal]
    until: datetime | None = None
    digest: str = ""
    idempotency_key: str | None = None


@dataclass(slots=True)
class _Copy:
    """The rows of the new session in the making; `rows` by the old task's id."""

    order: CopyOrder
    session: AgentSession
    now: datetime
    rows: dict[UUID, AgentTask] = field(default_factory=dict)

    def is_copied(self, task: AgentTask) -> bool:
        return str(task.id) in self.order.share.copied


@dataclass(frozen=True, slots=True)
class PreparedCopy:
    """All rows of a new session, not yet written."""

    order: CopyOrder
    log: FirstEvents
    tasks: Sequence[AgentTask]
    edges: Sequence[TaskDependency]
    steps: Sequence[ExecutionStep]
    messages: Sequence[AgentMessage]

    @property
    def session(self) -> AgentSession:
        return self.log.session


def prepare_copy(access: Access, order: CopyOrder) -> PreparedCopy:
    """Read what is taken over and make the rows; writes nothing."""
    past, now = order.past, SYSTEM_CLOCK.now()
    copy = _Copy(order, _session_row(access, order), now)
    kept = [task for task in past.tasks if str(task.id) not in order.share.left_out]
    for ordinal, task in enumerate(kept):
        copy.rows[task.id] = _task_row(copy, task, ordinal)
    rows = list(copy.rows.values())
    edges = [
        TaskDependency(task=copy.rows[task.id], depends_on=copy.rows[earlier])
        for task in kept
        for earlier in past.after.get(task.id, ())
        if earlier in copy.rows
    ]
    reused = _in_order([task for task in kept if copy.is_copied(task)], past)
    costs = usage_of_tasks(_origin(task) for task in reused)
    for task in reused:
        copy.session.saved_usage = added(copy.session.saved_usage, costs.get(_origin(task), {}))
    log = FirstEvents(copy.session, now)
    log.write_created(rows, edges)
    _write_reused(log, copy, reused, costs)
    messages = _messages(log, copy, reused)
    return PreparedCopy(order, log, rows, edges, _steps(copy, kept), messages)


def insert_copy(access: Access, copy: PreparedCopy) -> None:
    """Write it; inside the caller's transaction. Raises: as `insert_session`."""
    insert_session(copy.log, copy.tasks, copy.edges)
    ExecutionStep.objects.bulk_create(copy.steps, batch_size=ROWS_AT_ONCE)
    AgentMessage.objects.bulk_create(copy.messages, batch_size=ROWS_AT_ONCE)
    _record(access, copy)


def _in_order(tasks: Sequence[AgentTask], past: Past) -> list[AgentTask]:
    """Each after those it depends on, as the log tells of them."""
    by_key = {str(task.id): task for task in tasks}
    after = {str(task.id): [str(earlier) for earlier in past.after.get(task.id, ())] for task in tasks}
    return [by_key[key] for key in topological_order(after)]


def _origin(task: AgentTask) -> UUID:
    """The task that did the work, however often its output has been taken over since."""
    return task.copied_from or task.id


def _session_row(access: Access, order: CopyOrder) -> AgentSession:
    old = order.past.session
    return AgentSession(
        workspace_id=old.workspace_id,
        project_id=old.project_id,
        user_id=access.user_id,
        origin=order.origin,
        forked_from=old,
        fork_seq=order.seq,
        title=old.title if order.goal == old.task_description else title_of(order.goal),
        task_description=order.goal,
        context=dict(order.context),
        execution_mode=old.execution_mode,
        priority=old.priority,
        max_concurrent_tasks=old.max_concurrent_tasks,
        timeout_seconds=old.timeout_seconds,
        idempotency_key=order.idempotency_key,
        request_hash=order.digest,
    )


def _task_row(copy: _Copy, old: AgentTask, ordinal: int) -> AgentTask:
    row = AgentTask(
        id=new_id(),
        session=copy.session,
        parent_task=copy.rows.get(old.parent_task_id) if old.parent_task_id else None,
        ordinal=ordinal,
        name=old.name,
        task_type=old.task_type,
        required_capabilities=old.required_capabilities,
        priority=old.priority,
        max_attempts=old.max_attempts,
        timeout_seconds=old.timeout_seconds,
        **(_finished(old) if copy.is_copied(old) else _renewed(copy.order.renewals[old.id])),
    )
    if str(old.id) in copy.order.share.with_steps:
        row.lineage = old.lineage or old.id
    return row


def _finished(old: AgentTask) -> dict[str, Any]:
    return {
        "status": TaskStatus.COMPLETED,
        "agent_id": old.agent_id,
        "assignment": old.assignment,
        "description": old.description,
        "input_data": old.input_data,
        "output_data": old.output_data,
        "started_at": old.started_at,
        "completed_at": old.completed_at,
        "copied_from": _origin(old),
        "lineage": old.lineage or old.id,
    }


def _renewed(renewal: Renewal) -> dict[str, Any]:
    return {
        "agent_id": renewal.agent_id,
        "assignment": dict(renewal.assignment),
        "description": renewal.description,
        "input_data": dict(renewal.input_data),
    }


def _write_reused(log: FirstEvents, copy: _Copy, reused: Sequence[AgentTask], costs: Mapping[UUID, Usage]) -> None:
    for old in reused:
        row = copy.rows[old.id]
        data = {
            "copied_from": str(row.copied_from),
            "output": clip_json(row.output_data),
            "saved": costs.get(_origin(old), {}),
        }
        log.write("task.reused", data, task=row.id, agent=row.agent_id)


def _messages(log: FirstEvents, copy: _Copy, reused: Sequence[AgentTask]) -> list[AgentMessage]:
    """What the reused agents had said, for the inboxes of those that run again.

    Outputs handed to a task that runs again are left out: the engine hands them over when it starts.
    """
    found = []
    for old in messages_between(copy.order.past.session.id, (task.id for task in reused)):
        row = _message_row(copy, old)
        sender = copy.rows[UUID(old.metadata["from_task"])]
        data = {
            "message": str(row.id),
            "from": str(row.from_agent_id),
            "to": str(row.to_agent_id) if row.to_agent_id else None,
            "message_type": row.message_type,
            "topic": row.topic,
            "content": clip_json(row.content, MESSAGE_EVENT_BYTES),
            **row.metadata,
        }
        log.write("message.sent", data, task=sender.id, agent=row.from_agent_id)
        found.append(row)
    return found


def _message_row(copy: _Copy, old: AgentMessage) -> AgentMessage:
    tasks = {name: old.metadata.get(name) for name in ("from_task", "to_task")}
    return AgentMessage(
        id=new_id(),
        workspace_id=old.workspace_id,
        session=copy.session,
        from_agent_id=old.from_agent_id,
        to_agent_id=old.to_agent_id,
        topic=old.topic,
        message_type=old.message_type,
        content=old.content,
        metadata={name: str(copy.rows[UUID(key)].id) if key else None for name, key in tasks.items()},
        delivery_status=DeliveryStatus.DELIVERED,
        attempts=1,
        delivered_at=copy.now,
    )


def _steps(copy: _Copy, kept: Iterable[AgentTask]) -> list[ExecutionStep]:
    """The steps of the tasks that run again, also of those whose own output had been taken over; and all spawns."""
    share, kept = copy.order.share, list(kept)
    again = [task for task in kept if str(task.id) in share.with_steps]
    rows = {key: copy.rows[task.id] for task in again for key in _known_as(task)}
    calls = [_step_row(step, rows[step.task_id]) for step in steps_until(rows, copy.order.until)]
    spawners = [task.id for task in kept if copy.is_copied(task) or str(task.id) in share.with_steps]
    spawns = (_spawn_row(copy, step) for step in spawning_steps(spawners))
    return [*calls, *(row for row in spawns if row is not None)]


def _spawn_row(copy: _Copy, old: ExecutionStep) -> ExecutionStep | None:
    """The step with the new tasks' ids; None when these are not all there. A wait that was not over goes on."""
    children = {name: copy.rows.get(UUID(key)) for name, key in old.request["tasks"].items()}
    ids = {name: str(row.id) for name, row in children.items() if row is not None}
    if len(ids) < len(children):
        return None
    row = _step_row(old, copy.rows[old.task_id])
    row.request = {**old.request, "tasks": ids}
    if not old.request.get("join"):
        new = dict(zip(old.request["tasks"].values(), ids.values(), strict=True))
        row.result = [new[key] for key in old.result or ()]
    elif old.error_code or not _was_over(old, copy.order.until):
        row.status, row.result, row.completed_at = StepStatus.WAITING, None, None
    return row


def _was_over(step: ExecutionStep, until: datetime | None) -> bool:
    if step.status == StepStatus.WAITING:
        return False
    return until is None or (step.completed_at is not None and step.completed_at <= until)


def _known_as(task: AgentTask) -> tuple[UUID, ...]:
    return (task.id, task.copied_from) if task.copied_from else (task.id,)


def _step_row(old: ExecutionStep, task: AgentTask) -> ExecutionStep:
    return ExecutionStep(
        id=new_id(),
        task=task,
        kind=old.kind,
        key=old.key,
        input_hash=old.input_hash,
        status=old.status,
        request=old.request,
        result=old.result,
        usage=old.usage,
        due_at=old.due_at,
        reused_from=old.reused_from or old.id,
        created_at=old.created_at,
        completed_at=old.completed_at,
    )


def _record(access: Access, copy: PreparedCopy) -> None:
    old = copy.order.past.session
    record_audit(
        workspace=old.workspace_id,
        actor=access.actor,
        action=f"session.{copy.order.origin}",
        object_type="session",
        object_id=copy.session.id,
        after={
            "forked_from": str(old.id),
            "fork_seq": copy.order.seq,
            "tasks": len(copy.tasks),
            "reused": sum(task.copied_from is not None for task in copy.tasks),
        },
        ip=access.ip,
    )
