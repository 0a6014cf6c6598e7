"""An agent that crashed resumes from its latest recoverable checkpoint, from the API to its hook and back."""

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from rest_framework.test import APIClient

from agents.base import BaseAgent
from agents.models import Agent, AgentCheckpoint
from agents.services import create_agent
from agents.worker import AgentWorker
from tests.make import Make
from tests.unit.agents.worlds import access_to, client_of, definition, error_of, fresh, use_registry, work_off
from workspaces.models import Project


class Reader(BaseAgent):
    """Notes how far it has come; cannot go on from a page that is torn."""

    seen: ClassVar[list[Any]] = []

    async def initialize(self) -> None:
        type(self).seen.append(self.state.get("page"))
        if self.state.get("page") == "torn":
            raise RuntimeError("this page is torn")

    async def activate(self) -> None:
        self.state["activated_at_page"] = self.state.get("page")


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_registry(monkeypatch, reader=Reader)
    yield
    Reader.seen.clear()


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


@pytest.fixture
def agent(project: Project) -> Agent:
    return create_agent(access=access_to(project), project=project, definition=definition("reader"), name="reader")


def post(client: APIClient, agent: Agent, route: str, body: Any = None) -> Any:
    answer = client.post(f"/api/v1/agents/{agent.id}/{route}", body)
    assert answer.status_code < 300, answer.json()
    work_off()
    return answer.json()


def put_state(client: APIClient, agent: Agent, **state: Any) -> None:
    assert client.put(f"/api/v1/agents/{agent.id}/state", {"state": state}).status_code == 200


def crashed(client: APIClient, agent: Agent) -> None:
    """In ERROR at a torn page, with checkpoints of page 7, of page 8, and one of the torn page that cannot be used."""
    for page in (7, 8):
        put_state(client, agent, page=page)
        post(client, agent, "checkpoint")
    put_state(client, agent, page="torn")
    post(client, agent, "checkpoint", {"is_recoverable": False})
    post(client, agent, "initialize")
    assert fresh(agent).state_detail == "ERROR"
    assert "this page is torn" in fresh(agent).last_error


def test_the_hook_of_a_recovered_agent_sees_the_state_of_the_checkpoint(client: APIClient, agent: Agent) -> None:
    crashed(client, agent)
    post(client, agent, "recover")
    assert Reader.seen == ["torn", 8]
    assert (fresh(agent).state_detail, fresh(agent).state) == ("READY", {"page": 8})
    newest = client.get(f"/api/v1/agents/{agent.id}/history").json()["results"][0]
    assert "checkpoint 2" in newest["reason"]
    state = client.get(f"/api/v1/agents/{agent.id}/state").json()
    assert (state["state"], state["version"]) == ({"page": 8}, 4)


def test_what_its_hooks_leave_in_the_state_is_kept(client: APIClient, agent: Agent) -> None:
    crashed(client, agent)
    post(client, agent, "recover")
    post(client, agent, "activate")
    assert fresh(agent).state == {"page": 8, "activated_at_page": 8}


def test_without_a_recoverable_checkpoint_it_goes_on_with_the_state_it_had(client: APIClient, agent: Agent) -> None:
    crashed(client, agent)
    AgentCheckpoint.objects.filter(is_recoverable=True).delete()
    post(client, agent, "recover")
    assert Reader.seen == ["torn", "torn"]
    assert (fresh(agent).state_detail, fresh(agent).state_version) == ("ERROR", 3)
    put_state(client, agent, page=9)
    post(client, agent, "recover")
    assert (Reader.seen[-1], fresh(agent).state_detail) == (9, "READY")


def test_an_agent_that_never_crashed_keeps_its_newer_state(client: APIClient, agent: Agent) -> None:
    put_state(client, agent, page=7)
    post(client, agent, "checkpoint")
    put_state(client, agent, page=8)
    post(client, agent, "initialize")
    assert (Reader.seen, fresh(agent).state) == ([8], {"page": 8})


@pytest.mark.django_db(transaction=True)
def test_a_worker_takes_scheduled_checkpoints_until_the_agent_ends(make: Make) -> None:
    project = make.project()
    client, agent = client_of(make, project), make.agent(project, "reader", state={"page": 1})
    worker = AgentWorker()
    worker.start()
    try:
        schedule = client.post(f"/api/v1/agents/{agent.id}/schedule-checkpoint", {"interval_seconds": 1})
        assert schedule.status_code == 201
        wait_for(lambda: AgentCheckpoint.objects.filter(sequence_number=1, source="SCHEDULED").exists())
        put_state(client, agent, page=2)
        wait_for(lambda: AgentCheckpoint.objects.filter(sequence_number=2, is_latest=True).exists())
        client.post(f"/api/v1/agents/{agent.id}/terminate")
        error_of(client.get(f"/api/v1/agents/{agent.id}/schedule-checkpoint"), 404)
    finally:
        worker.stop(5)
    rows = AgentCheckpoint.objects.order_by("sequence_number")
    assert [row.state_data for row in rows] == [{"page": 1}, {"page": 2}]


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
