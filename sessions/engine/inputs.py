"""Everything that can happen to a live session, as values; and everything its runner may have to do about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from sessions.engine.state import Task
from sessions.routing_policy import AgentInfo


class Claimed(Struct, frozen=True):
    """A runner has just taken the session over: whatever ran under an earlier one is lost.

    `was_let_go`: by a worker that is alive, so that no task can be blamed for its death.
    """

    was_let_go: bool = False


class Tick(Struct, frozen=True):
    """Time has passed, or a slot became free."""


class RosterRead(Struct, frozen=True):
    """The project's agents, read anew."""

    roster: Mapping[str, AgentInfo]


class CommandRead(Struct, frozen=True):
    """A row of the durable inbox."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    actor: str


class Progressed(Struct, frozen=True):
    execution_id: str
    percentage: float
    text: str


class Logged(Struct, frozen=True):
    execution_id: str
    level: str
    text: str
    data: Mapping[str, Any]


class MessageSent(Struct, frozen=True):
    execution_id: str
    message_id: str
    to_agent: str | None
    message_type: str
    topic: str
    content: Any


class UsageAdded(Struct, frozen=True):
    execution_id: str
    amounts: Mapping[str, float]


class AgentFinished(Struct, frozen=True):
    execution_id: str
    output: Any


class AgentFailed(Struct, frozen=True):
    execution_id: str
    code: str
    message: str
    permanent: bool = False


class AgentLost(Struct, frozen=True):
    """The worker of a queue that ran the attempt is gone: nobody's fault."""

    execution_id: str
    message: str


class AgentParked(Struct, frozen=True):
    """The agent stopped at a context call, because the session is paused or because it waits for something."""

    execution_id: str


class StepOpened(Struct, frozen=True):
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


class StepClosed(Struct, frozen=True):
    """A call of the agent has its result."""

    execution_id: str
    reply: str
    key: str
    input_hash: str
    result: Any
    usage: Mapping[str, float]


class StepReused(Struct, frozen=True):
    """The agent was given the result of an earlier attempt's step instead of paying for it again."""

    execution_id: str
    step_id: str


class ChildStarted(Struct, frozen=True):
    """The child session of a step is there. `execution_id` and `reply` are those of an agent that goes on at once."""

    step_id: str
    execution_id: str = ""
    reply: str = ""


class ChildRefused(Struct, frozen=True):
    """No child session can be made as the step asks."""

    step_id: str
    code: str
    message: str
    execution_id: str = ""
    reply: str = ""


class HandOver(Struct, frozen=True):
    """This host is stopping: let go of what still runs, for another host to take up."""


class WriteRejected(Struct, frozen=True):
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
    | AgentLost
    | AgentParked
    | StepOpened
    | StepClosed
    | StepReused
    | ChildStarted
    | ChildRefused
    | HandOver
    | WriteRejected
)


class SlotWanted(Struct, frozen=True):
    """A task that could start now, and the scopes in each of which it would take a place.

    `is_running`: it runs elsewhere already, and takes its places even where there are none.
    """

    task_id: str
    scopes: tuple[str, ...]
    session_priority: int
    task_priority: int
    queued_at: datetime
    is_running: bool = False


class StartAgent(Struct, frozen=True):
    """`is_attached`: the attempt runs elsewhere already, and is to be followed from here on."""

    task: Task
    upstream: tuple[Task, ...]
    is_attached: bool = False


class CancelAgent(Struct, frozen=True):
    execution_id: str


class DetachAgent(Struct, frozen=True):
    """Follow it no longer; where it runs, it goes on."""

    execution_id: str


class ParkAgent(Struct, frozen=True):
    execution_id: str


class Reply(Struct, frozen=True):
    """What the agent asked for is committed (`code` empty) or refused."""

    execution_id: str
    reply: str
    value: Any = None
    code: str = ""
    message: str = ""


class StartChild(Struct, frozen=True):
    """Make the child session that a committed step asks for; its id is the step's.

    With `reply` the agent waits for the child to be there, without it for the child's end.
    """

    step_id: str
    request: Mapping[str, Any]
    execution_id: str = ""
    reply: str = ""


Effect = StartAgent | CancelAgent | DetachAgent | ParkAgent | Reply | StartChild
