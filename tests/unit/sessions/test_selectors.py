"""Reads of sessions: who sees what, in how many queries, and the figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions import selectors
from sessions.errors import SessionNotFound
from sessions.models import AgentExecution, AgentMessage, AgentSession, SessionEvent
from sessions.selectors.dashboard import execution_figures
from sessions.selectors.waiting import queued_tasks, reasons_of_tasks, waiting_tasks
from tests.make import Make
from tests.unit.sessions.conftest import World
from workspaces.selectors import access_of_user

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def busy_session(world: World, tasks: int = 3) -> AgentSession:
    """A session whose tasks hang on each other and have two attempts each, the latest at 40 %."""
    session = world.make.session(world.project, status="RUNNING")
    agent = world.make.agent(world.project)
    before: list[Any] = []
    for number in range(tasks):
        task = world.make.task(session, name=f"t{number}", ordinal=number, agent=agent, after=before, status="RUNNING")
        AgentExecution.objects.create(task=task, agent=agent, attempt=1, state="FAILED", progress_percentage=90)
        AgentExecution.objects.create(
            task=task, agent=agent, attempt=2, state="RUNNING", progress_percentage=40, status_message="reading"
        )
        AgentMessage.objects.create(
            workspace=session.workspace, session=session, from_agent=agent, content={"n": number}
        )
        before = [task]
    return session


def test_a_session_is_shown_with_its_tasks_their_edges_and_latest_attempts(world: World) -> None:
    session = busy_session(world)
    shown = selectors.session_detail(world.access, session.id).json
    assert shown["id"] == shown["session_id"] == str(session.id)
    assert shown["progress_percentage"] == 40.0
    first, second, third = shown["tasks"]
    assert (third["depends_on"], third["depends_on_ids"]) == (["t1"], [second["id"]])
    assert (first["attempt"], first["progress_percentage"], first["status_message"]) == (2, 40.0, "reading")
    assert first["agent"]["definition"] == "scripted"


@pytest.mark.parametrize(
    "read",
    [
        lambda access, id: selectors.session_detail(access, id),
        lambda access, id: selectors.graph(access, id),
        lambda access, id: [selectors.shapes.task_shape(row) for row in selectors.tasks(access, id)],
        lambda access, id: [selectors.shapes.execution_shape(row) for row in selectors.executions(access, id)],
        lambda access, id: [selectors.shapes.message_shape(row) for row in selectors.messages(access, id)],
        lambda access, id: [selectors.shapes.session_summary(row) for row in selectors.listed_sessions(access)],
        lambda access, id: reasons_of_tasks(list(waiting_tasks(access, id))),
        lambda access, id: selectors.dashboard_figures(access),
    ],
    ids=["detail", "graph", "tasks", "executions", "messages", "list", "queue", "dashboard"],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, read: Any, django_assert_max_num_queries: Any
) -> None:
    small, big = busy_session(world, 2), busy_session(world, 15)
    with django_assert_max_num_queries(6) as few:
        read(world.access, small.id)
    for _ in range(5):
        busy_session(world)
    with django_assert_max_num_queries(len(few)):
        read(world.access, big.id)


def test_what_is_in_another_workspace_is_not_there(world: World, make: Make) -> None:
    session = busy_session(world)
    stranger = access_of_user(make.member(make.workspace()))
    for read in (
        selectors.session_detail,
        selectors.tasks,
        selectors.executions,
        selectors.messages,
        selectors.commands,
        selectors.graph,
        waiting_tasks,
    ):
        with pytest.raises(SessionNotFound):
            read(stranger, session.id)
    assert not selectors.visible_sessions(stranger).exists()
    assert not selectors.visible_tasks(stranger).exists()
    figures = selectors.dashboard_figures(stranger)
    assert (figures.running_sessions, figures.running_tasks, figures.agents_total, figures.agents_busy) == (0, 0, 0, 0)


def test_the_graph_has_levels_edges_and_counted_messages(world: World) -> None:
    session = busy_session(world)
    graph = selectors.graph(world.access, session.id)
    assert [node["level"] for node in graph["nodes"]] == [0, 1, 2]
    ids = [node["id"] for node in graph["nodes"]]
    assert graph["edges"] == [{"from": ids[0], "to": ids[1]}, {"from": ids[1], "to": ids[2]}]
    [messages] = graph["messages"]
    assert (messages["to_agent"], messages["count"]) == (None, 3)


def test_a_list_counts_tasks_without_multiplying_them(world: World) -> None:
    session = busy_session(world)
    session.tasks.filter(name="t0").update(status="COMPLETED", completed_at=NOW)
    [row] = selectors.listed_sessions(world.access)
    shown = selectors.shapes.session_summary(row)
    assert (shown["task_count"], shown["finished_task_count"]) == (3, 1)


def test_events_are_read_in_order_from_a_cursor(world: World) -> None:
    session = world.make.session(world.project)
    for seq in (3, 1, 2, 4):
        SessionEvent.objects.create(session=session, seq=seq, type="log", payload="{}", hash="", created_at=NOW)
    assert [event.seq for event in selectors.events_page(session.id, after=1, limit=2)] == [2, 3]
    assert [event.seq for event in selectors.events_page(session.id)] == [1, 2, 3, 4]


def ended(world: World, status: str, ago: timedelta, seconds: int = 10) -> None:
    at = NOW - ago
    world.make.session(world.project, status=status, started_at=at - timedelta(seconds=seconds), completed_at=at)


def test_the_dashboard_counts_what_runs_waits_and_ended_within_a_day(world: World) -> None:
    busy_session(world)
    world.make.session(world.project)
    ended(world, "COMPLETED", timedelta(minutes=5), seconds=10)
    ended(world, "COMPLETED", timedelta(hours=2), seconds=20)
    ended(world, "FAILED", timedelta(hours=2))
    ended(world, "CANCELLED", timedelta(hours=23, minutes=59))
    ended(world, "COMPLETED", timedelta(hours=25), seconds=1000)
    figures = selectors.dashboard_figures(world.access, now=NOW)
    assert (figures.running_sessions, figures.pending_sessions, figures.paused_sessions) == (1, 1, 0)
    assert (figures.running_tasks, figures.queued_tasks) == (3, 0)
    assert (figures.finished_24h, figures.completed_24h, figures.failed_24h, figures.cancelled_24h) == (4, 2, 1, 1)
    assert figures.mean_duration_seconds == 15.0
    assert (figures.agents_total, figures.agents_active, figures.agents_busy) == (1, 1, 1)


def test_throughput_is_the_last_day_by_hours_with_the_present_one_last(world: World) -> None:
    ended(world, "COMPLETED", timedelta(minutes=5))
    ended(world, "FAILED", timedelta(hours=2))
    hours = selectors.dashboard_figures(world.access, now=NOW).throughput
    assert len(hours) == 24
    assert (hours[-1].hour, hours[-1].completed) == ("2026-11-20T12:00:00Z", 1)
    assert (hours[-3].hour, hours[-3].failed) == ("2026-11-20T10:00:00Z", 1)
    assert sum(hour.completed + hour.failed + hour.cancelled for hour in hours) == 2


def test_an_empty_workspace_has_figures_too(world: World) -> None:
    figures = selectors.dashboard_figures(world.access)
    assert (figures.mean_duration_seconds, figures.finished_24h) == (None, 0)
    assert len(figures.to_json()["throughput"]) == 24


def test_agents_at_work_are_counted_by_their_live_executions(world: World) -> None:
    session = busy_session(world, 2)
    busy, idle = session.tasks.all()[0].agent, world.make.agent(world.project)
    assert busy is not None
    assert selectors.running_counts([busy.id, idle.id]) == {busy.id: 2}


def test_an_agents_figures_are_over_what_it_has_ended(world: World) -> None:
    session = busy_session(world, 1)
    task = session.tasks.get()
    agent = task.agent
    assert agent is not None
    AgentExecution.objects.filter(attempt=2).update(
        state="COMPLETED", started_at=NOW, completed_at=NOW + timedelta(seconds=3)
    )
    figures = execution_figures([agent.id])[agent.id]
    assert (figures.completed, figures.failed, figures.cancelled, figures.mean_seconds) == (1, 1, 0, 3.0)


def test_the_queue_is_in_the_order_in_which_it_is_taken(world: World) -> None:
    late = world.make.session(world.project, status="RUNNING")
    early = world.make.session(world.project, status="RUNNING", priority=5)
    world.make.task(late, name="second", status="QUEUED", priority=1)
    world.make.task(late, name="third", status="RUNNING")
    world.make.task(early, name="first", status="QUEUED")
    world.make.task(late, name="done", status="COMPLETED")
    assert [task.name for task in queued_tasks(world.project.workspace_id)] == ["first", "second", "third"]
