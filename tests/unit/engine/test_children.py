"""Child sessions: made once, waited for without holding anything, and sharing the fate of their parent."""

import json
from typing import Any

import pytest

from sessions import limits
from sessions.engine.batch import CommandRequest
from sessions.engine.draft import Decision
from sessions.engine.inputs import (
    AgentFailed,
    AgentFinished,
    AgentParked,
    ChildRefused,
    ChildStarted,
    Claimed,
    CommandRead,
    Reply,
    StartAgent,
    StartChild,
    StepOpened,
)
from sessions.scopes import workspace_scope
from tests.unit.engine.world import HostWorld, Script, agent, replace, session, task


def opened(script: Script, key: str = "child", name: str = "one", **request: Any) -> StepOpened:
    return StepOpened(
        script.execution(name), f"reply {key}", "session", key, key, {"goal": "g", "wait": True, **request}
    )


def started(**fields: Any) -> Script:
    script = Script(session(task("one", max_attempts=2), **fields))
    script.feed(Claimed())
    return script


def parked(**fields: Any) -> tuple[Script, str]:
    """A parent whose only task waits for its child; and the child's id."""
    script = started(**fields)
    script.feed(opened(script))
    child = script.task("one").steps[0].id
    script.feed(ChildStarted(child))
    script.feed(AgentParked(script.execution("one")))
    return script, child


def of_kind(decision: Decision, kind: type) -> list[Any]:
    return [effect for effect in decision.effects if isinstance(effect, kind)]


def asked(decision: Decision) -> list[tuple[str, str]]:
    requests = decision.batch.requests if decision.batch else ()
    return [(request.session_id, str(request.kind)) for request in requests]


def report(child: str, **payload: Any) -> CommandRead:
    result = {"session_id": child, "status": "COMPLETED", "result": {"answer": 42}}
    return CommandRead(1, "answer", {"step": child, "child": child, "result": result, **payload}, "session")


def test_a_child_is_made_only_after_its_step_is_committed_and_has_the_step_s_id() -> None:
    script = started()
    decision = script.feed(opened(script))
    [start] = of_kind(decision, StartChild)
    assert decision.batch is not None
    assert [write.step.id for write in decision.batch.steps] == [start.step_id]
    assert start.request["goal"] == "g"


def test_the_parent_is_not_let_go_of_before_its_child_is_there() -> None:
    script = started()
    script.feed(opened(script))
    assert not script.feed(AgentParked(script.execution("one"))).releases
    decision = script.feed(ChildStarted(script.task("one").steps[0].id))
    assert decision.releases
    assert script.session.status == "WAITING"
    assert "session.child_started" in script.events


def test_after_a_crash_the_children_nobody_knows_of_are_asked_for_again_and_no_others() -> None:
    script = started()
    script.feed(opened(script, "known"), opened(script, "unknown"))
    known, unknown = (step.id for step in script.task("one").steps)
    script.feed(ChildStarted(known))
    decision = script.feed(Claimed())
    assert [effect.step_id for effect in of_kind(decision, StartChild)] == [unknown]


def test_a_child_whose_end_is_there_is_not_asked_for_again() -> None:
    script, child = parked()
    script.session = replace(script.session, children=frozenset())
    decision = script.feed(Claimed(), report(child))
    assert of_kind(decision, StartChild) == []
    assert len(of_kind(decision, StartAgent)) == 1


def test_the_end_of_a_child_is_told_to_its_parent_in_the_same_commit() -> None:
    script = started(parent_session_id="the parent", parent_step="the step", depth=1)
    decision = script.feed(AgentFinished(script.execution("one"), {"answer": "yes"}))
    assert decision.batch is not None
    [request] = decision.batch.requests
    assert (request.session_id, request.kind, request.payload["step"]) == ("the parent", "answer", "the step")
    assert request.payload["result"]["result"]["answer"] == "yes"
    assert "code" not in request.payload


def test_a_child_that_fails_says_so_and_what_it_has_used() -> None:
    script = started(parent_session_id="the parent", parent_step="the step", usage={"tokens": 3})
    decision = script.feed(AgentFailed(script.execution("one"), "oops", "it broke", permanent=True))
    assert decision.batch is not None
    payload = decision.batch.requests[0].payload
    assert payload["code"] == "child_failed"
    assert "it broke" in payload["message"]
    assert payload["usage"] == {"tokens": 3}


