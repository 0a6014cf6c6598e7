"""Recovery points of an agent's state."""

from agents.models import Agent, AgentCheckpoint


def state_to_resume_from(agent: Agent) -> AgentCheckpoint | None:
    """What an agent that crashed goes on from: its latest recoverable checkpoint; None when it has none."""
    return AgentCheckpoint.objects.filter(agent=agent, is_recoverable=True).order_by("-sequence_number").first()
