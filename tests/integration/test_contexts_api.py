"""Contexts over HTTP."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Agent, AgentContext
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of
from workspaces.states import Role

API = "/api/v1"


@pytest.fixture
def agent(make: Make) -> Agent:
    return make.agent()


@pytest.fixture
def client(make: Make, agent: Agent) -> APIClient:
    return client_of(make, agent.project, Role.MEMBER)


@pytest.fixture
def path(client: APIClient, agent: Agent) -> str:
    """The address of a context that was never written."""
    return f"{API}/contexts/{opened(client, agent).json()['id']}"


def opened(client: APIClient, agent: Agent, name: str = "notes", **body: Any) -> Any:
    return client.post(f"{API}/agents/{agent.id}/contexts", {"name": name, **body})


def put(client: APIClient, path: str, data: Any, **headers: Any) -> Any:
    return client.put(path, {"data": data}, headers=headers)


def write_many(client: APIClient, path: str, count: int) -> None:
    for number in range(1, count + 1):
        assert put(client, path, {"n": number}).status_code == 200


def test_a_context_is_opened_by_its_name_once(client: APIClient, agent: Agent) -> None:
    first = opened(client, agent, data={"a": 1}, change_description="the beginning")
    body = first.json()
    assert first.status_code == 201
    assert (body["version"], body["data"], body["change_description"]) == (1, {"a": 1}, "the beginning")
    assert (body["agent_id"], body["project_id"]) == (str(agent.id), str(agent.project_id))
    assert first["ETag"] == '"1"'
    second = opened(client, agent, data={"a": 2})
    assert second.status_code == 200
    assert second.json() == body


def test_an_empty_one_is_at_version_0(client: APIClient, agent: Agent) -> None:
    answer = opened(client, agent)
    body = answer.json()
    assert answer.status_code == 201
    assert (body["version"], body["current_version"], body["data"], body["written_at"]) == (0, 0, {}, None)
    assert (body["rollback_pointer"], body["rollback_state"]) == (None, None)
    assert answer["ETag"] == '"0"'


def test_the_list_names_them_without_what_they_hold(client: APIClient, agent: Agent) -> None:
    for name in ("b", "a"):
        opened(client, agent, name, data={"secret": 1})
    body = client.get(f"{API}/agents/{agent.id}/contexts").json()
    assert (body["count"], [row["name"] for row in body["results"]]) == (2, ["a", "b"])
    assert "secret" not in str(body)


def test_a_list_takes_as_many_queries_for_many_as_for_one(client: APIClient, agent: Agent) -> None:
    opened(client, agent, "0")
    address = f"{API}/agents/{agent.id}/contexts"
    client.get(address)
    counts = []
    for names in ((), ("1", "2", "3")):
        for name in names:
            opened(client, agent, name)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_put_writes_a_version_and_get_reads_any(client: APIClient, path: str) -> None:
    write_many(client, path, 3)
    now = client.get(path)
    assert (now.json()["data"], now["ETag"]) == ({"n": 3}, '"3"')
    then = client.get(path, {"version": 1})
    assert (then.json()["data"], then.json()["current_version"], then["ETag"]) == ({"n": 1}, 3, '"1"')
    assert client.get(path, {"version": 0}).json()["data"] == {}


def test_a_reading_writes_nothing_and_takes_few_queries(client: APIClient, path: str) -> None:
    write_many(client, path, 2)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    assert len(queries) <= 7
    assert not [query for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_of_two_who_knew_the_same_version_the_second_is_refused(client: APIClient, path: str) -> None:
    write_many(client, path, 1)
    etag = client.get(path)["ETag"]
    assert put(client, path, {"n": "mine"}, if_match=etag)["ETag"] == '"2"'
    error = error_of(put(client, path, {"n": "theirs"}, if_match=etag), 412)
    assert error["details"] == {"expected": 1, "present": 2}
    patch = client.patch(path, {"data": {"n": "theirs"}}, headers={"if-match": etag})
    assert error_of(patch, 412)["code"] == "precondition_failed"
    assert client.get(path).json()["data"] == {"n": "mine"}
    assert put(client, path, {}, if_match="*").status_code == 200


def test_patch_merges_into_the_present_version(client: APIClient, path: str) -> None:
    put(client, path, {"a": {"b": 1, "c": 2}})
    body = client.patch(path, {"data": {"a": {"b": None}, "d": [1]}, "change_description": "less"}).json()
    assert (body["version"], body["data"], body["change_description"]) == (2, {"a": {"c": 2}, "d": [1]}, "less")


def test_the_history_is_newest_first_and_brings_data_only_when_asked(client: APIClient, path: str) -> None:
    write_many(client, path, 3)
    body = client.get(f"{path}/versions").json()
    assert (body["count"], [row["version"] for row in body["results"]]) == (3, [3, 2, 1])
    assert all("data" not in row for row in body["results"])
    rich = client.get(f"{path}/versions", {"data": "true", "page_size": 2}).json()
    assert [row["data"] for row in rich["results"]] == [{"n": 3}, {"n": 2}]
    with CaptureQueriesContext(connection) as queries:
        client.get(f"{path}/versions")
    assert len(queries) <= 7


def test_a_page_with_data_is_bounded(client: APIClient, path: str) -> None:
    write_many(client, path, 22)
    body = client.get(f"{path}/versions", {"data": "true", "page_size": 200}).json()
    assert (body["count"], len(body["results"])) == (22, 20)


def test_one_version_says_who_wrote_it(client: APIClient, path: str) -> None:
    write_many(client, path, 1)
    body = client.get(f"{path}/versions/1").json()
    assert (body["version"], body["data"], body["session_id"]) == (1, {"n": 1}, None)
    assert body["created_by"].startswith("user")


def test_never_there_is_404_and_pruned_is_410(client: APIClient, path: str, settings: Any) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 1
    write_many(client, path, 2)
    for address in (f"{path}?version=9", f"{path}/versions/9", f"{path}/versions/{2**80}", f"{path}/diff?from=2&to=9"):
        assert error_of(client.get(address), 404)["code"] == "no_such_version", address
    for address in (f"{path}?version=1", f"{path}/versions/1", f"{path}/diff?from=1"):
        assert error_of(client.get(address), 410)["code"] == "version_pruned", address


def test_a_diff_is_place_by_place_and_paged(client: APIClient, path: str) -> None:
    put(client, path, {"a": 1, "b": [1, 2]})
    put(client, path, {"a": 2, "b": [1]})
    body = client.get(f"{path}/diff", {"from": 1, "to": 2}).json()
    assert body["results"] == [
        {"path": "$.a", "kind": "changed", "before": 1, "after": 2},
        {"path": "$.b[1]", "kind": "removed", "before": 2, "after": None},
    ]
    assert client.get(f"{path}/diff", {"from": 1}).json() == body, "without `to`: the current version"
    assert client.get(f"{path}/diff").json() == body, "without `from`: the version before it"
    assert client.get(f"{path}/diff", {"from": 2, "to": 2}).json()["count"] == 0
    assert len(client.get(f"{path}/diff", {"from": 0, "page_size": 1}).json()["results"]) == 1


def test_a_rollback_is_answered_with_what_is_held_again(client: APIClient, path: str) -> None:
    write_many(client, path, 3)
    answer = client.post(f"{path}/rollback", {"version": 1, "reason": "it was better"})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["data"], body["current_version"], body["last_version"], answer["ETag"]) == ({"n": 1}, 1, 3, '"1"')
    assert (body["rollback_pointer"], body["rollback_state"]) == (1, "SUCCESS")
    assert put(client, path, {})["ETag"] == '"4"'
    assert error_of(client.post(f"{path}/rollback", {"version": 9}), 404)["code"] == "no_such_version"
    assert client.get(path).json()["rollback_state"] == "FAILED"


@pytest.mark.parametrize(
    ("method", "end", "body", "status"),
    [
        ("put", "", {}, 400),
        ("put", "", {"data": [1]}, 400),
        ("put", "", {"data": None}, 400),
        ("put", "", {"data": {"a": "x" * 1024 * 1024}}, 413),
        ("put", "", {"data": {}, "change_description": "x" * 2001}, 400),
        ("put", "", {"data": {}, "chnage_description": "x"}, 400),
        ("patch", "", {"a": 1}, 400),
        ("patch", "", {"data": "text"}, 400),
        ("post", "/rollback", {}, 400),
        ("post", "/rollback", {"version": 0}, 400),
        ("post", "/rollback", {"version": 2**31}, 400),
        ("get", "/diff", {"to": "one"}, 400),
        ("get", "/diff", {"from": "one"}, 400),
        ("get", "", {"version": -1}, 400),
        ("get", "/versions", {"data": "perhaps"}, 400),
        ("delete", "", {}, 405),
    ],
)
def test_bad_requests_say_why_and_change_nothing(
    client: APIClient, path: str, method: str, end: str, body: Any, status: int
) -> None:
    error_of(getattr(client, method)(path + end, body), status)
    assert AgentContext.objects.get().last_version == 0


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", None, {"a": 1}])
def test_a_context_needs_a_name(client: APIClient, agent: Agent, name: Any) -> None:
    answer = client.post(f"{API}/agents/{agent.id}/contexts", {"name": name}, format="json")
    assert "name" in error_of(answer, 400)["details"]


def test_an_if_match_that_cannot_be_read_is_said_so(client: APIClient, path: str) -> None:
    assert error_of(put(client, path, {}, if_match="yesterday"), 400)["code"] == "invalid_precondition"


def test_a_viewer_reads_and_does_not_write(make: Make, agent: Agent, client: APIClient, path: str) -> None:
    write_many(client, path, 1)
    viewer = client_of(make, agent.project, Role.VIEWER)
    for address in (path, f"{path}/versions", f"{path}/versions/1", f"{path}/diff?from=0"):
        assert viewer.get(address).status_code == 200, address
    for answer in (
        put(viewer, path, {}),
        viewer.patch(path, {"data": {}}),
        viewer.post(f"{path}/rollback", {"version": 1}),
        opened(viewer, agent, "more"),
    ):
        assert error_of(answer, 403)["code"] == "forbidden"
