"""GET /sessions/{id}/why, from rows as the engine leaves them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentExecution, AgentSession, AgentTask, EngineWorker, ExecutionStep, SessionCommand
from tests.make import Make
from workspaces.models import Project

pytestmark = pytest.mark.django_db


class World:
    """A workspace with places for two, its member, and a live worker."""

    def __init__(self, make: Make) -> None:
        self.make = make
        workspace = make.workspace(max_concurrent_executions=2, capability_limits={"translate": 1})
        self.project: Project = make.project(workspace)
        self.agent = make.agent(self.project, name="Ada", max_concurrent_tasks=9)
        self.client = Client()
        self.client.force_login(make.member(workspace))
        now = SYSTEM_CLOCK.now()
        expires_at = now + timedelta(minutes=5)
        self.worker = EngineWorker.objects.create(host="here", pid=1, started_at=now, expires_at=expires_at)

    def session(self, status: str = "RUNNING", **fields: Any) -> AgentSession:
        owner = self.worker.pk if status == "RUNNING" else None
        return self.make.session(self.project, status=status, **{"lease_owner": owner, **fields})

    def task(self, session: AgentSession, name: str, status: str, **fields: Any) -> AgentTask:
        task = self.make.task(session, name=name, agent=self.agent, status=status, **fields)
        if status == "RUNNING":
            AgentExecution.objects.create(task=task, agent=self.agent, attempt=1, state="RUNNING")
        return task

    def why(self, session: AgentSession) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/sessions/{session.pk}/why")
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


def test_each_waiting_task_says_what_for(world: World) -> None:
    session = world.session()
    first = world.task(session, "first", "RUNNING")
    world.task(session, "second", "RUNNING")
    world.task(session, "after", "PENDING", after=[first])
    world.task(session, "placeless", "QUEUED")
    soon = SYSTEM_CLOCK.now() + timedelta(seconds=40)
    world.task(session, "failed", "QUEUED", not_before=soon)
    answer = world.why(session)
    assert answer["session"] is None
    reasons = {row["name"]: row["reason"] for row in answer["results"]}
    assert {name: reason["code"] for name, reason in reasons.items()} == {
        "after": "dependency",
        "placeless": "slot",
        "failed": "backoff",
    }
    assert reasons["after"]["details"]["unfinished"] == [{"name": "first", "status": "RUNNING"}]
    assert reasons["placeless"]["details"] == {
        "scope": "workspace",
        "name": world.project.workspace.name,
        "limit": 2,
        "held": 2,
        "position": 1,
    }
    assert answer["count"] == 3


def test_in_a_full_session_the_position_is_that_among_its_own_tasks(world: World) -> None:
    busy = world.session()
    world.task(busy, "elsewhere", "QUEUED", priority=9)
    session = world.session(max_concurrent_tasks=1)
    world.task(session, "runs", "RUNNING")
    for name, priority in (("third", 0), ("first", 5), ("fourth", 0), ("second", 5)):
        world.task(session, name, "QUEUED", priority=priority)
    reasons = {row["name"]: row["reason"] for row in world.why(session)["results"]}
    assert {reason["code"] for reason in reasons.values()} == {"session_limit"}
    positions = {name: reason["details"]["position"] for name, reason in reasons.items()}
    assert positions == {"first": 1, "second": 2, "third": 3, "fourth": 4}


def test_the_position_in_line_is_by_priority_over_all_sessions_of_the_workspace(world: World) -> None:
    busy = world.session()
    world.task(busy, "translating", "RUNNING", required_capabilities=["translate"])
    for priority in (5, -5):
        other = world.session(priority=priority)
        world.task(other, "translates", "QUEUED", required_capabilities=["translate"])
    session = world.session()
    world.task(session, "mine", "QUEUED", required_capabilities=["translate"])
    [row] = world.why(session)["results"]
    assert row["reason"]["details"] == {
        "scope": "capability",
        "name": "translate",
        "limit": 1,
        "held": 1,
        "position": 2,
    }


def test_a_parked_task_says_which_session_or_instant_it_waits_for(world: World) -> None:
    session = world.session("WAITING")
    now = SYSTEM_CLOCK.now()
    due_at = now + timedelta(hours=1)
    parked, asleep = world.task(session, "parked", "WAITING"), world.task(session, "asleep", "WAITING")
    common = {"input_hash": "", "status": "WAITING", "created_at": now}
    step = ExecutionStep.objects.create(task=parked, kind="session", key="sub", **common)
    ExecutionStep.objects.create(task=asleep, kind="sleep", key="nap", due_at=due_at, **common)
    child = world.session(parent_session=session, parent_step=step.pk)
    reasons = {row["name"]: row["reason"] for row in world.why(session)["results"]}
    assert reasons["parked"]["code"] == "child_session"
    assert reasons["parked"]["details"]["child_session"] == str(child.pk)
    assert (reasons["asleep"]["code"], reasons["asleep"]["details"]["until"][:16]) == (
        "sleeping",
        due_at.isoformat()[:16],
    )


def test_a_task_nobody_can_do_says_so_before_it_fails(world: World) -> None:
    session = world.session("PENDING")
    world.make.task(session, name="fly", required_capabilities=["flying"])
    [row] = world.why(session)["results"]
    assert row["reason"]["code"] == "no_capable_agent"
    assert "flying" in row["reason"]["message"]


def test_a_paused_session_says_by_whom(world: World) -> None:
    session = world.session("PAUSED", pause_reason="user")
    world.task(session, "one", "QUEUED")
    SessionCommand.objects.create(session=session, kind="pause", actor="ann", applied_at=SYSTEM_CLOCK.now())
    answer = world.why(session)
    assert (answer["session"]["code"], answer["session"]["details"]["by"]) == ("paused", "ann")
    assert [row["reason"]["code"] for row in answer["results"]] == ["paused"]


def test_a_session_that_queues_says_how_many_of_its_workspace_are_before_it(world: World) -> None:
    world.session("PENDING")
    world.session("PENDING", priority=3)
    session = world.session("PENDING", priority=1)
    world.make.session(world.make.project())
    answer = world.why(session)
    assert answer["session"]["code"] == "queued"
    assert answer["session"]["details"] == {"ahead": 1, "live_workers": 1}


def test_where_no_worker_is_alive_that_is_the_reason(world: World) -> None:
    EngineWorker.objects.update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))
    session = world.session("RUNNING")
    world.task(session, "one", "QUEUED")
    answer = world.why(session)
    assert answer["session"]["code"] == "no_worker"
    assert answer["results"][0]["reason"]["code"] == "not_started"


def test_more_than_200_waiting_tasks_come_in_pages(world: World) -> None:
    session = world.session()
    AgentTask.objects.bulk_create(
        AgentTask(session=session, name=f"t{number}", task_type="x", ordinal=number, status="QUEUED")
        for number in range(201)
    )
    first = world.why(session)
    assert (first["count"], len(first["results"]), first["previous"]) == (201, 200, None)
    second = world.client.get(first["next"]).json()
    assert [row["name"] for row in second["results"]] == ["t200"]


def test_the_number_of_queries_does_not_grow_with_the_tasks(world: World, django_assert_max_num_queries: Any) -> None:
    session = world.session()
    for number in range(40):
        world.task(session, f"t{number}", "QUEUED")
    with django_assert_max_num_queries(22):
        world.why(session)


def test_a_session_of_another_workspace_is_not_there(world: World, make: Make) -> None:
    other = make.session(make.project())
    for key in (other.pk, uuid4()):
        assert world.client.get(f"/api/v1/sessions/{key}/why").status_code == 404


def test_a_finished_session_waits_for_nothing(world: World) -> None:
    answer = world.why(world.session("COMPLETED"))
    assert (answer["session"], answer["results"]) == (None, [])


def test_the_queue_page_lists_what_waits_and_why(world: World, django_assert_max_num_queries: Any) -> None:
    session = world.session(title="Translate it")
    for name in ("first", "second"):
        world.task(session, name, "RUNNING")
    for number in range(30):
        world.task(session, f"placeless {number}", "QUEUED")
    with django_assert_max_num_queries(26):
        page = world.client.get("/queue").content.decode()
    assert "2 of 2 places of the workspace" in page
    assert all(f"number {number} in line" in page for number in range(1, 24))
    assert "1 worker alive" in page
    assert "Tasks (32)" in page
    assert "?page=2" in page


def test_the_queue_page_lists_the_sessions_that_wait_for_a_worker(world: World) -> None:
    for number in range(3):
        world.session("PENDING", title=f"Number {number}")
    page = world.client.get("/queue?show=sessions").content.decode()
    assert "It waits for a worker behind 2 sessions." in page
    assert "Sessions that wait for a worker (3)" in page
    EngineWorker.objects.all().delete()
    assert "No worker is alive" in world.client.get("/queue").content.decode()


def test_the_queue_of_another_workspace_is_not_shown(world: World, make: Make) -> None:
    other = make.session(make.project(), title="Not yours", status="PENDING")
    make.task(other, name="hidden", status="QUEUED")
    for address in ("/queue", "/queue?show=sessions"):
        page = world.client.get(address).content.decode()
        assert "Nothing waits" in page
        assert "Not yours" not in page


def test_the_session_page_shows_beside_a_task_what_it_waits_for(world: World) -> None:
    session = world.session()
    first = world.task(session, "first", "RUNNING")
    world.task(session, "after", "PENDING", after=[first])
    page = world.client.get(f"/sessions/{session.pk}").content.decode()
    assert "It waits for first." in page
