"""What is asked of agents and takes time, over HTTP: answered at once, waited for, listed, never twice at a time."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import AgentCommand
from agents.services import wait_for_agent
from agents.worker import AgentWorker
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, client_of, error_of, fresh, use_usual_registry, work_off
from workspaces.models import Project

API = "/api/v1/agents"
WAIT = {"Prefer": "wait=10"}


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)
    RecordingAgent.calls.clear()


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


def new_agent(client: APIClient, **configuration: Any) -> str:
    return f"{API}/{client.post(API, {'definition': 'recorder', 'configuration': configuration}).json()['id']}"


def test_what_takes_time_is_answered_at_once_with_what_is_under_way(client: APIClient) -> None:
    url = new_agent(client)
    answer = client.post(f"{url}/initialize", {"reason": "morning"})
    command = answer.json()["pending_command"]
    assert (answer.status_code, command["kind"], command["verbs"], command["attempt"]) == (
        202,
        "INITIALIZE",
        ["initialize"],
        0,
    )
    assert answer.json()["allowed_transitions"] == ["terminate"]
    assert client.get(url).json()["pending_command"] == command
    assert client.get(API).json()["results"][0]["pending_command"] == command
    assert client.get(f"{url}/status").json()["pending_command"] == command
    work_off()
    assert client.get(url).json()["pending_command"] is None


@pytest.mark.parametrize("verb", ["initialize", "recover", "activate", "pause", "deactivate"])
def test_another_verb_meanwhile_is_a_409_that_says_what_is_under_way(client: APIClient, verb: str) -> None:
    url = new_agent(client)
    command = client.post(f"{url}/initialize").json()["pending_command"]
    error = error_of(client.post(f"{url}/{verb}"), 409)
    assert error["code"] == "command_under_way"
    assert error["details"] == {
        "state": "INITIALIZING",
        "status": "INACTIVE",
        "allowed": ["terminate"],
        "command": command,
    }
    assert error_of(client.post(f"{url}/status", {"status": "ACTIVE"}), 409)["code"] == "command_under_way"
    assert AgentCommand.objects.count() == 1


def test_terminating_supersedes_what_is_under_way(client: APIClient) -> None:
    url = new_agent(client)
    client.post(f"{url}/initialize")
    answer = client.post(f"{url}/terminate", {"reason": "enough"})
    assert (answer.status_code, answer.json()["state_detail"]) == (202, "TERMINATED")
    work_off()
    listed = client.get(f"{url}/commands").json()["results"]
    assert [(row["kind"], row["outcome"]) for row in listed] == [("TERMINATE", "DONE"), ("INITIALIZE", "SUPERSEDED")]
    assert RecordingAgent.calls == ["shutdown"]
    assert error_of(client.post(f"{url}/terminate"), 409)["code"] == "illegal_transition"


def test_deleting_supersedes_what_is_under_way(client: APIClient) -> None:
    url = new_agent(client)
    client.post(f"{url}/initialize")
    assert client.delete(url).status_code == 204
    work_off()
    assert fresh(url.rpartition("/")[2]).state_detail == "TERMINATED"
    assert client.get(API).json()["count"] == 0
    assert client.get(API, {"state_detail": "terminated"}).json()["count"] == 1


def test_the_commands_of_an_agent_are_listed_newest_first(client: APIClient) -> None:
    url = new_agent(client, activate="fail")
    client.post(f"{url}/initialize", {"reason": "first"})
    work_off()
    client.post(f"{url}/activate")
    work_off()
    rows = client.get(f"{url}/commands").json()["results"]
    assert [(row["kind"], row["outcome"], row["attempt"]) for row in rows] == [
        ("ACTIVATE", "FAILED", 1),
        ("INITIALIZE", "DONE", 1),
    ]
    assert "the model file is missing" in rows[0]["error"]
    assert (rows[1]["reason"], rows[1]["error"]) == ("first", "")
    assert rows[1]["since"] <= rows[1]["applied_at"]
    assert client.get(f"{url}/commands", {"page_size": 1}).json()["count"] == 2
    assert [row["id"] for row in client.get(f"{url}/commands", {"open": "true"}).json()["results"]] == []


def test_a_list_with_commands_costs_no_more_than_one_without(client: APIClient) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(path).status_code == 200
        return len(context)

    url = new_agent(client)
    client.post(f"{url}/initialize")
    few = queries(API), queries(f"{url}/commands")
    for _ in range(5):
        client.post(f"{new_agent(client)}/initialize")
    assert (queries(API), queries(f"{url}/commands")) == few


@pytest.mark.django_db(transaction=True)
def test_who_waits_sees_the_outcome(make: Make, project: Project, client: APIClient) -> None:
    url = new_agent(client)
    broken = new_agent(client, activate="fail")
    worker = AgentWorker()
    worker.start()
    try:
        answer = client.post(f"{url}/initialize", headers=WAIT)
        assert (answer.status_code, answer.json()["state_detail"]) == (200, "READY")
        assert answer["Preference-Applied"] == "wait=10"
        assert client.post(f"{url}/activate", headers=WAIT).json()["state_detail"] == "ACTIVE"
        error = error_of(client.post(f"{broken}/status", {"status": "ACTIVE"}, headers=WAIT), 409)
        assert (error["code"], error["details"]["allowed"]) == ("hook_failed", ["recover", "terminate"])
        assert client.post(f"{broken}/recover", headers=WAIT).status_code == 200
    finally:
        worker.stop(5)


def test_who_waits_in_vain_gets_the_present_state(client: APIClient) -> None:
    answer = client.post(f"{new_agent(client)}/initialize", headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["state_detail"]) == (202, "INITIALIZING")


@pytest.mark.django_db(transaction=True)
def test_of_many_callers_who_activate_exactly_one_is_heard(make: Make, client: APIClient) -> None:
    url = new_agent(client)
    client.post(f"{url}/initialize")
    work_off()
    answers: list[int] = []
    together = threading.Barrier(6)

    def activate() -> None:
        together.wait()
        try:
            answers.append(client.post(f"{url}/activate").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=activate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 409, 409, 409, 409, 409]
    assert AgentCommand.objects.filter(kind="ACTIVATE").count() == 1
    assert work_off() == 1
    assert wait_for_agent(fresh(url.rpartition("/")[2]).id, 0)
    assert RecordingAgent.calls == ["initialize", "activate"]
