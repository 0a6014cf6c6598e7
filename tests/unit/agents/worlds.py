"""What the tests of agents share: callers with a role, agent classes that misbehave, registries of one class."""

import asyncio
import time
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.test import APIClient

from agents import registry as registry_module
from agents.base import BaseAgent
from agents.builtin.scripted import ScriptedAgent
from agents.models import Agent, AgentCheckpoint, AgentCommand, AgentDefinition
from agents.policies import BUILTIN_SLUGS
from agents.registry import AgentRegistry
from agents.selectors import with_running
from agents.services import request_transition, sync_definitions
from agents.worker import AgentWorker
from tests.make import Make
from workspaces.access import Access
from workspaces.models import AuditEntry, Project
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


def use_usual_registry(monkeypatch: Any) -> AgentRegistry:
    """The scripted agent, the recorder, and recorders under the slugs of the built-in agents."""
    built_in = {slug: type(slug.title(), (RecordingAgent,), {"capabilities": (slug,)}) for slug in BUILTIN_SLUGS}
    return use_registry(monkeypatch, scripted=ScriptedAgent, recorder=RecordingAgent, **built_in)


def work_off() -> int:
    """What a worker does with the commands there are, in this thread; how many there were."""
    return AgentWorker().run_once()


def ask(agent: Agent, verb: str, reason: str = "") -> Agent:
    return request_transition(access=access_to(agent.project), agent_id=agent.id, verb=verb, reason=reason)


def command_of(agent: Agent) -> AgentCommand:
    command = AgentCommand.objects.filter(agent=agent).order_by("-id").first()
    assert command is not None
    return command


def do(agent: Agent, *verbs: str, reason: str = "") -> Agent:
    """Ask for these verbs, each carried out before the next; the agent as it is then."""
    access = Access(actor="ada", user_id=None, roles={agent.workspace_id: Role.OPERATOR})
    for verb in verbs:
        request_transition(access=access, agent_id=agent.id, verb=verb, reason=reason)
        work_off()
    return with_running([Agent.objects.select_related("project", "definition").get(id=agent.id)])[0]


def client_of(make: Make, project: Project, role: Role = Role.OPERATOR) -> APIClient:
    """A client of the API, logged in as a new member of the project's workspace."""
    client = APIClient()
    client.force_login(make.member(project.workspace, role))
    return client


def error_of(answer: Any, status: int) -> dict[str, Any]:
    """The error of an answer, which must have this status and the one shape."""
    body = answer.json()
    assert answer.status_code == status, body
    assert set(body) == {"code", "message", "details"}
    assert len(body["message"]) > 10
    return dict(body)


def definition(slug: str) -> AgentDefinition:
    return AgentDefinition.objects.get(slug=slug)


def fresh(agent: Agent | UUID) -> Agent:
    return Agent.objects.get(id=agent.id if isinstance(agent, Agent) else agent)


def moves_of(agent: Agent) -> list[tuple[str | None, str]]:
    rows = agent.state_history.order_by("timestamp", "id")
    return list(rows.values_list("previous_state_detail", "new_state_detail"))


def kept_checkpoints(agent: Agent) -> list[tuple[int, bool]]:
    """Number and whether it is the latest, newest first."""
    rows = AgentCheckpoint.objects.filter(agent=agent).order_by("-sequence_number")
    return list(rows.values_list("sequence_number", "is_latest"))


def audited_actions(agent: Agent) -> list[str]:
    """What the audit log says was done with the agent, in order."""
    entries = AuditEntry.objects.filter(object_id=str(agent.id)).order_by("created_at", "id")
    return list(entries.values_list("action", flat=True))
