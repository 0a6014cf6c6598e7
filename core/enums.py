"""Words shared by several apps: what kinds of agents there are, and what everybody outside sees of one."""

from enum import StrEnum


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


def agent_type(word: str) -> AgentType | None:
    """The type meant by a word of any of the older vocabularies, in any case; None when unknown."""
    return TYPE_WORDS.get(word.strip().upper())
