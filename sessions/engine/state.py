"""A live session in memory: immutable values, so that a refused write leaves nothing to undo."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from sessions.routing_policy import AgentInfo
from sessions.states import LIVE_TASK, ExecutionState, SessionStatus, TaskStatus


class Execution(Struct, frozen=True):
    """The live attempt at a task. `deadline_at` is its own time limit; `event_count` bounds what it may log.

    `run_id` names its run on a worker of `queue`, when it runs there.
    """

    id: str
    attempt: int
    agent_id: str
    state: str
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deadline_at: datetime | None = None
    progress_percentage: float = 0.0
    status_message: str = ""
    result: Any = None
    error_code: str = ""
    error_message: str = ""
    usage: Mapping[str, float] = {}
    event_count: int = 0
    queue: str = ""
    run_id: str = ""


class Step(Struct, frozen=True):
    """A journaled call or durable await of a task's agent, known by (`key`, `input_hash`); see `ExecutionStep`.

    `size` of its result in bytes.
    """

    id: str
    kind: str
    key: str
    input_hash: str
    status: str
    execution_id: str | None
    created_at: datetime
    request: Mapping[str, Any] = {}
    result: Any = None
    error_code: str = ""
    error_message: str = ""
    usage: Mapping[str, float] = {}
    due_at: datetime | None = None
    completed_at: datetime | None = None
    reused_in: str | None = None
    size: int = 0


class Task(Struct, frozen=True):
    """A task. `attempts` counts its executions; `uncounted` those that failed through no fault of the agent.

    `steps` are kept in memory while the task is live.
    """

    id: str
    name: str
    task_type: str
    ordinal: int
    status: str = TaskStatus.PENDING
    description: str = ""
    input_data: Mapping[str, Any] = {}
    required_capabilities: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    priority: int = 0
    max_attempts: int = 3
    timeout_seconds: float | None = None
    not_before: datetime | None = None
    agent_id: str | None = None
    parent_task_id: str | None = None
    assignment: Mapping[str, Any] = {}
    output: Any = None
    error_code: str = ""
    error_message: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts: int = 0
    uncounted: int = 0
    lost: int = 0
    execution: Execution | None = None
    steps: tuple[Step, ...] = ()
    lineage: str | None = None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_TASK

    @property
    def is_running(self) -> bool:
        return self.status == TaskStatus.RUNNING


class Message(Struct, frozen=True):
    """A message between two agents of the session (`to_agent` None: to all)."""

    id: str
    from_agent: str
    to_agent: str | None
    message_type: str
    topic: str
    content: Any
    from_task: str | None
    to_task: str | None
    sent_at: datetime


class Session(Struct, frozen=True):
    """A session under a lease. `last_seq` and `last_hash` are those of the newest committed event.

    `children` are the sessions its agents have started and whose end it has not heard of.
    """

    id: str
    workspace_id: str
    project_id: str
    token: int
    goal: str
    context: Mapping[str, Any]
    execution_mode: str
    status: str
    tasks: Mapping[str, Task]
    roster: Mapping[str, AgentInfo]
    last_seq: int
    last_hash: str
    priority: int = 0
    max_concurrent_tasks: int = 10
    timeout_seconds: float | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    engine_failures: int = 0
    status_before_pause: str = ""
    pause_reason: str = ""
    paused_at: datetime | None = None
    wake_at: datetime | None = None
    result: Any = None
    error_code: str = ""
    error_message: str = ""
    usage: Mapping[str, float] = {}
    saved_usage: Mapping[str, float] = {}
    messages: tuple[Message, ...] = ()
    parent_session_id: str | None = None
    parent_step: str | None = None
    depth: int = 0
    children: frozenset[str] = frozenset()

    @property
    def is_finished(self) -> bool:
        return self.status in (SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.CANCELLED)

    @property
    def status_or_before(self) -> str:
        """The status, or the one a pause interrupted."""
        return self.status_before_pause if self.is_paused else self.status

    @property
    def is_paused(self) -> bool:
        return self.status == SessionStatus.PAUSED


def is_executing(task: Task) -> bool:
    """Whether an agent works on the task at this moment."""
    return task.execution is not None and task.execution.state == ExecutionState.RUNNING
