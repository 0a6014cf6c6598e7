"""Agents and definitions over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents import hooks
from agents.models import Agent
from core.clock import SYSTEM_CLOCK
from sessions.models import AgentExecution
from tests.make import Make
from tests.unit.agents.worlds import (
    RecordingAgent,
    client_of,
    error_of,
    fresh,
    use_registry,
    use_usual_registry,
    work_off,
)
from workspaces.models import Project

API = "/api/v1/agents"


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


# Creating


def test_an_agent_is_made_of_a_definition(client: APIClient, project: Project) -> None:
    answer = client.post(API, {"definition": "recorder", "name": "one", "configuration": {"depth": 2}})
    body = answer.json()
    assert answer.status_code == 201, body
    assert body["id"] == body["agent_id"]
    assert body["project_id"] == str(project.id)
    assert (body["definition"], body["type"], body["status"], body["state_detail"]) == (
        "recorder",
        "CUSTOM",
        "INACTIVE",
        "CREATED",
    )
    assert body["allowed_transitions"] == ["initialize", "terminate"]
    assert client.get(f"{API}/{body['id']}").json() == body


@pytest.mark.parametrize(
    ("word", "definition", "kind"),
    [
        ("research", "research", "CUSTOM"),
        ("planner", "planning", "COORDINATOR"),
        ("Reviewer", "validation", "AUDITOR"),
        ("SPECIALIST", "synthesis", "SPECIALIST"),
    ],
)
def test_an_agent_is_made_of_what_its_type_means(client: APIClient, word: str, definition: str, kind: str) -> None:
    body = client.post(API, {"type": word}).json()
    assert (body["definition"], body["type"]) == (definition, kind)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid", "definition"),
        ({"type": "rag_agent"}, "unknown_type", "type"),
        ({"definition": "nobody"}, "unknown_definition", "definition"),
        ({"definition": "recorder", "configuration": {"depth": 0}}, "invalid_configuration", "configuration"),
        ({"definition": "recorder", "configuration": [1]}, "invalid", "configuration"),
        ({"definition": "recorder", "name": "x" * 101}, "invalid", "name"),
        ({"definition": "recorder", "weight": 0}, "invalid", "weight"),
        ({"definition": "recorder", "capabilities": "search"}, "invalid", "capabilities"),
        ({"definition": "recorder", "capabilities": [""]}, "invalid", "capabilities"),
        ({"definition": "recorder", "endpoint": "not a url"}, "invalid_endpoint", "endpoint"),
        ({"definition": "recorder", "endpoint": "file:///etc/passwd"}, "invalid_endpoint", "endpoint"),
        ({"definition": "recorder", "project_id": "seven"}, "invalid", "project_id"),
        ({"type": "rag_agent", "endpoint": "http://rag:8000"}, "unknown_definition", "definition"),
        ([], "invalid", "non_field_errors"),
    ],
)
def test_bad_bodies_make_nothing_and_say_why(client: APIClient, body: Any, code: str, field: str) -> None:
    error = error_of(client.post(API, body), 400)
    assert error["code"] == code
    assert field in error["details"]
    assert not Agent.objects.exists()


def test_what_breaks_the_schema_is_named_by_its_path(client: APIClient) -> None:
    error = error_of(client.post(API, {"definition": "recorder", "configuration": {"depth": "deep"}}), 400)
    assert error["details"]["configuration"] == ["$.depth: 'deep' is not of type 'integer'"]


def test_an_unknown_type_is_answered_with_what_is_allowed(client: APIClient) -> None:
    details = error_of(client.post(API, {"type": "rag_agent"}), 400)["details"]
    assert "research" in details["definitions"]
    assert "CUSTOM" in details["types"]


def test_the_call_of_the_registration_example_works(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    use_registry(monkeypatch, remote=RecordingAgent)
    answer = client.post(
        API,
        {
            "type": "rag_agent",
            "name": "Advanced RAG Agent",
            "endpoint": "http://rag-service:8000",
            "capabilities": ["document_analysis", "question_answering"],
            "metadata": {"version": "1.0"},
        },
    )
    assert answer.json()["pending_command"]["verbs"] == ["initialize", "activate"]
    work_off()
    agent = fresh(answer.json()["agent_id"])
    assert (agent.type, agent.status, agent.metadata["type"]) == ("CUSTOM", "ACTIVE", "rag_agent")


def test_a_name_in_use_is_a_conflict(client: APIClient) -> None:
    body = {"definition": "recorder", "name": "one"}
    assert client.post(API, body).status_code == 201
    assert error_of(client.post(API, body), 409)["code"] == "name_taken"


def test_an_agent_goes_where_it_is_told(make: Make, client: APIClient, project: Project) -> None:
    other = Project.objects.create(workspace=project.workspace, name="Other", slug="other")
    body = client.post(API, {"definition": "recorder", "project_id": str(other.id)}).json()
    assert body["project_id"] == str(other.id)
    foreign = make.project()
    error_of(client.post(API, {"definition": "recorder", "project_id": str(foreign.id)}), 404)
    error_of(client.post(API, {"definition": "recorder", "workspace_id": str(foreign.workspace_id)}), 404)


# Reading


def test_the_list_is_filtered_and_ordered(make: Make, client: APIClient, project: Project) -> None:
    other = Project.objects.create(workspace=project.workspace, name="Other", slug="other")
    make.agent(project, name="alpha", capabilities=["sum", "search"], description="Adds numbers")
    make.agent(project, "recorder", name="beta", type="AUDITOR", state_detail="PAUSED", status="INACTIVE")
    make.agent(other, name="gamma", capabilities=["sum"])
    make.agent(project, name="gone", state_detail="TERMINATED", status="INACTIVE")
    make.agent(name="foreign", capabilities=["sum"])

    def names(**query: Any) -> list[str]:
        answer = client.get(API, query)
        assert answer.status_code == 200, answer.json()
        return [row["name"] for row in answer.json()["results"]]

    assert names() == ["alpha", "beta", "gamma"]
    assert names(ordering="-name") == ["gamma", "beta", "alpha"]
    assert names(project=other.id) == ["gamma"]
    assert names(status="inactive") == ["beta"]
    assert names(state_detail="paused") == ["beta"]
    assert names(state_detail="TERMINATED") == ["gone"]
    assert names(type="reviewer") == ["beta"]
    assert names(definition="recorder") == ["beta"]
    assert names(capability="sum") == ["alpha", "gamma"]
    assert names(capability="sum, search") == ["alpha"]
    assert names(search="NUMBERS") == ["alpha"]
    assert names(search="record") == ["beta"]
    assert names(project=uuid4()) == []
    page = client.get(API, {"page_size": 2}).json()
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    assert client.get(page["next"]).json()["results"][0]["name"] == "gamma"


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("status", "asleep"),
        ("state_detail", "x"),
        ("type", "wizard"),
        ("ordering", "password"),
        ("project", "7"),
    ],
)
def test_a_filter_word_that_means_nothing_is_a_400(client: APIClient, field: str, word: str) -> None:
    assert field in error_of(client.get(API, {field: word}), 400)["details"]


def test_busy_is_worked_out_on_reading(
    make: Make, client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, idle = make.agent(project, name="busy"), make.agent(project, name="idle")
    monkeypatch.setattr(hooks, "running_counts", lambda ids: {busy.id: 2} if busy.id in ids else {})
    figures = hooks.ExecutionFigures(completed=7, failed=1, cancelled=0, mean_seconds=0.25)
    monkeypatch.setattr(hooks, "execution_figures", lambda ids: {busy.id: figures} if busy.id in ids else {})
    shown = {row["name"]: (row["status"], row["running"]) for row in client.get(API).json()["results"]}
    assert shown == {"busy": ("BUSY", 2), "idle": ("ACTIVE", 0)}
    assert [row["name"] for row in client.get(API, {"status": "BUSY"}).json()["results"]] == ["busy"]
    assert [row["name"] for row in client.get(API, {"status": "ACTIVE"}).json()["results"]] == ["idle"]
    status = client.get(f"{API}/{busy.id}/status").json()
    assert (status["status"], status["state_detail"]) == ("BUSY", "ACTIVE")
    assert status["metrics"] == {"running": 2, "completed": 7, "failed": 1, "cancelled": 0, "mean_seconds": 0.25}
    assert client.get(f"{API}/{idle.id}/status").json()["metrics"]["mean_seconds"] is None
    assert fresh(busy).status == "ACTIVE"


def test_real_executions_make_an_agent_busy_and_are_its_figures(
    make: Make, client: APIClient, project: Project
) -> None:
    agent = make.agent(project)
    now = SYSTEM_CLOCK.now()
    tasks = list(make.session(project, tasks=4, agent=agent).tasks.all())
    for task, state in zip(tasks, ("COMPLETED", "COMPLETED", "FAILED", "RUNNING"), strict=True):
        ended = now if state != "RUNNING" else None
        AgentExecution.objects.create(
            task=task, agent=agent, attempt=1, state=state, started_at=now - timedelta(seconds=2), completed_at=ended
        )
    status = client.get(f"{API}/{agent.id}/status").json()
    assert status["status"] == "BUSY"
    assert status["metrics"] == {"running": 1, "completed": 2, "failed": 1, "cancelled": 0, "mean_seconds": 2.0}


def test_agents_are_discovered_by_capability(make: Make, client: APIClient, project: Project) -> None:
    agent = make.agent(project, capabilities=["sum", "search"])
    make.agent(project, capabilities=["sum"], in_maintenance=True)
    make.agent(capabilities=["sum"])
    found = client.get(f"{API}/discover", {"capability": "sum,search"}).json()
    assert [row["id"] for row in found["results"]] == [str(agent.id)]
    assert client.get(f"{API}/discover", {"capability": "fly"}).json()["count"] == 0
    assert "capability" in error_of(client.get(f"{API}/discover"), 400)["details"]


@pytest.mark.parametrize("path", ["", "/discover?capability=scripted"])
def test_a_list_costs_the_same_however_long(make: Make, client: APIClient, project: Project, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(API + path).status_code == 200
        return len(context)

    make.agent(project)
    few = queries()
    for _ in range(10):
        make.agent(project)
    assert queries() == few
    assert few <= 8


def test_the_history_costs_the_same_however_long(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder"}).json()["id"]

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(f"{API}/{agent_id}/history").status_code == 200
        return len(context)

    few = queries()
    for verb in ("initialize", "activate", "pause", "resume"):
        client.post(f"{API}/{agent_id}/{verb}")
        work_off()
    assert queries() == few


def test_definitions_are_listed_and_shown(client: APIClient) -> None:
    listed = client.get("/api/v1/definitions", {"capability": "record"}).json()
    assert [row["slug"] for row in listed["results"]] == ["recorder"]
    shown = client.get("/api/v1/definitions/recorder").json()
    assert shown["config_schema"] == RecordingAgent.config_schema
    assert shown["is_enabled"] is True
    error_of(client.get("/api/v1/definitions/nobody"), 404)


# Changing


def test_a_patch_changes_what_is_given_and_a_put_the_rest_too(client: APIClient) -> None:
    agent_id = client.post(
        API, {"definition": "recorder", "name": "one", "configuration": {"depth": 2}, "capabilities": ["x"]}
    ).json()["id"]
    url = f"{API}/{agent_id}"
    patched = client.patch(url, {"description": "Writes things down", "weight": 3}).json()
    assert (patched["name"], patched["configuration"], patched["weight"]) == ("one", {"depth": 2}, 3)
    put = client.put(url, {"name": "two"}).json()
    assert (put["name"], put["configuration"], put["weight"], put["description"]) == ("two", {}, 1, "")
    assert put["capabilities"] == ["record", "listen"]
    assert client.put(url, client.get(url).json()).json()["name"] == "two"
    error_of(client.put(url, {}), 400)
    error_of(client.patch(url, {"configuration": {"depth": -1}}), 400)
    error_of(client.patch(url, {"definition": "research"}), 400)


def test_a_deleted_agent_stays_readable_and_leaves_the_list(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder", "name": "one"}).json()["id"]
    assert client.delete(f"{API}/{agent_id}").status_code == 204
    assert client.delete(f"{API}/{agent_id}").status_code == 204
    shown = client.get(f"{API}/{agent_id}").json()
    assert (shown["state_detail"], shown["is_active"], shown["allowed_transitions"]) == ("TERMINATED", False, [])
    assert client.get(API).json()["count"] == 0
    history = client.get(f"{API}/{agent_id}/history").json()["results"]
    assert [row["new_state_detail"] for row in history] == ["TERMINATED", "CREATED"]
    assert history[0]["reason"] == "deleted"
    error_of(client.patch(f"{API}/{agent_id}", {"name": "two"}), 409)


def test_the_verbs_lead_through_a_life(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder"}).json()["id"]
    seen = []
    for verb in ("initialize", "activate", "pause", "resume", "deactivate", "terminate"):
        answer = client.post(f"{API}/{agent_id}/{verb}", {"reason": f"to {verb}"})
        work_off()
        body = client.get(f"{API}/{agent_id}").json()
        seen.append((answer.status_code, answer.json()["state_detail"], body["state_detail"], body["status"]))
        assert body["pending_command"] is None
    assert seen == [
        (202, "INITIALIZING", "READY", "INACTIVE"),
        (202, "READY", "ACTIVE", "ACTIVE"),
        (200, "PAUSED", "PAUSED", "INACTIVE"),
        (200, "ACTIVE", "ACTIVE", "ACTIVE"),
        (202, "READY", "READY", "INACTIVE"),
        (202, "TERMINATED", "TERMINATED", "INACTIVE"),
    ]
    assert client.get(f"{API}/{agent_id}/history").json()["results"][0]["reason"] == "to terminate"


def test_a_verb_out_of_order_is_a_409_with_what_is_allowed(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder"}).json()["id"]
    error = error_of(client.post(f"{API}/{agent_id}/resume"), 409)
    assert error["code"] == "illegal_transition"
    assert error["details"] == {"state": "CREATED", "status": "INACTIVE", "allowed": ["initialize", "terminate"]}


def test_an_agent_in_error_recovers(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder", "configuration": {"initialize": "fail"}}).json()["id"]
    client.post(f"{API}/{agent_id}/initialize")
    work_off()
    failed = client.get(f"{API}/{agent_id}").json()
    assert (failed["status"], failed["allowed_transitions"]) == ("ERROR", ["recover", "terminate"])
    assert "the model file is missing" in failed["last_error"]
    client.patch(f"{API}/{agent_id}", {"configuration": {}})
    assert client.post(f"{API}/{agent_id}/recover").json()["state_detail"] == "INITIALIZING"
    work_off()
    assert client.get(f"{API}/{agent_id}").json()["state_detail"] == "READY"


def test_a_status_is_asked_for_in_any_vocabulary(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder"}).json()["id"]
    url = f"{API}/{agent_id}/status"
    asked = client.post(url, {"status": "active"})
    assert (asked.status_code, asked.json()["state_detail"]) == (202, "INITIALIZING")
    assert asked.json()["pending_command"]["kind"] == "STATUS"
    work_off()
    assert client.get(url).json()["state_detail"] == "ACTIVE"
    assert client.post(url, {"status": "maintenance"}).json()["status"] == "MAINTENANCE"
    assert client.post(url, {"status": "idle", "reason": "night"}).json()["state_detail"] == "READY"
    work_off()
    assert error_of(client.post(url, {"status": "BUSY"}), 409)["details"]["allowed"] == ["activate", "terminate"]
    assert "status" in error_of(client.post(url, {"status": "asleep"}), 400)["details"]
    assert "status" in error_of(client.post(url, {}), 400)["details"]


def test_the_maintenance_flag_is_raised_and_lowered(client: APIClient) -> None:
    agent_id = client.post(API, {"definition": "recorder"}).json()["id"]
    url = f"{API}/{agent_id}/maintenance"
    assert client.post(url).json()["status"] == "MAINTENANCE"
    assert client.post(url, {"enabled": False}).json()["status"] == "INACTIVE"
    error_of(client.post(url, {"enabled": "perhaps"}), 400)
