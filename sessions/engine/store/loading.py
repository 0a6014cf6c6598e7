"""Sessions from their rows, many at once."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.models import AgentExecution, AgentMessage, AgentSession, AgentTask, ExecutionStep, TaskDependency
from sessions.policies import UNCOUNTED_CODES
from sessions.routing_policy import AgentInfo
from sessions.states import LIVE_EXECUTION, LIVE_TASK

Keys = Sequence[UUID]
RosterReader = Callable[[str], Mapping[str, AgentInfo]]


def load_sessions(ids: Sequence[str], roster_of: RosterReader) -> dict[str, Session]:
    """The sessions by id, in a constant number of queries (and one a project for its agents)."""
    session_ids = [UUID(session_id) for session_id in ids]
    rows = AgentSession.objects.filter(id__in=session_ids)
    tasks, messages = _tasks(session_ids), _messages(session_ids)
    rosters = cache(roster_of)
    children = _children(session_ids)
    return {
        str(row.id): _session(
            row, tasks[str(row.id)], messages[str(row.id)], rosters(str(row.project_id)), children[str(row.id)]
        )
        for row in rows
    }


def _children(session_ids: Keys) -> defaultdict[str, list[str]]:
    """The live child sessions, by their parent."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    rows = AgentSession.objects.live().filter(parent_session_id__in=session_ids)
    for key, parent in rows.values_list("id", "parent_session_id"):
        found[str(parent)].append(str(key))
    return found


def _session(
    row: AgentSession,
    tasks: dict[str, Task],
    messages: list[Message],
    roster: Mapping[str, AgentInfo],
    children: list[str],
) -> Session:
    return Session(
        id=str(row.id),
        workspace_id=str(row.workspace_id),
        project_id=str(row.project_id),
        token=row.lease_token,
        goal=row.task_description,
        context=row.context,
        execution_mode=row.execution_mode,
        status=row.status,
        tasks=tasks,
        roster=roster,
        last_seq=row.last_seq,
        last_hash=row.last_hash,
        priority=row.priority,
        max_concurrent_tasks=row.max_concurrent_tasks,
        timeout_seconds=row.timeout_seconds,
        deadline_at=row.deadline_at,
        started_at=row.started_at,
        engine_failures=row.engine_failures,
        error_message=row.error_message,
        status_before_pause=row.status_before_pause,
        pause_reason=row.pause_reason,
        paused_at=row.paused_at,
        wake_at=row.wake_at,
        usage=row.usage,
        saved_usage=row.saved_usage,
        messages=tuple(messages),
        parent_session_id=str(row.parent_session_id) if row.parent_session_id else None,
        parent_step=str(row.parent_step) if row.parent_step else None,
        depth=row.depth,
        children=frozenset(children),
    )


def _tasks(session_ids: Keys) -> defaultdict[str, dict[str, Task]]:
    edges: defaultdict[str, list[str]] = defaultdict(list)
    for task_id, earlier in TaskDependency.objects.filter(task__session_id__in=session_ids).values_list(
        "task_id", "depends_on_id"
    ):
        edges[str(task_id)].append(str(earlier))
    live = {
        str(row.task_id): _execution(row)
        for row in AgentExecution.objects.filter(
            task__session_id__in=session_ids, state__in=sorted(LIVE_EXECUTION)
        ).select_related("placement")
    }
    steps = _steps(session_ids)
    found: defaultdict[str, dict[str, Task]] = defaultdict(dict)
    for row in _counted_tasks(session_ids):
        key = str(row.id)
        found[str(row.session_id)][key] = _task(row, tuple(edges[key]), live.get(key), tuple(steps.get(key, ())))
    return found


def _counted_tasks(session_ids: Keys) -> Any:
    uncounted = Q(executions__error_code__in=UNCOUNTED_CODES)
    return (
        AgentTask.objects.filter(session_id__in=session_ids)
        .annotate(
            attempt_count=Count("executions"),
            uncounted_count=Count("executions", filter=uncounted),
            lost_count=Count("executions", filter=Q(executions__error_code="worker_lost")),
        )
        .order_by("ordinal", "id")
    )


def _steps(session_ids: Keys) -> dict[str, list[Step]]:
    """The steps of live tasks, by task, oldest first."""
    found: defaultdict[str, list[Step]] = defaultdict(list)
    of_live = ExecutionStep.objects.filter(task__session_id__in=session_ids, task__status__in=sorted(LIVE_TASK))
    for row in of_live.order_by("created_at", "id"):
        found[str(row.task_id)].append(_step(row))
    return found


def _step(row: ExecutionStep) -> Step:
    return Step(
        id=str(row.id),
        kind=row.kind,
        key=row.key,
        input_hash=row.input_hash,
        status=row.status,
        execution_id=str(row.execution_id) if row.execution_id else None,
        created_at=row.created_at,
        request=row.request,
        result=row.result,
        error_code=row.error_code,
        error_message=row.error_message,
        usage=row.usage,
        due_at=row.due_at,
        completed_at=row.completed_at,
        reused_in=str(row.reused_in) if row.reused_in else None,
        size=len(json.dumps(row.result, ensure_ascii=False).encode()) if row.result is not None else 0,
    )


def _task(row: Any, depends_on: tuple[str, ...], execution: Execution | None, steps: tuple[Step, ...]) -> Task:
    return Task(
        id=str(row.id),
        name=row.name,
        task_type=row.task_type,
        ordinal=row.ordinal,
        status=row.status,
        description=row.description,
        input_data=row.input_data,
        required_capabilities=tuple(row.required_capabilities),
        depends_on=depends_on,
        priority=row.priority,
        max_attempts=row.max_attempts,
        timeout_seconds=row.timeout_seconds,
        not_before=row.not_before,
        agent_id=str(row.agent_id) if row.agent_id else None,
        parent_task_id=str(row.parent_task_id) if row.parent_task_id else None,
        assignment=row.assignment,
        output=row.output_data,
        error_code=row.error_code,
        error_message=row.error_message,
        started_at=row.started_at,
        completed_at=row.completed_at,
        attempts=row.attempt_count,
        uncounted=row.uncounted_count,
        lost=row.lost_count,
        execution=execution,
        steps=steps,
        lineage=str(row.lineage) if row.lineage else None,
    )


def _execution(row: AgentExecution) -> Execution:
    placement = getattr(row, "placement", None)
    return Execution(
        id=str(row.id),
        attempt=row.attempt,
        agent_id=str(row.agent_id),
        state=row.state,
        started_at=row.started_at,
        progress_percentage=row.progress_percentage,
        status_message=row.status_message,
        usage=row.usage,
        queue=placement.queue if placement else "",
        run_id=str(placement.run_id) if placement else "",
    )


def _messages(session_ids: Keys) -> defaultdict[str, list[Message]]:
    found: defaultdict[str, list[Message]] = defaultdict(list)
    for row in AgentMessage.objects.filter(session_id__in=session_ids).order_by("created_at", "id"):
        found[str(row.session_id)].append(
            Message(
                id=str(row.id),
                from_agent=str(row.from_agent_id),
                to_agent=str(row.to_agent_id) if row.to_agent_id else None,
                message_type=row.message_type,
                topic=row.topic,
                content=row.content,
                from_task=row.metadata.get("from_task"),
                to_task=row.metadata.get("to_task"),
                sent_at=row.created_at,
            )
        )
    return found
