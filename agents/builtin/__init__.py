"""The agents that come with the product."""

from agents.builtin.scripted import ScriptedAgent
from agents.registry import AgentRegistry


def register_agents(registry: AgentRegistry) -> None:
    registry.register(ScriptedAgent, "scripted", "Does what its input orders: says, sleeps, fails, floods")
