"""Tasks that a running task adds to its session."""

from typing import Any

import pytest

from sessions import limits
from sessions.engine.draft import Decision
from sessions.engine.inputs import (
    AgentFailed,
    AgentFinished,
    AgentParked,
    Claimed,
    CommandRead,
    Reply,
    StartAgent,
    StepOpened,
)
from sessions.engine.state import Session
from sessions.scopes import workspace_scope
from tests.unit.engine.world import HostWorld, Script, session, task


def started(*more: Any, **fields: Any) -> Script:
    script = Script(session(task("planner", max_attempts=2), *more, **fields))
    script.feed(Claimed())
    return script


def spawn(script: Script, *specs: Any, join: bool = False, by: str = "planner", key: str = "more") -> Decision:
    request = {"tasks": list(specs), "join": join}
    return script.feed(StepOpened(script.execution(by), "reply", "tasks", key, "hash", request))


def spec(name: str, *after: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "required_capabilities": ["scripted"], "depends_on": list(after), **fields}


def reply(decision: Decision) -> Reply:
    [found] = [effect for effect in decision.effects if isinstance(effect, Reply)]
    return found


def starts(decision: Decision) -> list[str]:
    return [effect.task.name for effect in decision.effects if isinstance(effect, StartAgent)]


def test_spawned_tasks_are_subtasks_that_start_when_their_inputs_are_there() -> None:
    script = started()
    decision = spawn(script, spec("b", "a"), spec("a"))
    a, b = script.task("a"), script.task("b")
    assert reply(decision).value.result == [b.id, a.id]
    assert a.parent_task_id == b.parent_task_id == script.task("planner").id
    assert starts(decision) == ["a"]
    assert [write.task.name for write in decision.batch.tasks if write.previous is None] == ["a", "b"]  # type: ignore[union-attr]


def test_a_session_does_not_end_before_what_was_spawned_has() -> None:
    script = started()
    spawn(script, spec("a"))
    script.feed(AgentFinished(script.execution("planner"), {"answer": "planned"}))
    assert script.session.status == "RUNNING"
    script.feed(AgentFinished(script.execution("a"), {"answer": "done"}))
    assert script.session.status == "COMPLETED"
    assert script.session.result["answer"] == "done"


def test_a_spawned_task_may_depend_on_what_the_session_has_already() -> None:
    script = started(task("other"))
    spawn(script, spec("after both", "planner", "other"))
    script.feed(AgentFinished(script.execution("planner"), 1))
    assert script.statuses["after both"] == "PENDING"
    decision = script.feed(AgentFinished(script.execution("other"), 2))
    [start] = [effect for effect in decision.effects if isinstance(effect, StartAgent)]
    assert {one.output for one in start.upstream} == {1, 2}


def test_a_retry_of_the_planner_does_not_spawn_twice() -> None:
    script = started()
    spawn(script, spec("a"))
    script.feed(AgentFailed(script.execution("planner"), "oops", "for now"))
    script.wait(120)
    script.feed(Claimed())
    decision = spawn(script, spec("something else"))
    assert reply(decision).value.result == [script.task("a").id]
    assert set(script.statuses) == {"planner", "a"}


@pytest.mark.parametrize(
    ("specs", "code", "word"),
    [
        ([spec("planner")], "invalid_plan", "already has a task named"),
        ([spec("a", "nobody")], "invalid_plan", "'nobody'"),
        ([spec("a", "b"), spec("b", "a")], "invalid_plan", "wait for each other"),
        ([{"name": "a"}], "invalid_plan", "neither an agent nor"),
        ([spec("a"), spec("a")], "invalid_plan", "Two planned tasks"),
        ([spec("a", depends_on="planner")], "invalid_plan", "must be a list"),
        ([7], "invalid_plan", "needs a `name`"),
        ([], "invalid_plan", "no tasks"),
        ([spec(f"t{n}") for n in range(limits.MAX_TASKS)], "too_many_tasks", "500"),
    ],
)
def test_tasks_that_cannot_be_are_refused_and_none_of_them_is_added(specs: list[Any], code: str, word: str) -> None:
    script = started()
    answer = reply(spawn(script, spec("fine"), *specs) if specs and len(specs) < 5 else spawn(script, *specs))
    assert answer.code == code
    assert word in answer.message
    assert list(script.statuses) == ["planner"]


def test_there_is_an_end_to_tasks_spawned_by_spawned_tasks() -> None:
    script = started()
    for level in range(limits.MAX_TASK_DEPTH):
        spawn(script, spec(f"level {level}"), by="planner" if not level else f"level {level - 1}")
    last = f"level {limits.MAX_TASK_DEPTH - 1}"
    assert reply(spawn(script, spec("one more"), by=last)).code == "too_deep"


