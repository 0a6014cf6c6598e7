"""What agents there are, what is asked of them, and what they keep."""

from agents.models.agent import Agent, AgentQuerySet, AgentStateHistory
from agents.models.checkpoint import AgentCheckpoint, CheckpointSchedule
from agents.models.command import AgentCommand, AgentCommandQuerySet
from agents.models.context import AgentContext, AgentContextVersion
from agents.models.definition import AgentDefinition

__all__ = [
    "Agent",
    "AgentCheckpoint",
    "AgentCommand",
    "AgentCommandQuerySet",
    "AgentContext",
    "AgentContextVersion",
    "AgentDefinition",
    "AgentQuerySet",
    "AgentStateHistory",
    "CheckpointSchedule",
]
