"""An agent whose first initialization never ends: it leaves a mark that names its process, and waits to be killed."""

import asyncio
import json
import os
from pathlib import Path

from agents.base import BaseAgent
from agents.registry import AgentRegistry


class SlowStartingAgent(BaseAgent):
    """Writes its state into a file named after its process, in the folder `marks` of its configuration."""

    config_schema = {"type": "object", "properties": {"marks": {"type": "string"}}, "required": ["marks"]}

    async def initialize(self) -> None:
        marks = Path(self.configuration["marks"])
        is_first = not any(marks.iterdir())
        (marks / str(os.getpid())).write_text(json.dumps(self.state))
        if is_first:
            await asyncio.sleep(300)
        self.state["initialized_by"] = os.getpid()


def register_agents(registry: AgentRegistry) -> None:
    registry.register(SlowStartingAgent, "slow-starting", "Has to be killed once")
