"""Signs of life: who misses them is offline and gets no work; the next one brings the agent back."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from agents.services import mark_offline_agents, record_heartbeat, set_maintenance, update_agent
from agents.worker import AgentWorker
from core.clock import SYSTEM_CLOCK
from core.errors import Forbidden, NotFound
from core.lifecycle import IllegalTransition
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, access_to, client_of, do, error_of, fresh, use_registry
from workspaces.models import Project
from workspaces.states import Role


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    settings.AGENT_HEARTBEAT_TIMEOUT_SECONDS = 60
    use_registry(monkeypatch, recorder=RecordingAgent)
    yield
    RecordingAgent.calls.clear()


@pytest.fixture
def agent(make: Make, project: Project) -> Agent:
    return make.agent(project, "recorder", endpoint="http://far:1")


def beat(agent: Agent, **said: Any) -> Agent:
    return record_heartbeat(access=access_to(agent.project), agent_id=agent.id, **said)


def silence(agent: Agent, seconds: float) -> None:
    Agent.objects.filter(id=agent.id).update(last_heartbeat_at=SYSTEM_CLOCK.now() - timedelta(seconds=seconds))


def test_an_agent_whose_heartbeats_are_missing_is_offline_until_the_next_one(agent: Agent) -> None:
    beat(agent)
    assert mark_offline_agents() == 0
    silence(agent, 61)
    mark_offline_agents()
    assert (fresh(agent).status, fresh(agent).state_detail) == ("OFFLINE", "ACTIVE")
    assert not Agent.objects.filter(id=agent.id).assignable().exists()
    assert mark_offline_agents() == 0
    assert (beat(agent).status, fresh(agent).status) == ("ACTIVE", "ACTIVE")
    rows = list(agent.state_history.values_list("previous_status", "new_status", "actor"))
    assert rows == [("ACTIVE", "OFFLINE", "system"), ("OFFLINE", "ACTIVE", "ada")]
    assert "no heartbeat since 2" in agent.state_history.all()[0].reason


@pytest.mark.parametrize("fields", [{"endpoint": ""}, {"last_heartbeat_at": None}, {"state_detail": "TERMINATED"}])
def test_only_living_agents_with_an_endpoint_that_sent_some_are_missed(make: Make, fields: dict[str, Any]) -> None:
    values = {"endpoint": "http://far:1", "last_heartbeat_at": SYSTEM_CLOCK.now() - timedelta(hours=1)}
    other = make.agent(definition="recorder", **{**values, **fields})
    assert mark_offline_agents() == 0
    assert not fresh(other).is_offline


def test_maintenance_is_shown_before_offline(agent: Agent) -> None:
    beat(agent)
    access = access_to(agent.project)
    set_maintenance(access=access, agent_id=agent.id, enabled=True)
    silence(agent, 61)
    mark_offline_agents()
    assert (fresh(agent).status, fresh(agent).is_offline) == ("MAINTENANCE", True)
    assert set_maintenance(access=access, agent_id=agent.id, enabled=False).status == "OFFLINE"


def test_an_offline_agent_that_is_terminated_is_inactive(agent: Agent) -> None:
    beat(agent)
    silence(agent, 61)
    mark_offline_agents()
    done = do(agent, "terminate")
    assert (done.status, done.is_offline) == ("INACTIVE", False)
    with pytest.raises(IllegalTransition):
        beat(agent)


def test_an_agent_without_an_endpoint_any_more_is_not_missed(agent: Agent) -> None:
    beat(agent)
    silence(agent, 61)
    mark_offline_agents()
    update_agent(access=access_to(agent.project), agent_id=agent.id, changes={"endpoint": ""})
    assert (fresh(agent).status, fresh(agent).is_offline) == ("ACTIVE", False)


def test_what_it_says_is_kept_and_heartbeats_in_a_row_write_nothing(agent: Agent) -> None:
    beat(agent, load=0.5, status_message="indexing")
    with CaptureQueriesContext(connection) as again:
        beat(agent, load=0.5, status_message="indexing")
    assert {query["sql"].split()[0] for query in again} == {"SELECT"}
    assert fresh(agent).metadata["heartbeat"] == {"load": 0.5, "status_message": "indexing"}
    silence(agent, 6)
    with CaptureQueriesContext(connection) as later:
        beat(agent, load=0.5, status_message="indexing")
    assert [query["sql"].split()[0] for query in later][-1] == "UPDATE"
    silence(agent, 6)
    beat(agent)
    assert "heartbeat" not in fresh(agent).metadata


def test_a_restless_agent_does_not_make_its_row_hot(agent: Agent) -> None:
    beat(agent, load=0.5)
    with CaptureQueriesContext(connection) as again:
        for number in range(10):
            beat(agent, load=number / 10)
    assert {query["sql"].split()[0] for query in again} == {"SELECT"}


def test_looking_for_missing_ones_is_one_read(agent: Agent) -> None:
    beat(agent)
    with CaptureQueriesContext(connection) as looked:
        mark_offline_agents()
    assert [query["sql"].split()[0] for query in looked] == ["SELECT"]


def test_only_operators_may_send_them(make: Make, agent: Agent) -> None:
    with pytest.raises(Forbidden):
        record_heartbeat(access=access_to(agent.project, Role.MEMBER), agent_id=agent.id)
    with pytest.raises(NotFound):
        record_heartbeat(access=access_to(make.project(), Role.OWNER), agent_id=agent.id)


def test_heartbeats_come_over_http(make: Make, agent: Agent) -> None:
    client = client_of(make, agent.project)
    url = f"/api/v1/agents/{agent.id}/heartbeat"
    silence(agent, 100)
    mark_offline_agents()
    assert client.get(f"/api/v1/agents/{agent.id}").json()["status"] == "OFFLINE"
    body = client.post(url, {"load": 0.25}).json()
    assert (body["status"], body["is_offline"]) == ("ACTIVE", False)
    assert body["last_heartbeat_at"] is not None
    error_of(client.post(url, {"load": "much"}), 400)
    error_of(client_of(make, agent.project, Role.VIEWER).post(url), 403)


@pytest.mark.django_db(transaction=True)
def test_a_worker_looks_after_them(make: Make) -> None:
    far = make.agent(definition="recorder", endpoint="http://far:1")
    silence(far, 61)
    worker = AgentWorker()
    worker.start()
    try:
        end = time.monotonic() + 10
        while not fresh(far).is_offline:
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        worker.stop()
