"""Forks of sessions, and what becomes of the tasks they had spawned."""

from datetime import timedelta

import pytest

from sessions.errors import InvalidSession
from sessions.models import AgentSession, AgentTask, ExecutionStep
from tests.unit.sessions.conftest import World
from tests.unit.sessions.earlier import NOON, Earlier, check_log, refusal, rows, statuses


def test_a_fork_after_a_task_has_what_was_done_by_then(good: Earlier) -> None:
    session = good.fork("b")
    assert statuses(session) == {"a": "COMPLETED", "b": "COMPLETED", "c": "PENDING"}
    assert (session.origin, session.fork_seq) == ("fork", 6)
    assert good.fork(str(good.tasks["b"].id)).fork_seq == good.fork(6).fork_seq == 6
    assert statuses(good.fork(5)) == {"a": "COMPLETED", "b": "PENDING", "c": "PENDING"}
    assert set(statuses(good.fork(1)).values()) == {"PENDING"}
    assert set(statuses(good.fork()).values()) == {"COMPLETED"}
    check_log(session)


def test_a_fork_takes_only_the_steps_that_were_paid_for_by_then(good: Earlier) -> None:
    good.step("c", "early", completed_at=NOON + timedelta(seconds=5))
    good.step("c", "late", completed_at=NOON + timedelta(seconds=7))
    assert [step.key for step in rows(good.fork("b"))["c"].steps.all()] == ["early"]


def test_a_live_session_can_be_forked_and_goes_on_itself(world: World) -> None:
    live = Earlier(world, {"a": "COMPLETED", "b": "RUNNING", "c": "PENDING"}, status="RUNNING")
    assert statuses(live.fork()) == {"a": "COMPLETED", "b": "PENDING", "c": "PENDING"}
    live.session.refresh_from_db(fields=["last_seq"])
    assert AgentSession.objects.get(pk=live.session.pk).status == "RUNNING"


def test_a_fork_may_have_another_goal_and_context(good: Earlier) -> None:
    AgentTask.objects.filter(name="c").update(description="Do it")
    session = good.fork("a", task_description="Do it better", context={"tone": "dry"})
    assert (session.title, session.task_description, session.context) == (
        "Do it better", "Do it better", {"tone": "dry"}
    )  # fmt: skip
    assert rows(session)["c"].description == "Do it better"
    assert list(refusal(InvalidSession, lambda: good.fork(task_description=" ")).details) == ["task_description"]


@pytest.mark.parametrize("at", [0, 7, 10**12, "c", "nothing", "00000000-0000-7000-8000-000000000000"])
def test_a_fork_needs_an_event_or_a_finished_task(failed: Earlier, at: str | int) -> None:
    assert list(refusal(InvalidSession, lambda: failed.fork(at)).details) == ["at"]


def spawning(world: World, *, joins: bool) -> Earlier:
    """`root` spawned `x`, which is done (event 4), and `y` (event 3) and runs still."""
    earlier = Earlier(world, {"root": "RUNNING"}, status="RUNNING")
    root = earlier.tasks["root"]
    for number, (name, status) in enumerate({"x": "COMPLETED", "y": "RUNNING"}.items(), start=1):
        earlier.tasks[name] = earlier.task(name, status, parent_task=root, ordinal=number)
    earlier.finish("x")
    ids = {name: str(earlier.tasks[name].id) for name in ("x", "y")}
    waiting = {"status": "WAITING", "result": None, "completed_at": None} if joins else {"result": list(ids.values())}
    earlier.step("root", "tasks 1", kind="tasks", request={"join": joins, "tasks": ids}, **waiting)
    return earlier


@pytest.mark.parametrize("joins", [True, False])
def test_the_step_that_spawned_tasks_names_the_new_ones(world: World, joins: bool) -> None:
    session = spawning(world, joins=joins).fork()
    assert statuses(session) == {"root": "PENDING", "x": "COMPLETED", "y": "PENDING"}
    new = rows(session)
    [step] = new["root"].steps.all()
    ids = {name: str(new[name].id) for name in ("x", "y")}
    assert step.request == {"join": joins, "tasks": ids}
    assert (step.status, step.result) == (("WAITING", None) if joins else ("COMPLETED", list(ids.values())))
    assert new["x"].parent_task_id == new["root"].id
    check_log(session)


def test_a_fork_in_the_middle_of_a_spawn_spawns_anew(world: World) -> None:
    session = spawning(world, joins=True).fork(3)
    assert statuses(session) == {"root": "PENDING"}
    assert rows(session)["root"].steps.count() == 0


def test_a_wait_that_failed_goes_on_in_a_retry(world: World) -> None:
    earlier = spawning(world, joins=True)
    AgentTask.objects.exclude(name="x").update(status="FAILED")
    AgentSession.objects.update(status="FAILED")
    ExecutionStep.objects.update(status="COMPLETED", error_code="subtask_failed", completed_at=NOON)
    [step] = rows(earlier.retry())["root"].steps.all()
    assert (step.status, step.error_code, step.completed_at) == ("WAITING", "", None)
