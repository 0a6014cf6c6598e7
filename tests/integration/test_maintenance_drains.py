"""Maintenance with the real engine: what runs ends, nothing new begins, and what waits goes on afterwards."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from agents.models import Agent
from tests.engine import running_engine
from tests.make import Make
from tests.unit.agents.worlds import client_of, use_usual_registry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_usual_registry(monkeypatch)
    with running_engine():
        yield


@pytest.fixture
def agent(make: Make) -> Agent:
    return make.agent(make.project(), name="worker", max_concurrent_tasks=1)


@pytest.fixture
def client(make: Make, agent: Agent) -> APIClient:
    return client_of(make, agent.project)


class Run:
    """One session, followed over HTTP."""

    def __init__(self, client: APIClient, tasks: list[dict[str, Any]]) -> None:
        answer = client.post("/api/v1/agents/execute", {"task_description": "Drain", "tasks": tasks})
        assert answer.status_code == 202, answer.json()
        self.client, self.url = client, f"/api/v1/sessions/{answer.json()['session_id']}"

    def statuses(self) -> dict[str, str]:
        return {task["name"]: task["status"] for task in self.client.get(self.url).json()["tasks"]}

    def reason(self, name: str) -> dict[str, Any]:
        rows = self.client.get(f"{self.url}/why").json()["results"]
        return dict(next(row["reason"] for row in rows if row["name"] == name))


def wait_for(is_so: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def maintain(client: APIClient, agent: Agent, *, enabled: bool) -> None:
    assert client.post(f"/api/v1/agents/{agent.id}/maintenance", {"enabled": enabled}).status_code == 200


@pytest.mark.parametrize("asked", [{"agent": "worker"}, {"required_capabilities": ["scripted"]}])
def test_maintenance_drains_an_agent(client: APIClient, agent: Agent, asked: dict[str, Any]) -> None:
    tasks = [
        {"name": "running", **asked, "input_data": {"sleep": 4, "say": 1}},
        {"name": "queued", **asked, "input_data": {"say": 2}},
        {"name": "after", **asked, "input_data": {"say": 3}, "depends_on": ["running"]},
    ]
    run = Run(client, tasks)
    wait_for(lambda: run.statuses()["running"] == "RUNNING")
    maintain(client, agent, enabled=True)
    assert client.get(f"/api/v1/agents/{agent.id}").json()["status"] == "MAINTENANCE"
    wait_for(lambda: run.statuses()["running"] == "COMPLETED")
    time.sleep(1.5)
    assert run.statuses() == {"running": "COMPLETED", "queued": "QUEUED", "after": "PENDING"}
    for name in ("queued", "after"):
        assert run.reason(name)["code"] == "agent_away"
        assert run.reason(name)["details"] == {"agents": ["worker"]}
    maintain(client, agent, enabled=False)
    wait_for(lambda: set(run.statuses().values()) == {"COMPLETED"})


def test_nobody_new_is_sent_to_an_agent_in_maintenance(client: APIClient, agent: Agent) -> None:
    maintain(client, agent, enabled=True)
    answer = client.post("/api/v1/agents/execute", {"task_description": "x", "agents": ["worker"]})
    assert answer.status_code == 400
    assert "is in maintenance" in str(answer.json())


def test_another_agent_takes_over_what_asked_for_a_capability(make: Make, client: APIClient, agent: Agent) -> None:
    make.agent(agent.project, name="spare")
    maintain(client, agent, enabled=True)
    task = {"name": "one", "required_capabilities": ["scripted"], "input_data": {"say": 1}}
    run = Run(client, [task])
    wait_for(lambda: run.statuses()["one"] == "COMPLETED")
    assert client.get(run.url).json()["tasks"][0]["agent"]["name"] == "spare"
