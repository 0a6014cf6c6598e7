"""Sessions from their rows, many at once."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.engine.store.rows import RowReader, query
from sessions.policies import UNCOUNTED_CODES
from sessions.routing_policy import AgentInfo
from sessions.states import LIVE_EXECUTION, LIVE_SESSION, LIVE_TASK

Keys = Sequence[str]
RosterReader = Callable[[str], Mapping[str, AgentInfo]]


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_SESSIONS = query(
    "id:uuid workspace_id:uuid project_id:uuid lease_token:number task_description:text context:json "
    "execution_mode:text status:text last_seq:number last_hash:text priority:number max_concurrent_tasks:number "
    "timeout_seconds:float deadline_at:time started_at:time engine_failures:number error_message:text "
    "status_before_pause:text pause_reason:text paused_at:time wake_at:time usage:json saved_usage:json "
    "parent_session_id:uuid parent_step:uuid depth:number",
    "FROM agent_session WHERE id IN ({keys})",
)
_CHILDREN = query(
    "id:uuid parent_session_id:uuid",
    f"FROM agent_session WHERE parent_session_id IN ({{keys}}) AND status IN ({_words(LIVE_SESSION)})",
)
_TASKS = query(
    "id:uuid session_id:uuid parent_task_id:uuid agent_id:uuid ordinal:number name:text task_type:text "
    "description:text input_data:json output_data:json required_capabilities:json status:text priority:number "
    "max_attempts:number timeout_seconds:float not_before:time assignment:json started_at:time completed_at:time "
    "error_code:text error_message:text lineage:uuid",
    "FROM agent_task WHERE session_id IN ({keys}) ORDER BY ordinal, id",
)
_OF_TASKS = "JOIN agent_task t ON t.id = {table}.task_id WHERE t.session_id IN ({{keys}})"
_EDGES = query("d.task_id:uuid d.depends_on_id:uuid", "FROM task_dependency d " + _OF_TASKS.format(table="d"))
_LIVE_EXECUTIONS = query(
    "e.id:uuid e.task_id:uuid e.agent_id:uuid e.attempt:number e.state:text e.started_at:time "
    "e.event_count:number e.progress_percentage:float e.status_message:text e.usage:json p.queue:text p.run_id:uuid",
    "FROM agent_execution e LEFT JOIN placement p ON p.execution_id = e.id "
    f"{_OF_TASKS.format(table='e')} AND e.state IN ({_words(LIVE_EXECUTION)})",
)
_ENDINGS = query("e.task_id:uuid e.error_code:text", "FROM agent_execution e " + _OF_TASKS.format(table="e"))
_STEPS = query(
    "s.id:uuid s.task_id:uuid s.execution_id:uuid s.kind:text s.key:text s.input_hash:text s.status:text "
    "s.created_at:time s.request:json s.result:json s.error_code:text s.error_message:text s.usage:json "
    "s.due_at:time s.completed_at:time s.reused_in:uuid",
    f"FROM execution_step s {_OF_TASKS.format(table='s')} AND t.status IN ({_words(LIVE_TASK)}) "
    "ORDER BY s.created_at, s.id",
)
_MESSAGES = query(
    "id:uuid session_id:uuid from_agent_id:uuid to_agent_id:uuid message_type:text topic:text content:json "
    "metadata:json created_at:time",
    "FROM agent_message WHERE session_id IN ({keys}) ORDER BY created_at, id",
)


def load_sessions(reader: RowReader, ids: Keys, roster_of: RosterReader) -> dict[str, Session]:
    """The sessions by id, in a constant number of queries (and one a project for its agents)."""
    tasks, messages, children = _tasks(reader, ids), _messages(reader, ids), _children(reader, ids)
    rosters = cache(roster_of)
    return {
        row.id: _session(row, tasks[row.id], messages[row.id], rosters(row.project_id), children[row.id])
        for row in reader.read(_SESSIONS, ids)
    }


def _children(reader: RowReader, ids: Keys) -> defaultdict[str, list[str]]:
    """The live child sessions, by their parent."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in reader.read(_CHILDREN, ids):
        found[row.parent_session_id].append(row.id)
    return found


