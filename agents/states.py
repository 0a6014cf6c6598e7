"""Words of agents: types, the lifecycle, and the older words accepted on input."""

from enum import StrEnum

from core.enums import TYPE_WORDS as TYPE_WORDS
from core.enums import AgentStatus as AgentStatus
from core.enums import AgentType as AgentType
from core.enums import agent_type as agent_type
from core.lifecycle import Lifecycle, moves


class AgentStateDetail(StrEnum):
    """The machine."""

    CREATED = "CREATED"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


class AgentProtocol(StrEnum):
    """How a remote agent is spoken to; "" for one that runs in our own workers."""

    HTTP = "http"


class AgentCommandKind(StrEnum):
    """What was asked of an agent. STATUS is a walk to a status, START one to ACTIVE (a new agent brought up)."""

    INITIALIZE = "INITIALIZE"
    ACTIVATE = "ACTIVATE"
    DEACTIVATE = "DEACTIVATE"
    RECOVER = "RECOVER"
    TERMINATE = "TERMINATE"
    STATUS = "STATUS"
    START = "START"


class AgentCommandOutcome(StrEnum):
    """How a command ended. SUPERSEDED: something stronger came in between (the agent was terminated, it failed)."""

    DONE = "DONE"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"


class CheckpointSource(StrEnum):
    """Who asked for a checkpoint."""

    MANUAL = "MANUAL"
    SCHEDULED = "SCHEDULED"


class RollbackState(StrEnum):
    """How far the rollback of a context has come."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


_D = AgentStateDetail
_NOT_TERMINATED = frozenset(_D) - {_D.TERMINATED}

AGENT_LIFECYCLE = Lifecycle(
    name="agent",
    states=AgentStateDetail,
    initial=_D.CREATED,
    moves=moves(
        initialize=(_D.CREATED, _D.INITIALIZING),
        become_ready=(_D.INITIALIZING, _D.READY),
        activate=(_D.READY, _D.ACTIVE),
        pause=(_D.ACTIVE, _D.PAUSED),
        resume=(_D.PAUSED, _D.ACTIVE),
        deactivate=({_D.ACTIVE, _D.PAUSED}, _D.READY),
        fail=(_NOT_TERMINATED - {_D.ERROR}, _D.ERROR),
        recover=(_D.ERROR, _D.INITIALIZING),
        terminate=(_NOT_TERMINATED, _D.TERMINATED),
    ),
)

STATUS_OF_DETAIL = {
    _D.CREATED: AgentStatus.INACTIVE,
    _D.INITIALIZING: AgentStatus.INACTIVE,
    _D.READY: AgentStatus.INACTIVE,
    _D.ACTIVE: AgentStatus.ACTIVE,
    _D.PAUSED: AgentStatus.INACTIVE,
    _D.ERROR: AgentStatus.ERROR,
    _D.TERMINATED: AgentStatus.INACTIVE,
}


def status_of(detail: AgentStateDetail, *, in_maintenance: bool, is_offline: bool) -> AgentStatus:
    """What everybody outside sees: the operator's flag before missed heartbeats before the machine."""
    if detail == _D.TERMINATED:
        return AgentStatus.INACTIVE
    if in_maintenance:
        return AgentStatus.MAINTENANCE
    return AgentStatus.OFFLINE if is_offline else STATUS_OF_DETAIL[detail]


STATUS_WORDS = {
    **{str(status): status for status in AgentStatus},
    "IDLE": AgentStatus.INACTIVE,
    "INITIALIZING": AgentStatus.INACTIVE,
}
