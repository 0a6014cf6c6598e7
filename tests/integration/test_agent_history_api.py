"""The history of an agent over HTTP: filtered, searched, ordered, paginated."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from agents.models import AgentStateHistory
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, use_usual_registry, work_off
from workspaces.models import Project
from workspaces.states import Role

API = "/api/v1/agents"


@pytest.fixture
def project(make: Make, monkeypatch: pytest.MonkeyPatch) -> Project:
    use_usual_registry(monkeypatch)
    return make.project()


@pytest.fixture
def url(make: Make, project: Project) -> str:
    """An agent that one operator brought up and another one paused and terminated."""
    first, second = client_of(make, project), client_of(make, project)
    path = f"{API}/{first.post(API, {'definition': 'recorder'}).json()['id']}"
    first.post(f"{path}/status", {"status": "ACTIVE", "reason": "a new day"})
    work_off()
    second.post(f"{path}/pause", {"reason": "Lunch time"})
    second.post(f"{path}/maintenance", {"reason": "new disk"})
    second.post(f"{path}/terminate", {"reason": "the day is over"})
    return path


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project, Role.VIEWER)


def states(client: APIClient, url: str, **query: Any) -> list[str]:
    answer = client.get(f"{url}/history", query)
    assert answer.status_code == 200, answer.json()
    return [row["new_state_detail"] for row in answer.json()["results"]]


def test_the_history_is_newest_first_and_can_be_turned(client: APIClient, url: str) -> None:
    life = ["CREATED", "INITIALIZING", "READY", "ACTIVE", "PAUSED", "PAUSED", "TERMINATED"]
    assert states(client, url) == life[::-1]
    assert states(client, url, ordering="timestamp") == life
    assert states(client, url, ordering="-timestamp") == life[::-1]
    assert states(client, url, ordering="new_state_detail")[0] == "ACTIVE"


def test_the_history_is_narrowed(client: APIClient, url: str) -> None:
    second = AgentStateHistory.objects.get(reason="Lunch time").actor
    assert states(client, url, state="paused") == ["PAUSED", "PAUSED"]
    assert states(client, url, status="maintenance") == ["PAUSED"]
    assert states(client, url, actor=second) == ["TERMINATED", "PAUSED", "PAUSED"]
    assert states(client, url, search="LUNCH") == ["PAUSED"]
    assert states(client, url, search="day", actor=second) == ["TERMINATED"]
    assert states(client, url, state="ERROR") == []
    paused_at = AgentStateHistory.objects.get(reason="Lunch time").timestamp.isoformat()
    assert states(client, url, since=paused_at) == ["TERMINATED", "PAUSED", "PAUSED"]
    assert states(client, url, until=paused_at) == ["ACTIVE", "READY", "INITIALIZING", "CREATED"]
    assert states(client, url, since=paused_at, until=paused_at) == []
    page = client.get(f"{url}/history", {"page_size": 2}).json()
    assert (page["count"], len(page["results"])) == (7, 2)


@pytest.mark.parametrize(
    ("field", "word"),
    [("state", "asleep"), ("status", "asleep"), ("since", "yesterday"), ("until", "7"), ("ordering", "password")],
)
def test_a_filter_that_means_nothing_is_a_400(client: APIClient, url: str, field: str, word: str) -> None:
    assert field in error_of(client.get(f"{url}/history", {field: word}), 400)["details"]
