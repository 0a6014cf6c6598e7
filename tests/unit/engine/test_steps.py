"""Steps: a call is paid for once, a wait holds nothing."""

from typing import Any

import pytest

from agents.runtime import StepOutcomeUnknown
from sessions.engine.inputs import (
    AgentFailed,
    AgentParked,
    ChildStarted,
    Claimed,
    CommandRead,
    Input,
    Reply,
    StepClosed,
    StepOpened,
    StepReused,
    Tick,
)
from sessions.engine.state import Step
from sessions.engine.step_calls import Parked, StepCalls
from sessions.engine.steps import MAX_STEPS_PER_TASK
from tests.unit.engine.world import NOON, HostWorld, Script, agent, new_id, run, session, task


def started(**fields: Any) -> Script:
    script = Script(session(task("one", **fields)))
    script.feed(Claimed())
    return script


def closed(script: Script, key: str, result: Any = "r", usage: Any = None) -> StepClosed:
    return StepClosed(script.execution("one"), "reply", key, "hash", result, usage or {})


def nap(script: Script, seconds: float = 60) -> StepOpened:
    return StepOpened(script.execution("one"), "reply", "sleep", "nap", "hash", {"seconds": seconds}, seconds)


def test_a_result_is_kept_and_counted_before_the_agent_gets_it() -> None:
    script = started()
    decision = script.feed(closed(script, "search", {"hits": 3}, {"tokens": 7}))
    assert decision.batch is not None
    assert [write.step.result for write in decision.batch.steps] == [{"hits": 3}]
    assert [effect.value.result for effect in decision.effects if isinstance(effect, Reply)] == [{"hits": 3}]
    assert script.session.usage == {"tokens": 7}
    assert "step.completed" in script.events


def test_of_two_calls_at_the_same_time_the_first_counts_and_both_get_its_result() -> None:
    script = started()
    decision = script.feed(closed(script, "search", "first"), closed(script, "search", "second", {"tokens": 9}))
    assert [effect.value.result for effect in decision.effects if isinstance(effect, Reply)] == ["first", "first"]
    assert script.session.usage == {}


def test_a_later_attempt_finds_the_steps_of_the_one_before() -> None:
    script = started(max_attempts=2)
    script.feed(closed(script, "search"))
    script.feed(AgentFailed(script.execution("one"), "oops", "no"))
    script.wait(120)
    decision = script.feed(*[Claimed()])
    [start] = [effect for effect in decision.effects if hasattr(effect, "upstream")]
    assert [step.key for step in start.task.steps] == ["search"]


def test_a_task_keeps_a_bounded_number_of_steps() -> None:
    script = started()
    script.feed(*[closed(script, f"key {n}") for n in range(MAX_STEPS_PER_TASK)])
    decision = script.feed(closed(script, "one more"))
    assert [effect.code for effect in decision.effects if isinstance(effect, Reply)] == ["too_many_steps"]


def test_a_sleeping_agent_holds_neither_a_place_nor_the_lease() -> None:
    script = started()
    script.feed(nap(script))
    decision = script.feed(AgentParked(script.execution("one")))
    assert script.statuses == {"one": "WAITING"}
    assert script.session.status == "WAITING"
    assert decision.releases
    assert decision.wake_at is not None
    assert (decision.wake_at - NOON).total_seconds() == 60


def test_after_its_sleep_the_same_attempt_runs_again_and_finds_it_answered() -> None:
    script = started()
    script.feed(nap(script))
    script.feed(AgentParked(script.execution("one")))
    script.wait(61)
    decision = script.feed(Claimed())
    [start] = [effect for effect in decision.effects if hasattr(effect, "upstream")]
    assert start.task.attempts == 1
    assert [step.status for step in start.task.steps] == ["COMPLETED"]


def test_a_short_wait_keeps_the_lease() -> None:
    script = started()
    script.feed(nap(script, 1.5))
    decision = script.feed(AgentParked(script.execution("one")))
    assert not decision.releases
    assert decision.wake_at is not None


def test_what_nobody_has_answered_waits_without_a_timer() -> None:
    script = started()
    script.feed(StepOpened(script.execution("one"), "r", "session", "child", "hash", {}))
    script.feed(ChildStarted(script.task("one").steps[0].id))
    decision = script.feed(AgentParked(script.execution("one")))
    assert decision.releases
    assert decision.wake_at is None


def parked_for_an_answer() -> tuple[Script, str]:
    script = started()
    script.feed(StepOpened(script.execution("one"), "r", "session", "child", "hash", {}))
    script.feed(AgentParked(script.execution("one")))
    return script, script.task("one").steps[0].id


def test_an_answer_wakes_the_agent_that_waits_for_it_once() -> None:
    script, step = parked_for_an_answer()
    answer = {"step": step, "result": {"answer": 42}, "usage": {"tokens": 5}}
    decision = script.feed(Claimed(), CommandRead(1, "answer", answer, "engine"), CommandRead(2, "answer", answer, "x"))
    assert decision.batch is not None
    assert [command.outcome for command in decision.batch.commands] == ["applied", "rejected: it has been answered"]
    assert script.statuses == {"one": "RUNNING"}
    assert script.session.usage == {"tokens": 5}


