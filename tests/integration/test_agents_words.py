"""Words of the older vocabularies, as callers of those services send them: one table each, through the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from agents.models import Agent
from core.enums import AgentStatus, AgentType
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, fresh, use_usual_registry, work_off
from workspaces.models import Project

API = "/api/v1/agents"

TYPES = {
    "RESEARCHER": "RESEARCHER",
    "PLANNER": "COORDINATOR",
    "DEVELOPER": "DEVELOPER",
    "REVIEWER": "AUDITOR",
    "MANAGER": "COORDINATOR",
    "SPECIALIST": "SPECIALIST",
    "TOOL_CURATOR": "SPECIALIST",
    "DEPLOYMENT": "SPECIALIST",
    "AUDITOR": "AUDITOR",
    "CUSTOM": "CUSTOM",
    # words of the shared enum, and those of the built-in agents
    "COORDINATOR": "COORDINATOR",
    "ASSISTANT": "ASSISTANT",
    "DESIGNER": "DESIGNER",
    "research": "RESEARCHER",
    "synthesis": "SPECIALIST",
    "validation": "AUDITOR",
    "planning": "COORDINATOR",
}
STATUS_OF_STATE = {
    "CREATED": "INACTIVE",
    "INITIALIZING": "INACTIVE",
    "READY": "INACTIVE",
    "ACTIVE": "ACTIVE",
    "PAUSED": "INACTIVE",
    "ERROR": "ERROR",
    "TERMINATED": "INACTIVE",
}
STATUS_WORDS = {
    "idle": "INACTIVE",
    "initializing": "INACTIVE",
    "active": "ACTIVE",
    "busy": "BUSY",
    "error": "ERROR",
    "offline": "OFFLINE",
}


@pytest.fixture
def client(make: Make, project: Project, monkeypatch: pytest.MonkeyPatch) -> APIClient:
    use_usual_registry(monkeypatch)
    return client_of(make, project)


def in_any_case(*words: str) -> list[str]:
    return [spelled for word in words for spelled in (word.upper(), word.lower(), word.title(), f" {word} ")]


def found(client: APIClient, **query: str) -> set[str]:
    answer = client.get(API, query)
    assert answer.status_code == 200, answer.json()
    return {agent["id"] for agent in answer.json()["results"]}


# Types


@pytest.mark.parametrize(("word", "kind"), [(spelled, TYPES[word]) for word in TYPES for spelled in in_any_case(word)])
def test_a_type_word_is_mapped_when_an_agent_is_made(client: APIClient, word: str, kind: str) -> None:
    body = client.post(API, {"definition": "scripted", "type": word}).json()
    assert body["type"] == kind
    assert fresh(body["id"]).type == kind


@pytest.mark.parametrize("word", TYPES)
def test_a_type_word_narrows_the_list_to_the_type_it_means(
    client: APIClient, make: Make, project: Project, word: str
) -> None:
    agents = {str(kind): str(make.agent(project, type=kind).id) for kind in AgentType}
    for spelled in in_any_case(word):
        assert found(client, type=spelled) == {agents[TYPES[word]]}


@pytest.mark.parametrize("word", ["PLANER", "AGENT", "42", "RESEARCHER2", "CUSTOM;"])
def test_an_unknown_type_word_is_refused_with_the_words_there_are(client: APIClient, word: str) -> None:
    made = error_of(client.post(API, {"type": word}), 400)
    assert made["details"]["types"] == [str(kind) for kind in AgentType]
    assert not Agent.objects.exists()
    listed = error_of(client.get(API, {"type": word}), 400)
    assert all(kind in listed["message"] for kind in ("COORDINATOR", "PLANNER", "TOOL_CURATOR"))


# Statuses


@pytest.mark.parametrize(("state", "status"), STATUS_OF_STATE.items())
def test_the_list_is_narrowed_by_a_status_and_by_a_state(
    client: APIClient, make: Make, project: Project, state: str, status: str
) -> None:
    """A word of the machine finds that state; the status it is derived to finds it among others."""
    agents = {
        one: str(make.agent(project, state_detail=one, status=STATUS_OF_STATE[one]).id) for one in STATUS_OF_STATE
    }
    for spelled in in_any_case(state):
        assert agents[state] in found(client, status=spelled)
        assert found(client, state_detail=spelled) == {agents[state]}
    if state != "TERMINATED":  # archived agents show when their state is asked for
        assert agents[state] in found(client, status=status)
    assert client.get(f"{API}/{agents[state]}").json()["status"] == status


@pytest.mark.parametrize(("word", "status"), STATUS_WORDS.items())
def test_an_older_status_word_narrows_the_list(
    client: APIClient, make: Make, project: Project, word: str, status: str
) -> None:
    agents: dict[str, str] = {}
    for one, fields in {
        "INACTIVE": {"state_detail": "READY"},
        "ACTIVE": {"state_detail": "ACTIVE"},
        "ERROR": {"state_detail": "ERROR"},
        "OFFLINE": {"state_detail": "ACTIVE", "is_offline": True},
    }.items():
        agents[one] = str(make.agent(project, status=one, **fields).id)
    busy = make.agent(project, status="ACTIVE", state_detail="ACTIVE")
    agents["BUSY"] = str(busy.id)
    task = make.task(make.session(project), agent=busy)
    task.executions.create(agent=busy, attempt=1, state="RUNNING")
    for spelled in in_any_case(word):
        assert found(client, status=spelled) == {agents[status]}


@pytest.mark.parametrize("key", ["status", "state_detail"])
@pytest.mark.parametrize("word", ["ASLEEP", "IDLE1", "null", "7"])
def test_an_unknown_status_word_is_refused_with_the_words_there_are(client: APIClient, key: str, word: str) -> None:
    message = error_of(client.get(API, {key: word}), 400)["message"]
    assert all(known in message for known in (["IDLE", "OFFLINE", "READY"] if key == "status" else ["CREATED"]))


ASKED: list[tuple[str, str, str]] = [
    ("READY", "idle", "INACTIVE"),
    ("CREATED", "active", "ACTIVE"),
    ("ACTIVE", "ready", "INACTIVE"),
    ("ERROR", "ready", "INACTIVE"),
    ("PAUSED", "idle", "INACTIVE"),
    ("CREATED", "initializing", "INACTIVE"),
    ("ACTIVE", "active", "ACTIVE"),
    ("READY", "inactive", "INACTIVE"),
    ("READY", "ready", "INACTIVE"),
    ("CREATED", "created", "INACTIVE"),
    ("ACTIVE", "paused", "INACTIVE"),
    ("PAUSED", "active", "ACTIVE"),
    ("ACTIVE", "maintenance", "MAINTENANCE"),
    ("ACTIVE", "terminated", "INACTIVE"),
]


@pytest.mark.parametrize(("state", "word", "status"), ASKED)
def test_a_status_is_asked_for_in_any_vocabulary_and_case(
    client: APIClient, make: Make, project: Project, state: str, word: str, status: str
) -> None:
    for spelled in in_any_case(word):
        agent = make.agent(project, state_detail=state, status=STATUS_OF_STATE[state])
        answer = client.post(f"{API}/{agent.id}/status", {"status": spelled})
        assert answer.status_code in (200, 202), answer.json()
        work_off()
        assert fresh(agent).status == status


@pytest.mark.parametrize("word", ["busy", "error", "offline"])
def test_a_status_that_is_found_out_cannot_be_asked_for(
    client: APIClient, make: Make, project: Project, word: str
) -> None:
    agent = make.agent(project)
    for spelled in in_any_case(word):
        error = error_of(client.post(f"{API}/{agent.id}/status", {"status": spelled}), 409)
        assert error["details"]["allowed"] == ["pause", "deactivate", "terminate"]


@pytest.mark.parametrize("body", [{"status": "ASLEEP"}, {"status": ""}, {"status": None}, {"status": ["ACTIVE"]}, {}])
def test_a_status_that_is_none_is_refused(client: APIClient, make: Make, project: Project, body: Any) -> None:
    agent = make.agent(project)
    error = error_of(client.post(f"{API}/{agent.id}/status", body), 400)
    assert "status" in error["details"]
    assert fresh(agent).status == AgentStatus.ACTIVE