def test_who_waits_for_spawned_tasks_gets_their_outputs_and_holds_no_place_meanwhile() -> None:
    script = started()
    assert reply(spawn(script, spec("a"), spec("b", "a"), join=True)).value.status == "WAITING"
    script.feed(AgentParked(script.execution("planner")))
    script.feed(AgentFinished(script.execution("a"), 1))
    assert script.statuses["planner"] == "WAITING"
    decision = script.feed(AgentFinished(script.execution("b"), 2))
    [start] = [effect for effect in decision.effects if isinstance(effect, StartAgent)]
    assert start.task.steps[0].result == {"a": 1, "b": 2}
    assert start.task.attempts == 1


def test_a_failed_subtask_is_named_to_who_waits_and_what_depends_on_it_is_skipped() -> None:
    script = started()
    spawn(script, spec("a", max_attempts=1), spec("b", "a"), spec("c"), join=True)
    script.feed(AgentParked(script.execution("planner")))
    script.feed(AgentFinished(script.execution("c"), 3))
    script.feed(AgentFailed(script.execution("a"), "oops", "no"))
    [step] = script.task("planner").steps
    assert step.error_code == "subtask_failed"
    assert "a (FAILED)" in step.error_message
    assert "b (SKIPPED)" in step.error_message


def test_outputs_too_large_together_are_an_error_and_not_a_crash() -> None:
    script = started()
    spawn(script, spec("a"), spec("b"), join=True)
    script.feed(AgentParked(script.execution("planner")))
    for name in ("a", "b"):
        script.feed(AgentFinished(script.execution(name), "x" * 700_000))
    assert script.task("planner").steps[0].error_code == "outputs_too_large"


def test_who_waits_for_tasks_that_wait_for_it_is_refused() -> None:
    script = started()
    assert "wait for each other" in reply(spawn(script, spec("a", "planner"), join=True)).message


def test_two_that_would_wait_for_each_other_s_subtasks_are_refused() -> None:
    script = started(task("second"))
    assert not reply(spawn(script, spec("a", "second"), join=True)).code
    answer = reply(spawn(script, spec("b", "planner"), join=True, by="second"))
    assert "planner -> a -> second -> b -> planner" in answer.message or "wait for each other" in answer.message
    assert "b" not in script.statuses


def test_what_is_spawned_in_a_pause_waits_for_its_end() -> None:
    script = started()
    script.feed(CommandRead(1, "pause", {}, "ann"))
    spawn(script, spec("a"))
    assert script.statuses["a"] == "PENDING"
    script.feed(AgentParked(script.execution("planner")))
    script.feed(CommandRead(2, "resume", {}, "ann"))
    assert script.statuses["a"] == "RUNNING"


def test_a_planning_agent_may_spawn_its_tasks_instead_of_answering_them() -> None:
    script = Script(session(task("planner", task_type="planning"), execution_mode="planned"))
    script.feed(Claimed())
    spawn(script, spec("a"))
    script.feed(AgentFinished(script.execution("planner"), {"answer": "on the way"}))
    assert script.session.status == "RUNNING"


def test_the_answer_of_who_waited_for_subtasks_speaks_for_them() -> None:
    script = started()
    spawn(script, spec("a"), join=True)
    script.feed(AgentParked(script.execution("planner")))
    script.wait(1)
    script.feed(AgentFinished(script.execution("a"), {"answer": "a part"}))
    script.wait(1)
    script.feed(AgentFinished(script.execution("planner"), {"answer": "the whole"}))
    assert script.session.result["answer"] == "the whole"


@pytest.fixture
def world() -> Any:
    with HostWorld() as world:
        yield world


def work(world: HostWorld, **orders: Any) -> Session:
    return world.finish(world.submit(session(task("one", input_data=orders))))


def test_an_agent_spawns_tasks_and_joins_them(world: HostWorld) -> None:
    specs = [spec("a", input_data={"say": 1}), spec("b", "a", input_data={"say": 2})]
    done = work(world, spawn_join=specs, spawn=[spec("last", "b")])
    assert done.status == "COMPLETED"
    outputs = {one.name: one.output for one in done.tasks.values()}
    assert outputs["one"]["outputs"] == {"a": {"said": 1, "attempt": 1}, "b": {"said": 2, "attempt": 1}}
    assert set(outputs) == {"one", "a", "b", "last"}


def test_one_place_is_enough_for_who_waits_and_those_it_waits_for(world: HostWorld) -> None:
    nested = spec("a", input_data={"spawn_join": [spec("b"), spec("c")]})
    one = task("one", input_data={"spawn_join": [nested]})
    parent = session(one, max_concurrent_tasks=1)
    world.store.limits[workspace_scope(parent.workspace_id)] = 1
    done = world.finish(world.submit(parent))
    assert done.status == "COMPLETED"


@pytest.mark.parametrize(("again", "code"), [(1, "too_deep"), (30, "too_many_tasks")])
def test_a_plan_that_spawns_without_end_fails_clearly_and_harms_nobody(world: HostWorld, again: int, code: str) -> None:
    done = work(world, again=again)
    assert (done.status, done.error_code) == ("FAILED", code)
    assert len(done.tasks) <= limits.MAX_TASKS
    assert not [one for one in done.tasks.values() if one.is_live]
    assert work(world, say="hello").status == "COMPLETED"