def _session(
    row: Any,
    tasks: dict[str, Task],
    messages: list[Message],
    roster: Mapping[str, AgentInfo],
    children: list[str],
) -> Session:
    return Session(
        id=row.id,
        workspace_id=row.workspace_id,
        project_id=row.project_id,
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
        parent_session_id=row.parent_session_id,
        parent_step=row.parent_step,
        depth=row.depth,
        children=frozenset(children),
    )


def _tasks(reader: RowReader, ids: Keys) -> defaultdict[str, dict[str, Task]]:
    edges: defaultdict[str, list[str]] = defaultdict(list)
    for row in reader.read(_EDGES, ids):
        edges[row.task_id].append(row.depends_on_id)
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for row in reader.read(_ENDINGS, ids):
        ends[row.task_id].append(row.error_code)
    live = {row.task_id: _execution(row) for row in reader.read(_LIVE_EXECUTIONS, ids)}
    steps = _steps(reader, ids)
    found: defaultdict[str, dict[str, Task]] = defaultdict(dict)
    for row in reader.read(_TASKS, ids):
        found[row.session_id][row.id] = _task(
            row, tuple(edges[row.id]), ends[row.id], live.get(row.id), tuple(steps[row.id])
        )
    return found


def _steps(reader: RowReader, ids: Keys) -> defaultdict[str, list[Step]]:
    """The steps of live tasks, by task, oldest first."""
    found: defaultdict[str, list[Step]] = defaultdict(list)
    for row in reader.read(_STEPS, ids):
        found[row.task_id].append(_step(row))
    return found


def _step(row: Any) -> Step:
    return Step(
        id=row.id,
        kind=row.kind,
        key=row.key,
        input_hash=row.input_hash,
        status=row.status,
        execution_id=row.execution_id,
        created_at=row.created_at,
        request=row.request,
        result=row.result,
        error_code=row.error_code,
        error_message=row.error_message,
        usage=row.usage,
        due_at=row.due_at,
        completed_at=row.completed_at,
        reused_in=row.reused_in,
        size=len(json.dumps(row.result, ensure_ascii=False).encode()) if row.result is not None else 0,
    )


def _task(
    row: Any, depends_on: tuple[str, ...], ends: Sequence[str], execution: Execution | None, steps: tuple[Step, ...]
) -> Task:
    """`ends` are the error codes of all its attempts, the live one's empty."""
    return Task(
        id=row.id,
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
        agent_id=row.agent_id,
        parent_task_id=row.parent_task_id,
        assignment=row.assignment,
        output=row.output_data,
        error_code=row.error_code,
        error_message=row.error_message,
        started_at=row.started_at,
        completed_at=row.completed_at,
        attempts=len(ends),
        uncounted=sum(code in UNCOUNTED_CODES for code in ends),
        lost=ends.count("worker_lost"),
        execution=execution,
        steps=steps,
        lineage=row.lineage,
    )


def _execution(row: Any) -> Execution:
    return Execution(
        id=row.id,
        attempt=row.attempt,
        agent_id=row.agent_id,
        state=row.state,
        started_at=row.started_at,
        event_count=row.event_count,
        progress_percentage=row.progress_percentage,
        status_message=row.status_message,
        usage=row.usage,
        queue=row.queue or "",
        run_id=row.run_id or "",
    )


def _messages(reader: RowReader, ids: Keys) -> defaultdict[str, list[Message]]:
    found: defaultdict[str, list[Message]] = defaultdict(list)
    for row in reader.read(_MESSAGES, ids):
        found[row.session_id].append(
            Message(
                id=row.id,
                from_agent=row.from_agent_id,
                to_agent=row.to_agent_id,
                message_type=row.message_type,
                topic=row.topic,
                content=row.content,
                from_task=row.metadata.get("from_task"),
                to_task=row.metadata.get("to_task"),
                sent_at=row.created_at,
            )
        )
    return found
