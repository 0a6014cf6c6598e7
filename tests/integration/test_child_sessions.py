"""Sessions that start sessions and tasks that spawn tasks: on the database, with the real engine and services."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sessions.birth import make_child
from sessions.models import AgentSession, ExecutionStep, SessionCommand
from sessions.selectors import verify_session
from tests.engine import running_engine
from tests.http_sessions import EXECUTE, SESSIONS, World
from tests.make import Make

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture
def world(make: Make) -> Iterator[World]:
    with running_engine():
        yield World(make)


def start(world: World, **orders: Any) -> str:
    body = {"task_description": "Do it", "tasks": [{"name": "t", "agent": "Alpha", "input_data": orders}]}
    answer = world.post(EXECUTE, body)
    assert answer.status_code == 202, answer.content
    return str(answer.json()["session_id"])


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {list(AgentSession.objects.values_list('status', 'error_message'))}")


def finished(world: World, session_id: str) -> Any:
    def look() -> Any:
        session = world.get(f"{SESSIONS}/{session_id}")
        return session if session["status"] in ENDED else None

    return until(look)


def child(goal: str = "Child", **orders: Any) -> dict[str, Any]:
    return {"goal": goal, "tasks": [{"name": "c", "agent": "Alpha", "input_data": orders}]}


def test_children_belong_to_their_parent_s_project_and_user_and_bring_their_results(world: World) -> None:
    key = start(world, spawn_session=[child(say=1, steps=1), child(say=2, steps=2)])
    parent = finished(world, key)
    assert parent["status"] == "COMPLETED", parent
    assert parent["usage"] == {"calls": 3}
    outputs = [one["result"]["outputs"]["c"]["said"] for one in parent["tasks"][0]["result"]["children"]]
    assert outputs == [1, 2]
    rows = AgentSession.objects.filter(parent_session_id=key)
    assert {(row.project_id, row.user_id, row.depth, row.origin) for row in rows} == {
        (world.project.id, world.user.pk, 1, "child")
    }
    assert {row.id for row in rows} == set(ExecutionStep.objects.filter(kind="session").values_list("id", flat=True))
    for row in AgentSession.objects.all():
        assert verify_session(row.id).problems == ()


def test_a_child_that_breaks_rules_fails_the_task_with_every_problem(world: World) -> None:
    parent = finished(world, start(world, spawn_session={"goal": "", "agents": ["nobody"], "timeout": -1}))
    error = parent["tasks"][0]["error"]
    assert error["code"] == "invalid_session"
    for word in ("goal: ", "agents[0]: ", "timeout: "):
        assert word in error["message"]
    assert AgentSession.objects.count() == 1


def test_a_cancel_goes_down_and_a_child_that_was_not_made_yet_is_not_made_any_more(world: World) -> None:
    slow = child(sleep=30)
    key = start(world, spawn_session=[child(spawn_session=slow), slow])
    until(lambda: AgentSession.objects.count() == 4 and AgentSession.objects.filter(status="RUNNING").count() == 2)
    assert world.post(f"{SESSIONS}/{key}/cancel").status_code == 202
    until(lambda: not AgentSession.objects.exclude(status="CANCELLED").exists())
    step = ExecutionStep.objects.filter(task__session_id=key).first()
    assert step is not None
    assert step.status == "COMPLETED"
    assert make_child(key, str(step.id), {"goal": "again", "agents": ["Alpha"]}) is None
    assert AgentSession.objects.count() == 4


def test_a_child_of_a_wait_that_is_over_is_not_made(world: World) -> None:
    key = start(world, say=1)
    finished(world, key)
    assert make_child(key, "00000000-0000-7000-8000-000000000001", {"goal": "late", "agents": ["Alpha"]}) is None
    assert AgentSession.objects.count() == 1


def test_a_pause_goes_down_and_so_does_the_resume(world: World) -> None:
    key = start(world, spawn_session=child(events=300, sleep=2))
    first = until(lambda: AgentSession.objects.filter(parent_session_id=key, status="RUNNING").first())
    assert world.post(f"{SESSIONS}/{key}/pause").status_code == 202
    until(lambda: AgentSession.objects.filter(id=first.id, status__in=("PAUSED", *ENDED)).exists())
    until(lambda: AgentSession.objects.filter(id=key, status="PAUSED").exists())
    assert world.post(f"{SESSIONS}/{key}/resume").status_code == 202
    assert finished(world, key)["status"] == "COMPLETED"


def test_a_session_that_starts_its_like_ends_at_the_depth_limit(world: World) -> None:
    parent = finished(world, start(world, again="session"))
    assert (parent["status"], parent["error"]["code"]) == ("FAILED", "child_failed")
    assert AgentSession.objects.count() == 6
    assert not SessionCommand.objects.filter(kind="answer").exclude(outcome="applied").exists()


def test_tasks_spawned_by_a_task_are_its_subtasks_and_are_joined(world: World) -> None:
    def spec(name: str, *after: str, **orders: Any) -> dict[str, Any]:
        return {"name": name, "agent": "Alpha", "depends_on": list(after), "input_data": orders}

    joined = [spec("a", say=1), spec("b", "a", say=2)]
    parent = finished(world, start(world, spawn_join=joined, spawn=[spec("last", "b", "t")]))
    assert parent["status"] == "COMPLETED", parent
    tasks = {task["name"]: task for task in parent["tasks"]}
    assert tasks["t"]["result"]["outputs"]["b"]["said"] == 2
    assert tasks["a"]["parent_task"] == tasks["t"]["id"]
    assert sorted(tasks["last"]["depends_on"]) == ["b", "t"]


def test_one_place_in_the_workspace_is_enough(world: World) -> None:
    workspace = world.project.workspace
    workspace.max_concurrent_executions = 1
    workspace.save()
    parent = finished(world, start(world, spawn_session=[child(spawn_session=child()), child()]))
    assert parent["status"] == "COMPLETED", parent


def test_lists_show_children_only_when_asked_for_them(world: World) -> None:
    key = start(world, spawn_session=[child("one"), child("two")])
    finished(world, key)
    [top] = world.get(SESSIONS)["results"]
    assert (top["id"], top["child_count"], top["parent_session"], top["depth"]) == (key, 2, None, 0)
    for listed in (world.get(SESSIONS, parent_session=key), world.get(f"{SESSIONS}/{key}/children")):
        assert listed["count"] == 2
        assert {(one["parent_session"], one["depth"]) for one in listed["results"]} == {(key, 1)}
    assert world.get(SESSIONS, children="true")["count"] == 3
    assert world.get(f"{SESSIONS}/{key}")["child_count"] == 2


def test_at_whatever_instant_the_parent_is_cancelled_no_child_stays_behind(world: World) -> None:
    """The cancel comes before, while and after the children are made."""
    for pause in range(24):
        key = start(world, spawn_session=[child(sleep=60), child(sleep=60)])
        time.sleep(pause * 0.003)
        assert world.post(f"{SESSIONS}/{key}/cancel").status_code == 202
    until(lambda: not AgentSession.objects.live().exists(), seconds=30)
    made = AgentSession.objects.filter(parent_session__isnull=False)
    assert not made.exclude(status="CANCELLED").exists()
    assert not ExecutionStep.objects.filter(status="WAITING").exists()
    time.sleep(0.1)  # a child on its way would come now
    assert not AgentSession.objects.live().exists()