def test_what_a_child_brings_and_has_used_is_the_parent_s() -> None:
    script, child = parked()
    decision = script.feed(Claimed(), report(child, usage={"tokens": 5}))
    [start] = of_kind(decision, StartAgent)
    assert start.task.steps[0].result["result"] == {"answer": 42}
    assert script.session.usage == {"tokens": 5}
    assert script.session.children == frozenset()


def test_a_cancel_of_the_parent_goes_down_to_its_children() -> None:
    script, child = parked()
    decision = script.feed(Claimed(), CommandRead(1, "cancel", {}, "ann"))
    assert asked(decision) == [(child, "cancel")] * 2  # for the step nobody waits for, and for the session's end
    assert {request.dedupe_key for request in decision.batch.requests} == {"cancel"}  # type: ignore[union-attr]


def test_children_end_with_a_parent_that_fails_or_takes_too_long() -> None:
    script, child = parked(timeout_seconds=60)
    script.wait(61)
    decision = script.feed(Claimed())
    assert script.session.error_code == "timeout"
    assert (child, "cancel") in asked(decision)


def test_a_child_nobody_waits_for_any_more_is_cancelled_and_is_not_made_any_more() -> None:
    script = Script(session(task("one"), task("other")))
    script.feed(Claimed())
    script.feed(opened(script))
    child = script.task("one").steps[0].id
    decision = script.feed(AgentFailed(script.execution("one"), "oops", "no", permanent=True))
    assert asked(decision) == [(child, "cancel")]
    [step] = script.task("one").steps
    assert (step.status, step.error_code) == ("COMPLETED", "abandoned")
    assert script.session.status == "RUNNING"
    assert script.feed(ChildStarted(child)).batch is None


def test_the_usage_of_a_child_nobody_waits_for_any_more_is_counted_once() -> None:
    script = Script(session(task("one"), task("other")))
    script.feed(Claimed())
    script.feed(opened(script))
    child = script.task("one").steps[0].id
    script.feed(AgentFailed(script.execution("one"), "oops", "no", permanent=True))
    decision = script.feed(report(child, code="child_cancelled", usage={"tokens": 2}))
    assert decision.batch is not None
    assert decision.batch.commands[0].outcome.startswith("applied")
    assert script.session.usage == {"tokens": 2}


def test_a_retry_goes_on_waiting_for_the_same_child() -> None:
    script = started()
    script.feed(opened(script))
    child = script.task("one").steps[0].id
    script.feed(ChildStarted(child))
    script.feed(AgentFailed(script.execution("one"), "oops", "for now"))
    script.wait(120)
    script.feed(Claimed())
    decision = script.feed(opened(script))
    assert of_kind(decision, StartChild) == []
    assert [effect.value.id for effect in of_kind(decision, Reply)] == [child]


def test_what_a_later_attempt_asks_for_in_other_words_takes_the_place_of_the_earlier_child() -> None:
    script = started()
    script.feed(opened(script))
    child = script.task("one").steps[0].id
    script.feed(AgentFailed(script.execution("one"), "oops", "for now"))
    script.wait(120)
    script.feed(Claimed())
    decision = script.feed(
        StepOpened(script.execution("one"), "r", "session", "child", "another hash", {"goal": "other", "wait": True})
    )
    assert asked(decision) == [(child, "cancel")]
    assert len(of_kind(decision, StartChild)) == 1


def test_a_pause_goes_down_and_the_resume_wakes_only_whom_the_parent_paused() -> None:
    script, child = parked()
    assert asked(script.feed(Claimed(), CommandRead(1, "pause", {"reason": "user"}, "ann"))) == [(child, "pause")]
    script.wait(5)
    resumed = script.feed(Claimed(), CommandRead(2, "resume", {}, "ann"))
    assert asked(resumed) == [(child, "resume")]

    by_parent, by_user = started(), started()
    to_pause, to_resume = sent(script, "pause"), sent(script, "resume")
    by_parent.feed(to_pause)
    assert by_parent.session.pause_reason == "parent"
    by_parent.feed(to_resume)
    assert by_parent.session.status == "RUNNING"
    by_user.feed(CommandRead(1, "pause", {"reason": "parent"}, "ann"))
    assert by_user.session.pause_reason == "user"
    by_user.feed(to_pause, to_resume)
    assert by_user.session.is_paused


def sent(script: Script, kind: str) -> CommandRead:
    requests = [request for decision in script.decisions if decision.batch for request in decision.batch.requests]
    request: CommandRequest = next(request for request in requests if request.kind == kind)
    return CommandRead(9, request.kind, request.payload, request.actor)


