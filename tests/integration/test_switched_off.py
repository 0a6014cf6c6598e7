"""`AGENTS_ENABLED=false`: no agent is seen and nothing is started, whichever way one comes in."""

import logging
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from agents import selectors
from agents.errors import AgentsDisabled
from agents.models import Agent, AgentDefinition
from agents.services import (
    create_agent,
    delete_agent,
    replace_state,
    request_transition,
    set_maintenance,
    set_status,
    spawn_agent,
)
from core.errors import NotFound
from sessions.models import AgentSession
from sessions.worker import Worker
from tests.make import Make
from tests.unit.agents.worlds import access_to, client_of, error_of, use_usual_registry
from workspaces.models import Project
from workspaces.states import Role

API = "/api/v1"
GOAL = {"task_description": "go", "agents": ["scripted"], "execution_mode": "sequential"}


@pytest.fixture(autouse=True)
def switched_off(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)
    settings.AGENTS_ENABLED = False


@pytest.fixture
def agent(make: Make, project: Project) -> Agent:
    return make.agent(project)


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project, Role.OWNER)


@pytest.mark.parametrize("route", ["agents", "agents/discover?capability=scripted", "definitions/scripted/agents"])
def test_lists_are_empty(client: APIClient, agent: Agent, route: str) -> None:
    assert client.get(f"{API}/{route}").json()["count"] == 0


@pytest.mark.parametrize("tail", ["", "/status", "/history", "/state", "/checkpoints", "/contexts"])
def test_an_agent_is_not_there_to_read(client: APIClient, agent: Agent, tail: str) -> None:
    error_of(client.get(f"{API}/agents/{agent.id}{tail}"), 404)


@pytest.mark.parametrize("tail", ["/checkpoint", "/contexts"])
def test_nothing_is_kept_for_it(client: APIClient, agent: Agent, tail: str) -> None:
    answer = client.post(f"{API}/agents/{agent.id}{tail}", {"name": "notes"})
    assert answer.status_code in (404, 503)


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        ("/pause", {}),
        ("/terminate", {}),
        ("/status", {"status": "PAUSED"}),
        ("/maintenance", {"enabled": True}),
    ],
)
def test_an_agent_is_not_moved(client: APIClient, agent: Agent, tail: str, body: dict[str, Any]) -> None:
    answer = client.post(f"{API}/agents/{agent.id}{tail}", body)
    assert answer.status_code in (404, 503)
    agent = Agent.objects.get(id=agent.id)
    assert (agent.state_detail, agent.in_maintenance) == ("ACTIVE", False)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("agents", {"definition": "scripted"}),
        ("agents", {"definition": "scripted", "endpoint": "https://agents.example/run"}),
        ("definitions/scripted/spawn", {"start": True}),
        ("agents/execute", GOAL),
        ("sessions", GOAL),
        ("tasks", {"description": "go", "required_capabilities": ["scripted"]}),
    ],
)
def test_nothing_is_made_or_started(client: APIClient, agent: Agent, route: str, body: dict[str, Any]) -> None:
    before = Agent.objects.count()
    error = error_of(client.post(f"{API}/{route}", body), 503)
    assert error["code"] == "agents_disabled"
    assert "AGENTS_ENABLED" in error["message"]
    assert Agent.objects.count() == before
    assert not AgentSession.objects.exists()


def test_an_agent_is_not_executed(client: APIClient, agent: Agent) -> None:
    answer = client.post(f"{API}/agents/{agent.id}/execute", {"task_description": "go"})
    assert error_of(answer, 503)["code"] == "agents_disabled"
    assert answer.get("Retry-After") is None


def test_services_refuse_too(agent: Agent, project: Project) -> None:
    definition = AgentDefinition.objects.get(slug="scripted")
    with pytest.raises(AgentsDisabled):
        create_agent(access=access_to(project), project=project, definition=definition)
    with pytest.raises(AgentsDisabled):
        spawn_agent(access=access_to(project), slug="scripted", project_id=project.id)


def test_services_move_none_either(agent: Agent, project: Project) -> None:
    whom: dict[str, Any] = {"access": access_to(project), "agent_id": agent.id}
    asked: list[tuple[Any, dict[str, Any]]] = [
        (request_transition, {"verb": "pause"}),
        (set_status, {"status": "PAUSED"}),
        (set_maintenance, {"enabled": True}),
        (replace_state, {"state": {"step": 1}}),
        (delete_agent, {}),
    ]
    for service, what in asked:
        with pytest.raises((AgentsDisabled, NotFound)):
            service(**whom, **what)
    agent = Agent.objects.get(id=agent.id)
    assert (agent.state_detail, agent.in_maintenance, agent.state) == ("ACTIVE", False, {})


def test_no_agent_is_chosen_for_work(agent: Agent, project: Project) -> None:
    assert not selectors.assignable_agents(project.id).exists()
    assert not selectors.visible_in_project(project.id).exists()


def test_pages_say_so_and_show_no_agent(make: Make, agent: Agent, project: Project) -> None:
    client = Client()
    client.force_login(make.member(project.workspace, Role.OWNER))
    page = client.get("/agents").content.decode()
    assert "Agents are switched off on this server" in page
    assert agent.name not in page
    assert "Agents are hidden while they are switched off" in page
    assert "New session" not in page
    assert "New agent" not in page
    assert client.get(f"/agents/{agent.id}").status_code == 404
    assert "Agents are switched off" in client.get("/").content.decode()


def test_pages_say_nothing_of_it_otherwise(make: Make, agent: Agent, project: Project, settings: Any) -> None:
    settings.AGENTS_ENABLED = True
    client = Client()
    client.force_login(make.member(project.workspace, Role.OWNER))
    page = client.get("/agents").content.decode()
    assert "switched off" not in page
    assert agent.name in page


def test_the_terminal_refuses(make: Make, agent: Agent) -> None:
    make.user(username="ada", is_superuser=True)
    with pytest.raises(CommandError):
        call_command("run_session", "--task", "go")


def test_a_worker_takes_no_sessions_and_keeps_house(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr("sessions.worker.threading.Thread", lambda **options: Started(started, options["name"]))
    monkeypatch.setattr("sessions.worker.build_host", lambda *_, **__: pytest.fail("an engine was started"))
    worker = Worker()
    with caplog.at_level(logging.WARNING):
        worker.start()
    worker.poke(str(uuid4()))
    worker.stop()
    assert started == ["housekeeping"]


class Started:
    """Stands in for a thread: notes that it was started."""

    def __init__(self, started: list[str], name: str) -> None:
        self._started, self._name = started, name

    def start(self) -> None:
        self._started.append(self._name)


def test_the_health_check_of_a_worker_passes(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_worker")
    assert "switched off" in capsys.readouterr().out
