"""The scripted agent, which takes its time to get ready: what a person sees meanwhile is what is tested."""

import asyncio

from agents.builtin.scripted import ScriptedAgent
from agents.registry import AgentRegistry


class SlowAgent(ScriptedAgent):
    """Takes `seconds` to initialize."""

    config_schema = {
        "type": "object",
        "properties": {
            "seconds": {"type": "number", "minimum": 0, "maximum": 20, "default": 0, "description": "to get ready"},
            "words": {"type": "array", "items": {"type": "string"}},
        },
    }

    async def initialize(self) -> None:
        await asyncio.sleep(self.configuration.get("seconds", 0))


def register_agents(registry: AgentRegistry) -> None:
    registry.register(SlowAgent, "slow", "Takes its time to get ready")