def test_a_child_that_is_born_into_a_pause_is_paused() -> None:
    script = started()
    script.feed(opened(script))
    script.feed(CommandRead(1, "pause", {}, "ann"))
    decision = script.feed(AgentParked(script.execution("one")))
    assert not decision.releases
    decision = script.feed(ChildStarted(script.task("one").steps[0].id))
    assert asked(decision) == [(script.task("one").steps[0].id, "pause")]
    assert decision.releases


def test_an_agent_that_does_not_wait_gets_the_id_as_soon_as_the_child_is_there() -> None:
    script = started()
    decision = script.feed(opened(script, wait=False))
    assert of_kind(decision, Reply) == []
    [start] = of_kind(decision, StartChild)
    decision = script.feed(ChildStarted(start.step_id, start.execution_id, start.reply))
    [reply] = of_kind(decision, Reply)
    assert reply.value.result == start.step_id
    decision = script.feed(AgentFinished(script.execution("one"), "done"))
    assert script.session.status == "COMPLETED"
    assert asked(decision) == []


def test_a_detached_child_ends_with_a_parent_that_is_cancelled() -> None:
    script = started()
    [start] = of_kind(script.feed(opened(script, wait=False)), StartChild)
    script.feed(ChildStarted(start.step_id, start.execution_id, start.reply))
    assert asked(script.feed(CommandRead(1, "cancel", {}, "ann"))) == [(start.step_id, "cancel")]


def test_a_crash_before_a_detached_child_was_there_costs_the_agent_nothing() -> None:
    script = started()
    [start] = of_kind(script.feed(opened(script, wait=False)), StartChild)
    script.feed(Claimed())
    script.feed(ChildStarted(start.step_id))
    [step] = script.task("one").steps
    assert (step.status, step.result) == ("ANSWERED", start.step_id)


def test_a_session_that_cannot_be_made_is_an_error_of_the_agent() -> None:
    script = started()
    script.feed(opened(script))
    step = script.task("one").steps[0].id
    script.feed(ChildRefused(step, "invalid_session", "agents[0]: there is none"))
    decision = script.feed(AgentParked(script.execution("one")))
    [start] = of_kind(decision, StartAgent)
    assert (start.task.steps[0].error_code, start.task.steps[0].status) == ("invalid_session", "COMPLETED")


def test_there_is_an_end_to_children_of_children() -> None:
    script = started(depth=limits.MAX_DEPTH)
    decision = script.feed(opened(script))
    assert [effect.code for effect in of_kind(decision, Reply)] == ["too_deep"]
    assert of_kind(decision, StartChild) == []


@pytest.fixture
def world() -> Any:
    with HostWorld() as world:
        yield world


def work(world: HostWorld, **orders: Any) -> Any:
    return world.finish(world.submit(session(task("one", input_data=orders))))


def test_children_run_at_once_and_bring_their_results_in_order(world: HostWorld) -> None:
    specs = [{"goal": f"g{n}", "tasks": [{"name": "t", "input_data": {"say": n, "steps": 1}}]} for n in range(5)]
    done = work(world, spawn_session=specs)
    children = next(iter(done.tasks.values())).output["children"]
    assert [child["result"]["outputs"]["t"]["said"] for child in children] == [0, 1, 2, 3, 4]
    assert done.usage == {"calls": 5}
    assert len(world.store.sessions) == 6
    log = [event.type for event in world.store.events[done.id]]
    assert log.index("step.answered") > max(n for n, word in enumerate(log) if word == "session.child_started")


def test_a_workspace_with_one_place_still_finishes_parents_with_children(world: HostWorld) -> None:
    child = {"goal": "g", "tasks": [{"name": "t", "input_data": {"spawn_session": {"goal": "grandchild"}}}]}
    one = task("one", input_data={"spawn_session": [child, child]})
    parent = session(one)
    world.store.limits[workspace_scope(parent.workspace_id)] = 1
    done = world.finish(world.submit(parent))
    assert done.status == "COMPLETED"
    assert len(world.store.sessions) == 5


def test_a_failing_child_fails_the_task_that_waits_for_it(world: HostWorld) -> None:
    broken = {"fail_times": 1, "permanent": True, "error": "no luck"}
    done = work(world, spawn_session={"goal": "g", "tasks": [{"name": "t", "input_data": broken}]})
    assert done.status == "FAILED"
    [one] = done.tasks.values()
    assert one.error_code == "child_failed"
    assert "no luck" in one.error_message


