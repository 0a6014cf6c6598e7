"""Agents whose hooks are plain functions, as people write them who wait for nothing."""

from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry


class PlainAgent(BaseAgent):
    agent_type = "SPECIALIST"
    ready = ""

    def initialize(self) -> None:  # type: ignore[override]
        self.ready = "initialized"

    def activate(self) -> None:  # type: ignore[override]
        self.ready += ", activated"

    def run(self, ctx: Any) -> Any:
        return {"ready": self.ready}


class ApartAgent(PlainAgent):
    isolation = "process"

    async def run(self, ctx: Any) -> Any:
        return {"ready": self.ready}


def register_agents(registry: AgentRegistry) -> None:
    registry.register(PlainAgent, "plain", "Plain hooks")
    registry.register(ApartAgent, "apart", "Plain hooks in a process of its own")
