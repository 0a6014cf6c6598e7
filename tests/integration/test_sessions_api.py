"""Sessions and tasks over HTTP, without an engine: what is accepted, listed, shown and asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework import serializers as drf

from core.clock import SYSTEM_CLOCK
from sessions.api import serializers as schema
from sessions.api import specs
from sessions.models import AgentSession, SessionCommand
from sessions.request_json import AGENT_TASK_FIELDS, SESSION_FIELDS, SINGLE_TASK_FIELDS, TASK_FIELDS
from sessions.selectors import has_ended, shapes
from tests.http_sessions import EXECUTE, SESSIONS, TASKS, World, goal
from tests.make import Make
from workspaces.models import AuditEntry
from workspaces.states import Role


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


# Starting


@pytest.mark.parametrize("route", [EXECUTE, SESSIONS, "/api/agents/execute"])
def test_an_accepted_session_says_where_it_can_be_followed(world: World, route: str) -> None:
    answer = world.post(route, goal())
    assert answer.status_code == 202
    body = answer.json()
    key = body["session_id"]
    assert body == {
        "id": key,
        "session_id": key,
        "status": "PENDING",
        "links": {
            "self": f"http://testserver/api/v1/sessions/{key}",
            "events": f"http://testserver/api/v1/sessions/{key}/events",
            "stream": f"http://testserver/api/v1/sessions/{key}/stream",
            "websocket": f"ws://testserver/ws/sessions/{key}",
            "page": f"http://testserver/sessions/{key}",
        },
    }
    assert answer["Location"] == body["links"]["self"]
    assert AgentSession.objects.get().user == world.user


def test_a_session_goes_into_the_project_that_is_named(world: World) -> None:
    other = world.project.workspace.projects.create(name="Other", slug="other")
    world.make.agent(other, name="Beta")
    answer = world.post(EXECUTE, goal(project_id=str(other.id), tasks=[{"name": "t", "agent": "Beta"}]))
    assert answer.status_code == 202
    assert AgentSession.objects.get().project == other


def test_the_same_key_and_body_answer_the_same_session_and_another_body_409(world: World) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again = world.post(EXECUTE, goal(), **key), world.post(SESSIONS, goal(), **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    other = world.post(EXECUTE, goal(title="Other"), **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert AgentSession.objects.count() == AuditEntry.objects.count() == 1


def test_one_agent_can_be_given_one_task(world: World) -> None:
    body = {"task_description": "Say it", "input_data": {"say": 1}, "task_type": "speech", "max_attempts": 1}
    answer = world.post(f"/api/v1/agents/{world.agent.id}/execute", body)
    assert answer.status_code == 202
    [task] = world.get(f"{SESSIONS}/{answer.json()['id']}/tasks")["results"]
    assert (task["name"], task["agent"]["name"], task["input_data"], task["max_attempts"]) == (
        "speech",
        "Alpha",
        {"say": 1},
        1,
    )


# Lists


@pytest.fixture
def listed(world: World) -> World:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        ("Whales", "RUNNING", "planned", 5),
        ("Ferries", "PAUSED", "dag", 1),
        ("Lighthouses", "COMPLETED", "parallel", 1),
        ("More whales", "FAILED", "planned", 0),
    ]
    for number, (title, status, mode, priority) in enumerate(rows):
        row = world.session(title=title, status=status, execution_mode=mode, priority=priority)
        AgentSession.objects.filter(pk=row.pk).update(created_at=day + timedelta(days=number))
    return world


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, ["More whales", "Lighthouses", "Ferries", "Whales"]),
        ({"status": "RUNNING"}, ["Whales"]),
        ({"status": "RUNNING,FAILED"}, ["More whales", "Whales"]),
        ({"mode": "planned"}, ["More whales", "Whales"]),
        ({"execution_mode": "dag,parallel"}, ["Lighthouses", "Ferries"]),
        ({"search": "WHALE"}, ["More whales", "Whales"]),
        ({"search": "Do it"}, ["More whales", "Lighthouses", "Ferries", "Whales"]),
        (
            {"created_after": "2026-01-02T00:00:00Z", "created_before": "2026-01-04T00:00:00Z"},
            ["Lighthouses", "Ferries"],
        ),
        ({"ordering": "title"}, ["Ferries", "Lighthouses", "More whales", "Whales"]),
        ({"ordering": "-priority", "status": "RUNNING,FAILED"}, ["Whales", "More whales"]),
        ({"project": "01a1f8f0-0000-7000-8000-000000000000"}, []),
    ],
    ids=str,
)
def test_sessions_are_filtered_and_ordered(listed: World, query: dict[str, str], titles: list[str]) -> None:
    assert [row["title"] for row in listed.get(SESSIONS, **query)["results"]] == titles


def test_sessions_come_in_pages_that_neither_repeat_nor_miss_one(listed: World) -> None:
    first = listed.get(SESSIONS, page_size=3, ordering="priority")
    assert (first["count"], first["previous"]) == (4, None)
    second = listed.get(first["next"])
    assert {row["title"] for page in (first, second) for row in page["results"]} == {
        "Whales",
        "Ferries",
        "Lighthouses",
        "More whales",
    }


@pytest.mark.parametrize(
    "query",
    [
        {"status": "ASLEEP"},
        {"mode": "x"},
        {"project": "x"},
        {"created_after": "x"},
        {"created_after": "0001-01-01T00:00:00+14:00"},
        {"ordering": "colour"},
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused_by_name(world: World, query: dict[str, str]) -> None:
    answer = world.client.get(SESSIONS, query)
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == list(query)


def test_the_lists_of_a_session_are_pages(world: World) -> None:
    session = world.worked()
    for name, count in (("tasks", 1), ("executions", 2), ("messages", 1), ("commands", 1)):
        page = world.get(f"{SESSIONS}/{session.id}/{name}")
        assert set(page) == {"count", "next", "previous", "results"}
        assert page["count"] == len(page["results"]) == count


def test_tasks_of_all_sessions_are_listed_and_filtered(world: World) -> None:
    session = world.worked()
    world.make.task(world.session(), name="other", status="COMPLETED", description="Count the whales")
    assert [row["name"] for row in world.get(TASKS)["results"]] == ["other", "t"]
    for query in (
        {"status": "RUNNING"},
        {"session": session.id},
        {"agent": world.agent.id},
        {"search": "t", "status": "RUNNING"},
    ):
        assert [row["name"] for row in world.get(TASKS, **query)["results"]] == ["t"]
    assert [row["name"] for row in world.get(TASKS, search="whale", task_type="scripted")["results"]] == ["other"]


# Details


def test_a_session_and_its_task_are_shown_as_a_whole(world: World) -> None:
    session = world.worked()
    shown = world.get(f"{SESSIONS}/{session.id}")
    [task] = shown["tasks"]
    assert (shown["session_id"], shown["status"], shown["result"]) == (str(session.id), "RUNNING", None)
    assert task == world.get(f"{TASKS}/{task['task_id']}")
    assert (task["attempt"], task["agent"]["id"]) == (2, str(world.agent.id))


def test_an_unknown_session_and_task_are_404_with_a_sentence(world: World) -> None:
    for path in (f"{SESSIONS}/{uuid4()}", f"{SESSIONS}/{uuid4()}/graph", f"{TASKS}/{uuid4()}", f"{SESSIONS}/nonsense"):
        answer = world.client.get(path)
        assert answer.status_code == 404
        assert answer.json()["message"]


def test_a_viewer_sees_everything_and_may_do_nothing(world: World) -> None:
    session = world.worked()
    task = session.tasks.get()
    world.client.force_login(world.make.member(world.project.workspace, Role.VIEWER))
    for path in ("", "/tasks", "/executions", "/messages", "/commands", "/graph"):
        world.get(f"{SESSIONS}/{session.id}{path}")
    for path in ("cancel", "pause", "resume"):
        assert world.post(f"{SESSIONS}/{session.id}/{path}").status_code == 403
    assert world.post(f"{TASKS}/{task.id}/execute").status_code == 403
    assert world.client.delete(f"{TASKS}/{task.id}").status_code == 403
    assert SessionCommand.objects.count() == 1


# Commands


def test_a_command_is_accepted_and_then_listed(world: World) -> None:
    session = world.session(status="RUNNING")
    answer = world.post(f"{SESSIONS}/{session.id}/pause", {"reason": "lunch"})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["kind"], told["reason"], told["status"], told["applied_at"]) == ("pause", "lunch", "RUNNING", None)
    [listed] = world.get(f"{SESSIONS}/{session.id}/commands")["results"]
    assert {**listed, "status": "RUNNING"} == told


def test_a_command_needs_no_body(world: World) -> None:
    session = world.session(status="RUNNING")
    assert world.client.generic("POST", f"{SESSIONS}/{session.id}/cancel").status_code == 202


def test_a_command_that_makes_no_sense_now_is_a_409_with_what_is_allowed(world: World) -> None:
    running, done = world.session(status="RUNNING"), world.session(status="COMPLETED")
    answer = world.post(f"{SESSIONS}/{running.id}/resume")
    assert (answer.status_code, answer.json()["details"]["allowed"]) == (409, ["cancel", "pause"])
    for verb in ("cancel", "pause", "resume"):
        answer = world.post(f"{SESSIONS}/{done.id}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (409, "session_finished")


def test_the_same_key_commands_once_and_for_another_verb_anew(world: World) -> None:
    session = world.session(status="RUNNING")
    ids = [
        world.post(f"{SESSIONS}/{session.id}/{verb}", **{"Idempotency-Key": "k"}).json()["id"]
        for verb in ("pause", "pause", "resume", "resume")
    ]
    assert ids == [ids[0], ids[0], ids[2], ids[2]]
    assert SessionCommand.objects.count() == 2


def test_a_command_can_be_waited_for(world: World) -> None:
    session = world.session(status="RUNNING")
    path = f"{SESSIONS}/{session.id}/cancel"
    assert world.post(path, Prefer="wait=1").status_code == 202
    SessionCommand.objects.update(applied_at=SYSTEM_CLOCK.now(), outcome="applied")
    AgentSession.objects.update(status="CANCELLED")
    answer = world.post(path, Prefer="wait=1")
    assert (answer.status_code, answer.json()["status"], answer.json()["outcome"]) == (200, "CANCELLED", "applied")


@pytest.mark.parametrize("body", [{"reason": 5}, {"why": "x"}, [1], {"reason": "x" * 501}])
def test_a_bad_body_of_a_command_is_refused(world: World, body: Any) -> None:
    session = world.session(status="RUNNING")
    assert world.post(f"{SESSIONS}/{session.id}/cancel", body).status_code == 400
    assert not SessionCommand.objects.exists()


# Tasks made alone


def test_a_task_is_made_as_the_documentation_shows_and_starts_when_it_is_executed(world: World) -> None:
    made = world.post(
        TASKS,
        {
            "type": "speech",
            "description": "Say it",
            "input_data": {"say": 1},
            "required_capabilities": ["scripted"],
            "priority": 1,
        },
    )
    assert made.status_code == 201
    task = made.json()
    assert (task["task_id"], task["task_type"], task["status"]) == (task["id"], "speech", "PENDING")
    session = AgentSession.objects.get()
    assert (session.status, session.priority) == ("PAUSED", 1)
    answer = world.post(f"{TASKS}/{task['id']}/execute", Prefer="wait=0")
    assert answer.status_code == 202
    assert [command.kind for command in SessionCommand.objects.all()] == ["resume"]


def test_executing_a_task_waits_for_its_result(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task = world.post(TASKS, {"description": "Say it", "agent": "Alpha"}).json()

    def finish(session_id: UUID, seconds: float) -> bool:
        assert seconds == 60
        AgentSession.objects.update(status="COMPLETED")
        world.project.sessions.get().tasks.update(status="COMPLETED", output_data={"said": 1})
        return has_ended(session_id)

    monkeypatch.setattr("sessions.api.tasks.wait_for_end", finish)
    answer = world.post(f"{TASKS}/{task['id']}/execute")
    assert (answer.status_code, answer.json()["result"]) == (200, {"said": 1})


def test_a_task_with_auto_execute_starts_at_once(world: World) -> None:
    world.post(TASKS, {"description": "Say it", "agent": "Alpha", "auto_execute": True})
    assert AgentSession.objects.get().status == "PENDING"


def test_a_task_made_alone_can_be_deleted_which_cancels_it(world: World) -> None:
    task = world.post(TASKS, {"description": "Say it", "agent": "Alpha"}).json()
    assert world.client.delete(f"{TASKS}/{task['id']}").status_code == 202
    assert SessionCommand.objects.get().kind == "cancel"


# The schema


def fields_of(shape: type[drf.Serializer[Any]]) -> set[str]:
    return set(shape().get_fields())


def test_the_schema_names_exactly_the_fields_that_are_answered(world: World) -> None:
    session = world.worked()
    base = f"{SESSIONS}/{session.id}"
    told = {
        schema.SessionShape: world.get(base),
        schema.SessionSummary: world.get(SESSIONS)["results"][0],
        schema.TaskShape: world.get(f"{base}/tasks")["results"][0],
        schema.ExecutionShape: world.get(f"{base}/executions")["results"][0],
        schema.MessageShape: world.get(f"{base}/messages")["results"][0],
        schema.CommandShape: world.get(f"{base}/commands")["results"][0],
        schema.GraphShape: world.get(f"{base}/graph"),
        schema.GraphNode: world.get(f"{base}/graph")["nodes"][0],
        schema.GraphMessages: world.get(f"{base}/graph")["messages"][0],
        schema.CommandAccepted: world.post(f"{base}/cancel").json(),
        schema.Accepted: world.post(EXECUTE, goal()).json(),
    }
    assert {shape.__name__: set(answer) for shape, answer in told.items()} == {
        shape.__name__: fields_of(shape) for shape in told
    }
    assert fields_of(schema.AgentRef) == set(shapes.agent_shape(world.agent) or {})
    assert fields_of(schema.GraphEdge) == {"from", "to"}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (specs.SessionSpec, SESSION_FIELDS),
        (specs.TaskSpec, TASK_FIELDS),
        (specs.AgentTaskSpec, AGENT_TASK_FIELDS),
        (specs.SingleTaskSpec, SINGLE_TASK_FIELDS),
    ],
)
def test_the_schema_names_exactly_the_fields_that_are_read(spec: Any, names: tuple[str, ...]) -> None:
    assert fields_of(spec) == set(names)