def test_an_impossible_child_fails_the_task_that_asks_for_it(world: HostWorld) -> None:
    done = work(world, spawn_session={"goal": "impossible"})
    assert (done.error_code, done.status) == ("invalid_session", "FAILED")


def test_a_detached_child_outlives_the_task_that_started_it(world: HostWorld) -> None:
    slow = {"goal": "g", "wait": False, "tasks": [{"name": "t", "input_data": {"sleep": 0.2}}]}
    done = work(world, spawn_session=slow)
    [child] = next(iter(done.tasks.values())).output["children"]
    assert done.status == "COMPLETED"
    assert world.finish(child).status == "COMPLETED"


def test_a_session_that_starts_its_like_without_end_fails_clearly_and_harms_nobody(world: HostWorld) -> None:
    done = work(world, again="session")
    assert done.status == "FAILED"
    assert done.error_code == "child_failed"
    assert len(world.store.sessions) == 1 + limits.MAX_DEPTH
    assert {one.status for one in world.store.sessions.values()} == {"FAILED"}
    deepest = max(world.store.sessions.values(), key=lambda one: one.depth)
    assert deepest.error_code == "too_deep"
    assert work(world, say="hello").status == "COMPLETED"


def test_a_cancel_reaches_the_grandchildren(world: HostWorld) -> None:
    slow = {"name": "t", "input_data": {"sleep": 30}}
    child = {"goal": "c", "tasks": [{"name": "t", "input_data": {"spawn_session": {"goal": "gc", "tasks": [slow]}}}]}
    key = world.submit(session(task("one", input_data={"spawn_session": [child, child]})))
    world.until(key, lambda _: sum(one.depth == 2 for one in world.store.sessions.values()) == 2)
    world.ask(key, "cancel")
    for one in list(world.store.sessions):
        assert world.finish(one).status == "CANCELLED"


def test_a_pause_and_a_resume_reach_the_children(world: HostWorld) -> None:
    child = {"goal": "c", "tasks": [{"name": "t", "input_data": {"events": 400}}, {"name": "u"}]}
    key = world.submit(session(task("one", input_data={"spawn_session": child})))
    world.until(key, lambda _: len(world.store.sessions) == 2)
    other = next(one for one in world.store.sessions if one != key)
    world.ask(key, "pause")
    world.until(other, lambda one: one.is_paused or one.is_finished)
    world.ask(key, "resume")
    assert world.finish(key).status == "COMPLETED"
    assert world.finish(other).status == "COMPLETED"


@pytest.mark.parametrize("place", ["parental_group", "parental_thread", "parental_process", "parental_greedy"])
def test_children_can_be_waited_for_wherever_and_however_the_agent_does_it(world: HostWorld, place: str) -> None:
    worker, helper = agent(definition=place), agent()
    done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker, helper])))
    [one] = done.tasks.values()
    assert (one.status, one.output) == ("COMPLETED", ["COMPLETED", "COMPLETED"])
    assert len(world.store.sessions) == 3
    assert one.attempts == 1


def test_an_agent_in_a_process_of_its_own_has_its_children_work_side_by_side(world: HostWorld) -> None:
    worker, helper = agent(definition="parental_process"), agent()
    done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker, helper])))
    events = [event.type for event in world.store.events[done.id]]
    both_asked = [n for n, word in enumerate(events) if word == "step.waiting"][1]
    assert both_asked < [n for n, word in enumerate(events) if word == "task.started"][1], "asked for at its first run"


def test_a_call_that_is_being_paid_for_beside_a_wait_is_not_thrown_away(world: HostWorld) -> None:
    worker = agent(definition="parental_paying")
    done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker])))
    [one] = done.tasks.values()
    assert one.output == {"paid": 1, "child": "COMPLETED"}


@pytest.mark.parametrize("definition", ["parental_paying_process", "parental_paying_placed"])
def test_nor_is_one_in_a_process_of_its_own(world: HostWorld, definition: str) -> None:
    worker = agent(definition=definition, placement="gpu" if definition.endswith("placed") else "")
    done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker])))
    [one] = done.tasks.values()
    assert one.output == {"child": "COMPLETED"}
    said = [json.loads(event.payload)["data"]["text"] for event in world.store.events[done.id] if event.type == "log"]
    assert said.count("paid well") == 1


def test_an_agent_that_asks_for_other_children_at_every_run_is_told_so(world: HostWorld) -> None:
    worker = agent(definition="parental_fickle")
    done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker])))
    assert done.error_code == "not_repeatable"
    assert len(world.store.sessions) == 2