def test_an_answer_nobody_waits_for_is_rejected() -> None:
    script = started()
    decision = script.feed(CommandRead(1, "answer", {"step": new_id(), "result": 1}, "x"))
    assert decision.batch is not None
    assert decision.batch.commands[0].outcome.startswith("rejected")


def test_an_answer_that_comes_before_the_agent_has_stopped_is_not_lost() -> None:
    script = started()
    script.feed(StepOpened(script.execution("one"), "r", "session", "child", "hash", {}))
    step = script.task("one").steps[0].id
    script.feed(CommandRead(1, "answer", {"step": step, "result": 1}, "engine"))
    decision = script.feed(AgentParked(script.execution("one")))
    assert [effect for effect in decision.effects if hasattr(effect, "upstream")]
    assert script.statuses == {"one": "RUNNING"}


def test_an_attempt_that_parks_is_spared_the_same_call_once() -> None:
    script = started(max_attempts=2)
    script.feed(closed(script, "search", usage={"tokens": 7}))
    script.feed(AgentFailed(script.execution("one"), "oops", "no"))
    script.wait(120)
    script.feed(Tick())
    [kept_one] = script.task("one").steps
    for _ in range(2):
        script.feed(StepReused(script.execution("one"), kept_one.id))
    assert script.events.count("step.reused") == 1
    assert script.session.saved_usage == {"tokens": 7}


def calls_over(steps: tuple[Step, ...] = ()) -> tuple[StepCalls, list[Input]]:
    seen: list[Input] = []

    async def put(item: Input) -> None:
        seen.append(item)

    async def request(make: Any) -> Any:
        item = make("reply")
        seen.append(item)
        if isinstance(item, StepClosed):
            return Step(new_id(), "call", item.key, item.input_hash, "COMPLETED", "now", NOON, result=item.result)
        return Step(new_id(), item.kind, item.key, item.input_hash, "WAITING", "now", NOON, request=item.request)

    return StepCalls(task("one", steps=steps), put=put, request=request), seen


def kept(key: str, inputs: Any, status: str = "COMPLETED", **fields: Any) -> Step:
    from sessions.engine.step_calls import hash_inputs

    return Step(new_id(), "call", key, hash_inputs(key, inputs), status, "earlier", NOON, **fields)


def test_a_kept_result_is_given_without_calling_again() -> None:
    calls, seen = calls_over((kept("search", "whales", result=["hit"]),))
    assert run(calls.step("search", lambda call: pytest.fail("called again"), inputs="whales")) == ["hit"]
    assert [type(item).__name__ for item in seen] == ["StepReused"]


def test_other_inputs_are_another_call() -> None:
    calls, _ = calls_over((kept("search", "whales", result=["hit"]),))
    assert run(calls.step("search", lambda call: ["other"], inputs="sharks")) == ["other"]


def test_a_call_made_once_is_journaled_before_and_never_repeated_unseen() -> None:
    calls, seen = calls_over()
    run(calls.step("pay", lambda call: "paid", once=True))
    assert [type(item).__name__ for item in seen] == ["StepOpened", "StepClosed"]
    calls, _ = calls_over((kept("pay", None, "STARTED"),))
    with pytest.raises(StepOutcomeUnknown):
        run(calls.step("pay", lambda call: "paid", once=True))


def test_what_is_paid_for_and_what_is_spawned_may_have_the_same_key() -> None:
    calls, seen = calls_over((kept("plan", None, result=[{"name": "a"}]),))
    specs = run(calls.step("plan", lambda call: pytest.fail("called again")))
    with pytest.raises(Parked):
        run(calls.spawn_tasks(specs, key="plan", join=True))
    assert [item.request["tasks"] for item in seen if isinstance(item, StepOpened)] == [[{"name": "a"}]]


def test_the_idempotency_key_is_the_same_at_every_attempt() -> None:
    seen: list[str] = []
    one = task("one")
    for _ in range(2):
        calls, _ = calls_over()
        calls._task = one
        run(calls.step("pay", lambda call: seen.append(call.idempotency_key)))
    assert seen[0] == seen[1]


def test_a_wait_ends_the_coroutine_until_its_answer_is_there() -> None:
    calls, _ = calls_over()
    with pytest.raises(Parked):
        run(calls.sleep(60))


def steps_of(place: str) -> tuple[Any, list[str]]:
    worker = agent(definition=place)
    one = task("one", agent_id=worker.id, max_attempts=2)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[worker])))
        return done.tasks[one.id].output, [event.type for event in world.store.events[done.id]]


@pytest.mark.parametrize("place", ["stepping", "stepping_thread", "stepping_process"])
def test_a_retry_reuses_the_steps_wherever_the_agent_runs(place: str) -> None:
    output, events = steps_of(place)
    assert output == {"paid": 1, "attempt": 2}
    assert events.count("step.completed") == 1
    assert events.count("step.reused") == 1


def test_a_nap_lets_go_of_the_session_and_ends_it_well() -> None:
    one = task("one", input_data={"nap": 1.2, "steps": 2})
    with HostWorld() as world:
        done = world.finish(world.submit(session(one)))
        events = [event.type for event in world.store.events[done.id]]
    assert done.status == "COMPLETED"
    assert done.usage == {"calls": 2}
    assert events.count("step.completed") == 2
    assert events.count("task.started") == 2
    assert done.tasks[one.id].attempts == 1
