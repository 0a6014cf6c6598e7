"""What a caller asks for when starting a session, whichever door it came through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sessions.states import ExecutionMode

DEFAULT_MAX_ATTEMPTS = 3
DEFAULT_MAX_CONCURRENT_TASKS = 10


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One task of a `dag` session, done by `agent` or by any agent that has all `required_capabilities`.

    `depends_on` holds names of tasks of the same request. `timeout` is in seconds.
    """

    name: str
    agent: str | None = None
    required_capabilities: Sequence[str] = ()
    task_type: str = ""
    description: str = ""
    input_data: Mapping[str, Any] = field(default_factory=dict)
    depends_on: Sequence[str] = ()
    priority: int = 0
    timeout: float | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """A goal, who works at it, and how; not yet checked. `timeout` is in seconds.

    `agents` are ids, names in the project, or definitions. `agent_configuration` is `{agent: {setting: value}}`.
    `problems` holds what a door could not read (by field path); creating a session reports it with all else.
    """

    task_description: str
    context: Mapping[str, Any] = field(default_factory=dict)
    agents: Sequence[str] = ()
    execution_mode: str | None = None
    tasks: Sequence[TaskRequest] = ()
    timeout: float | None = None
    priority: int = 0
    title: str = ""
    agent_configuration: Mapping[str, Any] = field(default_factory=dict)
    max_concurrent_tasks: int = DEFAULT_MAX_CONCURRENT_TASKS
    project_id: UUID | None = None
    idempotency_key: str | None = None
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        """The mode asked for; without one `dag` when there are tasks, `parallel` when agents, else `planned`."""
        if self.execution_mode is not None:
            return self.execution_mode
        if self.tasks or self.is_unreadable("tasks"):
            return ExecutionMode.DAG
        return ExecutionMode.PARALLEL if self.agents or self.is_unreadable("agents") else ExecutionMode.PLANNED

    def is_unreadable(self, name: str) -> bool:
        """Whether something was given under this name that no door could read."""
        return any(path == name or path.startswith(f"{name}[") for path in self.problems)
