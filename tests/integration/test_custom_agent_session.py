"""A custom agent from the setting to the answer: registered, made and activated over HTTP, run by the engine."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from agents import registry as registry_module
from agents.services import sync_definitions
from tests.engine import running_engine
from tests.make import Make
from workspaces.models import Workspace
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def engine(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.AGENT_REGISTRY_MODULES = ["examples.word_count_agent", "tests.plain_agents"]
    monkeypatch.setattr(registry_module, "_registry", None)
    sync_definitions()
    with running_engine():
        yield


def client_in(make: Make, workspace: Workspace, role: Role) -> APIClient:
    client = APIClient()
    client.force_login(make.member(workspace, role))
    return client


def finished(client: APIClient, session_id: str, seconds: float = 15) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        session = client.get(f"/api/v1/sessions/{session_id}").json()
        if session["status"] in ("COMPLETED", "FAILED", "CANCELLED"):
            return dict(session)
        time.sleep(0.05)
    raise AssertionError(f"not finished within {seconds} s: {session}")


@pytest.mark.usefixtures("engine")
def test_a_custom_agent_works_in_a_session(make: Make) -> None:
    workspace = make.workspace()
    operator = client_in(make, workspace, Role.OPERATOR)
    body = {"type": "word_count", "name": "counter", "configuration": {"most_common": 1}}
    agent_id = operator.post("/api/v1/agents", body).json()["agent_id"]
    url = f"/api/v1/agents/{agent_id}/status"
    answer = operator.post(url, {"status": "active"}, headers={"Prefer": "wait=10"})
    assert (answer.status_code, answer.json()["status"], answer["Preference-Applied"]) == (200, "ACTIVE", "wait=10")

    member = client_in(make, workspace, Role.MEMBER)
    task = {"name": "count", "required_capabilities": ["word_count"], "input_data": {"text": "tide after tide"}}
    asked = member.post("/api/v1/agents/execute", {"task_description": "Count the words", "tasks": [task]})
    assert asked.status_code == 202, asked.json()

    session = finished(member, asked.json()["session_id"])
    assert session["status"] == "COMPLETED"
    assert session["tasks"][0]["result"] == {"words": 3, "most_common": [["tide", 2]]}
    assert session["tasks"][0]["agent"]["name"] == "counter"
    metrics = member.get(f"/api/v1/agents/{agent_id}/status").json()["metrics"]
    assert (metrics["running"], metrics["completed"], metrics["failed"]) == (0, 1, 0)
    assert metrics["mean_seconds"] >= 0


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("definition", "ready"), [("plain", "initialized, activated"), ("apart", "initialized")])
def test_hooks_may_be_plain_functions(make: Make, definition: str, ready: str) -> None:
    operator = client_in(make, make.workspace(), Role.OPERATOR)
    spawned = operator.post(
        f"/api/v1/definitions/{definition}/spawn", {"start": True}, headers={"Prefer": "wait=10"}
    ).json()
    assert spawned["state_detail"] == "ACTIVE"
    asked = operator.post(f"/api/v1/agents/{spawned['id']}/execute", {"task_description": "Are you ready?"}).json()
    session = finished(operator, asked["session_id"])
    assert [task["result"] for task in session["tasks"]] == [{"ready": ready}], session["error"]
