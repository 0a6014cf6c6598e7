"""Everything that can happen to a live session, as values; and everything its runner may have to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions.engine.state import Task
from sessions.routing_policy import AgentInfo


@dataclass(frozen=True, slots=True)
class Claimed:
    """A runner has just taken the session over: whatever ran under an earlier one is lost."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, or a slot became free."""


@dataclass(frozen=True, slots=True)
class RosterRead:
    """The project's agents, read anew."""

    roster: Mapping[str, AgentInfo]


@dataclass(frozen=True, slots=True)
class CommandRead:
    """A row of the durable inbox."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    actor: str


@dataclass(frozen=True, slots=True)
class Progressed:
    execution_id: str
    percentage: float
    text: str


@dataclass(frozen=True, slots=True)
class Logged:
    execution_id: str
    level: str
    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MessageSent:
    execution_id: str
    message_id: str
    to_agent: str | None
    message_type: str
    topic: str
    content: Any


@dataclass(frozen=True, slots=True)
class UsageAdded:
    execution_id: str
    amounts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class AgentFinished:
    execution_id: str
    output: Any


@dataclass(frozen=True, slots=True)
class AgentFailed:
    execution_id: str
    code: str
    message: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class AgentParked:
    """The agent stopped at a context call, because the session is paused or because it waits for something."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class StepOpened:
    """The agent is about to make a call that must not be repeated unseen, or waits for something from now on.

    `seconds` after which a sleep is over.
    """

    execution_id: str
    reply: str
    kind: str
    key: str
    input_hash: str
    request: Mapping[str, Any]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StepClosed:
    """A call of the agent has its result."""

    execution_id: str
    reply: str
    key: str
    input_hash: str
    result: Any
    usage: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StepReused:
    """The agent was given the result of an earlier attempt's step instead of paying for it again."""

    execution_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """This host is stopping: let go of what still runs, for another host to take up."""


@dataclass(frozen=True, slots=True)
class WriteRejected:
    """The database would not take what a task produced; that task has to fail, not the session."""

    task_ids: tuple[str, ...]
    reason: str


Input = (
    Claimed
    | Tick
    | RosterRead
    | CommandRead
    | Progressed
    | Logged
    | MessageSent
    | UsageAdded
    | AgentFinished
    | AgentFailed
    | AgentParked
    | StepOpened
    | StepClosed
    | StepReused
    | HandOver
    | WriteRejected
)


@dataclass(frozen=True, slots=True)
class SlotWanted:
    """A task that could start now, and what its start would occupy."""

    task_id: str
    agent_id: str
    agent_limit: int
    workspace_id: str
    workspace_limit: int
    priority: int
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class StartAgent:
    task: Task
    upstream: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class CancelAgent:
    execution_id: str


@dataclass(frozen=True, slots=True)
class ParkAgent:
    execution_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent asked for is committed (`code` empty) or refused."""

    execution_id: str
    reply: str
    value: Any = None
    code: str = ""
    message: str = ""


Effect = StartAgent | CancelAgent | ParkAgent | Reply
