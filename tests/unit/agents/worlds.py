"""What the tests of agents share: callers with a role, agent classes that misbehave, registries of one class."""

import asyncio
import time
from typing import Any, ClassVar
from uuid import UUID

from agents import registry as registry_module
from agents.base import BaseAgent
from agents.models import Agent, AgentDefinition
from agents.registry import AgentRegistry
from agents.services import sync_definitions
from workspaces.access import Access
from workspaces.models import Project
from workspaces.states import Role


def access_to(project: Project, role: Role = Role.OPERATOR) -> Access:
    return Access(actor="ada", user_id=None, roles={project.workspace_id: role})


class RecordingAgent(BaseAgent):
    """Writes down which hooks were called; does what its configuration says in the hook of that name."""

    capabilities = ("record", "listen")
    config_schema = {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1}}}
    calls: ClassVar[list[str]] = []

    async def _do(self, hook: str) -> None:
        type(self).calls.append(hook)
        order = self.configuration.get(hook)
        if order == "fail":
            raise RuntimeError("the model file is missing")
        if order == "hang":
            await asyncio.sleep(60)
        if order == "block":
            time.sleep(1.5)

    async def initialize(self) -> None:
        await self._do("initialize")

    async def activate(self) -> None:
        await self._do("activate")

    async def deactivate(self) -> None:
        await self._do("deactivate")

    async def shutdown(self) -> None:
        await self._do("shutdown")

    async def run(self, ctx: Any) -> None:
        return None


def use_registry(monkeypatch: Any, **classes: type[BaseAgent]) -> AgentRegistry:
    """From now on this process knows exactly these classes, and their rows are synced."""
    registry = AgentRegistry()
    for slug, agent_class in classes.items():
        registry.register(agent_class, slug, f"The {slug} agent")
    monkeypatch.setattr(registry_module, "_registry", registry)
    sync_definitions()
    return registry


def definition(slug: str) -> AgentDefinition:
    return AgentDefinition.objects.get(slug=slug)


def fresh(agent: Agent | UUID) -> Agent:
    return Agent.objects.get(id=agent.id if isinstance(agent, Agent) else agent)


def moves_of(agent: Agent) -> list[tuple[str | None, str]]:
    rows = agent.state_history.order_by("timestamp", "id")
    return list(rows.values_list("previous_state_detail", "new_state_detail"))
