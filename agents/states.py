"""Words of agents: types, the lifecycle, and the older words accepted on input."""

from enum import StrEnum

from core.lifecycle import Lifecycle, moves


class AgentType(StrEnum):
    COORDINATOR = "COORDINATOR"
    ASSISTANT = "ASSISTANT"
    RESEARCHER = "RESEARCHER"
    DEVELOPER = "DEVELOPER"
    DESIGNER = "DESIGNER"
    SPECIALIST = "SPECIALIST"
    AUDITOR = "AUDITOR"
    CUSTOM = "CUSTOM"


class AgentStatus(StrEnum):
    """What everybody outside sees; derived from the state detail. BUSY is computed on read, never stored."""

    INACTIVE = "INACTIVE"
    ACTIVE = "ACTIVE"
    BUSY = "BUSY"
    ERROR = "ERROR"
    MAINTENANCE = "MAINTENANCE"
    OFFLINE = "OFFLINE"


class AgentStateDetail(StrEnum):
    """The machine."""

    CREATED = "CREATED"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


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

TYPE_WORDS = {
    **{str(agent_type): agent_type for agent_type in AgentType},
    "PLANNER": AgentType.COORDINATOR,
    "MANAGER": AgentType.COORDINATOR,
    "REVIEWER": AgentType.AUDITOR,
    "TOOL_CURATOR": AgentType.SPECIALIST,
    "DEPLOYMENT": AgentType.SPECIALIST,
    "RESEARCH": AgentType.RESEARCHER,
    "SYNTHESIS": AgentType.SPECIALIST,
    "VALIDATION": AgentType.AUDITOR,
    "PLANNING": AgentType.COORDINATOR,
}

STATUS_WORDS = {
    **{str(status): status for status in AgentStatus},
    "IDLE": AgentStatus.INACTIVE,
    "INITIALIZING": AgentStatus.INACTIVE,
}


def agent_type(word: str) -> AgentType | None:
    """The type meant by a word of any of the older vocabularies, in any case; None when unknown."""
    return TYPE_WORDS.get(word.strip().upper())
