"""The agents that come with the product."""

from agents.builtin.planning import PlanningAgent
from agents.builtin.research import ResearchAgent
from agents.builtin.scripted import ScriptedAgent
from agents.builtin.synthesis import SynthesisAgent
from agents.builtin.validation import ValidationAgent
from agents.registry import AgentRegistry


def register_agents(registry: AgentRegistry) -> None:
    registry.register(ResearchAgent, "research", "Finds and analyses the passages that matter for a question")
    registry.register(SynthesisAgent, "synthesis", "Writes one answer in which every sentence cites its passages")
    registry.register(ValidationAgent, "validation", "Checks each claim of a text against the documents")
    registry.register(PlanningAgent, "planning", "Turns a goal into tasks and says which waits for which")
    registry.register(ScriptedAgent, "scripted", "Does what its input orders: says, sleeps, fails, floods")
