"""Two real engine hosts on one database: the limits hold over both, and the more important task comes first."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from sessions.engine.host import EngineHost
from sessions.engine.journal import Notice
from sessions.engine.wiring import build_host
from sessions.models import AgentExecution, AgentSession, SlotShare
from tests.make import Make

pytestmark = pytest.mark.django_db(transaction=True)


class Deaf:
    def publish(self, notices: Sequence[Notice]) -> None:
        pass

    def publish_token(self, session_id: str, frame: str) -> None:
        pass


@contextmanager
def running_host() -> Iterator[EngineHost]:
    host = build_host(Deaf())
    host.start()
    try:
        yield host
    finally:
        host.stop(grace_seconds=0)


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def all_ended() -> bool:
    return not AgentSession.objects.live().exists()


def most_at_once() -> int:
    """The largest number of executions that ran at the same time, by their rows."""
    rows = AgentExecution.objects.filter(started_at__isnull=False).values_list("started_at", "completed_at")
    moves = sorted([(began, 1) for began, _ in rows] + [(ended, -1) for _, ended in rows])
    running = most = 0
    for _, move in moves:
        running += move
        most = max(most, running)
    return most


@pytest.mark.parametrize("kind", ["workspace", "agent", "capability"])
def test_a_limit_of_three_is_never_exceeded_by_two_workers(make: Make, settings: Any, kind: str) -> None:
    settings.ENGINE_MAX_SESSIONS = 4
    workspace = make.workspace(
        max_concurrent_executions=3 if kind == "workspace" else 50,
        capability_limits={"scripted": 3} if kind == "capability" else {},
    )
    agent = make.agent(make.project(workspace), max_concurrent_tasks=3 if kind == "agent" else 50)
    for _ in range(8):
        session = make.session(agent=agent)
        for number in range(3):
            make.task(
                session,
                name=f"task-{number}",
                agent=agent,
                input_data={"sleep": 0.1},
                required_capabilities=["scripted"],
            )
    with running_host() as one, running_host() as other:
        until(lambda: one.session_count and other.session_count)
        until(all_ended)
    assert set(AgentSession.objects.values_list("status", flat=True)) == {"COMPLETED"}
    assert most_at_once() == 3
    assert not SlotShare.objects.exists()


def test_a_limit_holds_while_a_second_worker_comes_and_the_first_one_goes(make: Make, settings: Any) -> None:
    settings.ENGINE_MAX_SESSIONS = 3
    agent = make.agent(make.project(make.workspace(max_concurrent_executions=2)), max_concurrent_tasks=50)
    for _ in range(9):
        make.task(make.session(agent=agent), name="only", agent=agent, input_data={"sleep": 0.3})
    with ExitStack() as second:
        with running_host() as first:
            until(lambda: AgentExecution.objects.filter(state="RUNNING").count() == 2)
            heir = second.enter_context(running_host())
            until(lambda: heir.session_count)
            until(lambda: AgentExecution.objects.filter(state="COMPLETED").count() >= 3)
            assert first.session_count
        until(all_ended)
    assert set(AgentSession.objects.values_list("status", flat=True)) == {"COMPLETED"}
    assert most_at_once() == 2


def test_the_most_important_task_gets_the_next_place_whichever_worker_has_it(make: Make, settings: Any) -> None:
    settings.ENGINE_MAX_SESSIONS = 4
    agent = make.agent(make.project(make.workspace(max_concurrent_executions=1)), max_concurrent_tasks=50)

    def submit(name: str, priority: int, sleep: float) -> AgentSession:
        session = make.session(agent=agent, title=name, priority=priority)
        make.task(session, name="only", agent=agent, input_data={"sleep": sleep})
        return session

    submit("blocker", 9, 2.5)
    with running_host() as one, ExitStack() as second:
        until(lambda: AgentExecution.objects.filter(state="RUNNING").exists())
        for _ in range(3):
            submit("low", 0, 0.01)
        until(lambda: one.session_count == 4)
        urgent = submit("urgent", 5, 0.01)
        other = second.enter_context(running_host())
        until(lambda: other.session_count == 1)
        until(all_ended)
    order = list(AgentExecution.objects.order_by("started_at").values_list("task__session__title", flat=True))
    assert order == ["blocker", "urgent", "low", "low", "low"]
    assert urgent.priority == 5


def test_a_limit_that_is_raised_lets_more_run_within_seconds(make: Make) -> None:
    workspace = make.workspace(max_concurrent_executions=1)
    agent = make.agent(make.project(workspace), max_concurrent_tasks=50)
    session = make.session(agent=agent)
    for number in range(3):
        make.task(session, name=f"task-{number}", agent=agent, input_data={"sleep": 30})
    running = AgentExecution.objects.filter(state="RUNNING")
    with running_host():
        until(lambda: running.count() == 1)
        workspace.max_concurrent_executions = 3
        workspace.save()
        until(lambda: running.count() == 3, seconds=5)


def test_a_small_workspace_gets_half_of_the_places_beside_a_long_queue(make: Make, settings: Any) -> None:
    settings.ENGINE_MAX_SESSIONS = 2
    large, small = make.agent(make.project()), make.agent(make.project())
    for agent, count in ((large, 20), (small, 4)):
        for _ in range(count):
            make.task(make.session(agent=agent), name="only", agent=agent, input_data={"sleep": 0.02})
    with running_host():
        until(all_ended)
    order = list(AgentSession.objects.order_by("started_at").values_list("project_id", flat=True))
    assert order[:9].count(small.project_id) == 4
