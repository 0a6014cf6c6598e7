"""State and checkpoints over HTTP: every endpoint, its refusals, and who may."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Agent, CheckpointSchedule
from agents.services import take_due_checkpoints
from agents.services.state import MAX_STATE_BYTES
from core.clock import SYSTEM_CLOCK
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, fresh
from workspaces.models import Project
from workspaces.states import Role


@pytest.fixture
def project(db: None, make: Make) -> Project:
    return make.project()


@pytest.fixture
def agent(project: Project, make: Make) -> Agent:
    return make.agent(project, state={"plan": {"step": 1}})


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


def at(agent: Agent, route: str) -> str:
    return f"/api/v1/agents/{agent.id}/{route}"


# GET PUT PATCH /agents/{id}/state


def test_get_state_shows_the_state_and_its_version(client: APIClient, agent: Agent) -> None:
    answer = client.get(at(agent, "state"))
    body = answer.json()
    assert (answer.status_code, answer["ETag"]) == (200, '"0"')
    assert datetime.fromisoformat(body.pop("updated_at")) == agent.updated_at
    assert body == {"agent_id": str(agent.id), "state": {"plan": {"step": 1}}, "version": 0}


def test_put_state_replaces_it(client: APIClient, agent: Agent) -> None:
    answer = client.put(at(agent, "state"), {"state": {"new": [1, None]}})
    assert (answer.status_code, answer["ETag"], answer.json()["version"]) == (200, '"1"', 1)
    assert client.get(at(agent, "state")).json() == answer.json()
    assert fresh(agent).state == {"new": [1, None]}


def test_patch_state_merges_at_every_depth(client: APIClient, agent: Agent) -> None:
    client.patch(at(agent, "state"), {"state": {"plan": {"next": "b"}, "done": False}})
    answer = client.patch(at(agent, "state"), {"state": {"plan": {"step": None}}})
    assert answer.json()["state"] == {"plan": {"next": "b"}, "done": False}
    assert answer.json()["version"] == 2


def test_what_get_state_answers_can_be_put_back(client: APIClient, agent: Agent) -> None:
    answer = client.put(at(agent, "state"), client.get(at(agent, "state")).json())
    assert (answer.status_code, answer.json()["state"]) == (200, {"plan": {"step": 1}})


@pytest.mark.parametrize("method", ["put", "patch"])
def test_of_two_writers_of_one_version_the_second_gets_a_412(client: APIClient, agent: Agent, method: str) -> None:
    etag = client.get(at(agent, "state"))["ETag"]
    write = getattr(client, method)
    first = write(at(agent, "state"), {"state": {"first": 1}}, headers={"If-Match": etag})
    assert first.status_code == 200
    error = error_of(write(at(agent, "state"), {"state": {"second": 1}}, headers={"If-Match": etag}), 412)
    assert error["details"] == {"expected": 0, "present": 1}
    again = write(at(agent, "state"), {"state": {"second": 1}}, headers={"If-Match": first["ETag"]})
    assert again.json()["version"] == 2


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, '{"state": {"step": 3}}'),
        ({"step": 3}, '{"state": {"step": 3}}'),
        ({"state": [1]}, "must be a JSON object"),
        ({"state": None}, "may not be null"),
        ([], "Expected a dictionary"),
        ({"state": {"a": {"b": 2**300}}}, "256 bits"),
    ],
)
def test_a_body_that_holds_no_state_is_told_what_to_send(
    client: APIClient, agent: Agent, method: str, body: Any, sentence: str
) -> None:
    error = error_of(getattr(client, method)(at(agent, "state"), body), 400)
    assert sentence in error["message"] + str(error["details"])
    assert fresh(agent).state_version == 0


def test_an_if_match_that_is_no_etag_is_refused(client: APIClient, agent: Agent) -> None:
    error_of(client.put(at(agent, "state"), {"state": {}}, headers={"If-Match": "latest"}), 400)


def test_a_state_over_the_limit_is_a_413(client: APIClient, agent: Agent) -> None:
    error = error_of(client.put(at(agent, "state"), {"state": {"a": "x" * MAX_STATE_BYTES}}), 413)
    assert "at most 1,048,576" in error["message"]


# POST GET DELETE /agents/{id}/checkpoint


def test_post_checkpoint_keeps_the_present_state(client: APIClient, agent: Agent) -> None:
    answer = client.post(at(agent, "checkpoint"))
    body = answer.json()
    assert answer.status_code == 201, body
    assert {name: body[name] for name in ("agent_id", "sequence_number", "state_data", "source")} == {
        "agent_id": str(agent.id),
        "sequence_number": 1,
        "state_data": {"plan": {"step": 1}},
        "source": "MANUAL",
    }
    assert (body["is_latest"], body["is_recoverable"]) == (True, True)
    assert client.get(at(agent, "checkpoint")).json() == body
    assert client.get(at(agent, "checkpoints/1")).json() == body


def test_post_checkpoint_keeps_the_state_that_is_given(client: APIClient, agent: Agent) -> None:
    body = client.post(at(agent, "checkpoint"), {"state_data": {}, "is_recoverable": False}).json()
    assert (body["state_data"], body["is_recoverable"]) == ({}, False)
    assert fresh(agent).state == {"plan": {"step": 1}}


def test_post_checkpoint_with_one_idempotency_key_makes_one(client: APIClient, agent: Agent) -> None:
    answers = [client.post(at(agent, "checkpoint"), headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert fresh(agent).last_checkpoint == 1


@pytest.mark.parametrize(
    "body", [{"state_data": "x"}, {"state_data": [1]}, {"is_recoverable": "perhaps"}, {"state_data": {"a": 2**300}}]
)
def test_a_checkpoint_of_nonsense_is_a_400(client: APIClient, agent: Agent, body: Any) -> None:
    error = error_of(client.post(at(agent, "checkpoint"), body), 400)
    assert set(error["details"]) == set(body)
    assert fresh(agent).last_checkpoint == 0


def test_delete_checkpoint_removes_the_latest_or_the_one_of_a_number(client: APIClient, agent: Agent) -> None:
    for _ in range(4):
        client.post(at(agent, "checkpoint"))
    assert client.delete(at(agent, "checkpoint")).status_code == 204
    assert client.get(at(agent, "checkpoint")).json()["sequence_number"] == 3
    assert client.delete(at(agent, "checkpoint") + "?sequence_number=2").status_code == 204
    rows = client.get(at(agent, "checkpoints")).json()["results"]
    assert [(row["sequence_number"], row["is_latest"]) for row in rows] == [(3, True), (1, False)]
    assert client.post(at(agent, "checkpoint")).json()["sequence_number"] == 5


def test_checkpoints_that_are_not_there_are_a_404(client: APIClient, agent: Agent) -> None:
    for answer in (
        client.get(at(agent, "checkpoint")),
        client.delete(at(agent, "checkpoint")),
        client.post(at(agent, "checkpoint/restore")),
    ):
        assert "has no checkpoint" in error_of(answer, 404)["message"]
    for number in (1, 10**30):
        error_of(client.get(at(agent, f"checkpoints/{number}")), 404)
        error_of(client.delete(at(agent, f"checkpoint?sequence_number={number}")), 404)
        error_of(client.post(at(agent, "checkpoint/restore"), {"sequence_number": number}), 404)


@pytest.mark.parametrize("word", ["x", "0", "-1", ""])
def test_a_number_that_is_none_is_a_400_and_deletes_nothing(client: APIClient, agent: Agent, word: str) -> None:
    client.post(at(agent, "checkpoint"))
    error = error_of(client.delete(at(agent, f"checkpoint?sequence_number={word}")), 400)
    assert "sequence_number" in error["details"]
    assert client.get(at(agent, "checkpoint")).status_code == 200


def test_a_misspelt_field_is_refused_and_not_taken_for_the_latest(client: APIClient, agent: Agent) -> None:
    for _ in range(3):
        client.post(at(agent, "checkpoint"))
    error = error_of(client.delete(at(agent, "checkpoint?number=1")), 400)
    assert error["details"] == {"number": ["This call has no such field. It takes sequence_number."]}
    error_of(client.delete(at(agent, "checkpoint"), {"number": 1}), 400)
    error_of(client.post(at(agent, "checkpoint"), {"state": {"a": 1}}), 400)
    error_of(client.post(at(agent, "checkpoint/restore"), {"number": 1}), 400)
    error_of(client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 9, "interval": 3}), 400)
    assert client.get(at(agent, "checkpoints")).json()["count"] == 3
    assert (fresh(agent).state_version, CheckpointSchedule.objects.count()) == (0, 0)


def test_delete_checkpoint_also_reads_the_number_from_a_body(client: APIClient, agent: Agent) -> None:
    for _ in range(3):
        client.post(at(agent, "checkpoint"))
    assert client.delete(at(agent, "checkpoint"), {"sequence_number": 1}).status_code == 204
    assert client.get(at(agent, "checkpoint")).json()["sequence_number"] == 3


# GET /agents/{id}/checkpoints


def test_the_list_of_checkpoints_is_newest_first_in_pages_and_without_data(client: APIClient, agent: Agent) -> None:
    for number in range(5):
        client.post(at(agent, "checkpoint"), {"is_recoverable": number % 2 == 0})
    body = client.get(at(agent, "checkpoints") + "?page_size=2").json()
    assert (body["count"], [row["sequence_number"] for row in body["results"]]) == (5, [5, 4])
    assert "state_data" not in body["results"][0]
    assert [row["sequence_number"] for row in client.get(body["next"]).json()["results"]] == [3, 2]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("is_recoverable=true", [3, 1]),
        ("is_recoverable=false", [2]),
        ("source=scheduled", [3]),
        ("source=MANUAL&is_recoverable=true", [1]),
    ],
)
def test_the_list_of_checkpoints_can_be_narrowed(
    client: APIClient, agent: Agent, query: str, numbers: list[int]
) -> None:
    client.post(at(agent, "checkpoint"))
    client.post(at(agent, "checkpoint"), {"is_recoverable": False})
    client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 1})
    assert take_due_checkpoints(now=SYSTEM_CLOCK.now() + timedelta(seconds=2)) == 1
    rows = client.get(at(agent, f"checkpoints?{query}")).json()["results"]
    assert [row["sequence_number"] for row in rows] == numbers


@pytest.mark.parametrize("query", ["source=SOMEBODY", "is_recoverable=perhaps"])
def test_a_filter_that_means_nothing_is_a_400(client: APIClient, agent: Agent, query: str) -> None:
    error_of(client.get(at(agent, f"checkpoints?{query}")), 400)


def test_the_list_takes_as_many_queries_for_twenty_as_for_one(client: APIClient, agent: Agent) -> None:
    def queries(route: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(at(agent, route)).status_code == 200
        return len(captured)

    client.post(at(agent, "checkpoint"))
    first = queries("checkpoints")
    for _ in range(19):
        client.post(at(agent, "checkpoint"))
    assert queries("checkpoints") == first <= 7
    assert queries("state") <= 4
    assert queries("checkpoint") <= 5


# POST /agents/{id}/checkpoint/restore


def test_post_restore_gives_the_state_of_the_latest_recoverable_one(client: APIClient, agent: Agent) -> None:
    client.post(at(agent, "checkpoint"))
    client.post(at(agent, "checkpoint"), {"state_data": {"broken": True}, "is_recoverable": False})
    client.put(at(agent, "state"), {"state": {"broken": True}})
    answer = client.post(at(agent, "checkpoint/restore"))
    body = answer.json()
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    assert (body["state"], body["version"], body["restored_from"]) == ({"plan": {"step": 1}}, 2, 1)


def test_post_restore_takes_any_recoverable_one(client: APIClient, agent: Agent) -> None:
    for number in (1, 2, 3):
        client.post(at(agent, "checkpoint"), {"state_data": {"number": number}})
    assert client.post(at(agent, "checkpoint/restore"), {"sequence_number": 2}).json()["state"] == {"number": 2}


def test_post_restore_of_one_that_is_not_recoverable_is_a_409(client: APIClient, agent: Agent) -> None:
    client.post(at(agent, "checkpoint"))
    client.post(at(agent, "checkpoint"), {"is_recoverable": False})
    error = error_of(client.post(at(agent, "checkpoint/restore"), {"sequence_number": 2}), 409)
    assert (error["code"], error["details"]) == ("not_recoverable", {"sequence_number": 2, "recoverable": [1]})


def test_post_restore_heeds_if_match(client: APIClient, agent: Agent) -> None:
    client.post(at(agent, "checkpoint"))
    client.put(at(agent, "state"), {"state": {"newer": 1}})
    error_of(client.post(at(agent, "checkpoint/restore"), {}, headers={"If-Match": '"0"'}), 412)
    assert fresh(agent).state == {"newer": 1}


@pytest.mark.parametrize("body", [{"sequence_number": "x"}, {"sequence_number": 0}, [1]])
def test_a_restore_of_nonsense_is_a_400(client: APIClient, agent: Agent, body: Any) -> None:
    client.post(at(agent, "checkpoint"))
    error_of(client.post(at(agent, "checkpoint/restore"), body), 400)


# POST GET DELETE /agents/{id}/schedule-checkpoint


def test_post_schedule_takes_checkpoints_from_then_on(client: APIClient, agent: Agent) -> None:
    answer = client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30})
    body = answer.json()
    assert (answer.status_code, body["interval_seconds"], body["agent_id"]) == (201, 30, str(agent.id))
    assert client.get(at(agent, "schedule-checkpoint")).json() == body
    assert take_due_checkpoints(now=datetime.fromisoformat(body["next_at"])) == 1
    assert client.get(at(agent, "checkpoint")).json()["source"] == "SCHEDULED"


def test_post_schedule_again_changes_the_interval(client: APIClient, agent: Agent) -> None:
    first = client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30}).json()
    same = client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30})
    assert (same.status_code, same.json()) == (200, first)
    assert client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 5}).json()["interval_seconds"] == 5
    assert CheckpointSchedule.objects.count() == 1


def test_delete_schedule_stops_it_and_may_be_repeated(client: APIClient, agent: Agent) -> None:
    client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30})
    assert [client.delete(at(agent, "schedule-checkpoint")).status_code for _ in range(2)] == [204, 204]
    assert "are scheduled" in error_of(client.get(at(agent, "schedule-checkpoint")), 404)["message"]


@pytest.mark.parametrize("body", [{}, {"interval_seconds": 0}, {"interval_seconds": "soon"}, {"interval_seconds": 1e9}])
def test_an_interval_of_nonsense_is_a_400(client: APIClient, agent: Agent, body: Any) -> None:
    assert set(error_of(client.post(at(agent, "schedule-checkpoint"), body), 400)["details"]) == {"interval_seconds"}


def test_the_schedule_of_a_terminated_agent_is_gone_and_no_new_one_is_made(client: APIClient, agent: Agent) -> None:
    client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30})
    client.delete(f"/api/v1/agents/{agent.id}")
    error_of(client.get(at(agent, "schedule-checkpoint")), 404)
    error_of(client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30}), 409)
    assert client.get(at(agent, "state")).status_code == 200


# Who may

READS = ["state", "checkpoint", "checkpoints", "checkpoints/1", "schedule-checkpoint"]
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("put", "state", {"state": {}}),
    ("patch", "state", {"state": {}}),
    ("post", "checkpoint", {}),
    ("post", "checkpoint/restore", {}),
    ("post", "schedule-checkpoint", {"interval_seconds": 60}),
    ("delete", "schedule-checkpoint", {}),
    ("delete", "checkpoint", {}),
]


@pytest.fixture
def full(client: APIClient, agent: Agent) -> Agent:
    """An agent with a checkpoint and a schedule."""
    client.post(at(agent, "checkpoint"))
    client.post(at(agent, "schedule-checkpoint"), {"interval_seconds": 30})
    return agent


def test_a_viewer_reads_all_and_writes_nothing(full: Agent, make: Make) -> None:
    for role in (Role.VIEWER, Role.MEMBER):
        client = client_of(make, full.project, role)
        assert [client.get(at(full, route)).status_code for route in READS] == [200] * len(READS)
        for method, route, body in WRITES:
            error_of(getattr(client, method)(at(full, route), body), 403)
    assert fresh(full).state_version == 0


def test_for_a_stranger_none_of_it_is_there(full: Agent, make: Make) -> None:
    client = client_of(make, make.project(), Role.OWNER)
    for route in READS:
        error_of(client.get(at(full, route)), 404)
    for method, route, _ in WRITES:
        error_of(getattr(client, method)(at(full, route), {}), 404)


def test_an_operator_may_do_all_of_it(full: Agent, client: APIClient) -> None:
    for method, route, body in WRITES:
        assert getattr(client, method)(at(full, route), body).status_code in (200, 201, 204), (method, route)


def test_an_agent_that_is_not_there_has_no_state(client: APIClient, agent: Agent) -> None:
    error_of(client.get(f"/api/v1/agents/{uuid4()}/state"), 404)
    error_of(client.put(f"/api/v1/agents/{uuid4()}/state", {"state": {}}), 404)


def test_while_agents_are_switched_off_their_state_is_hidden(client: APIClient, full: Agent, settings: Any) -> None:
    settings.AGENTS_ENABLED = False
    for route in READS:
        error_of(client.get(at(full, route)), 404)
    for method, route, body in WRITES:
        error_of(getattr(client, method)(at(full, route), body), 404)
    assert fresh(full).state_version == 0
