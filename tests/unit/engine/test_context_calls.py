"""`ctx.contexts` of a live attempt: reads pass, writes are steps."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agents.memory_contexts import MemoryContexts
from agents.runtime import AgentError
from sessions.engine.context_calls import ContextCalls
from sessions.engine.inputs import Input, StepClosed
from sessions.engine.state import Step
from sessions.engine.step_calls import StepCalls
from tests.unit.engine.world import NOON, HostWorld, agent, new_id, run, session, task

ONE = task("one")


class Attempt:
    """One run of an agent's code over steps and contexts that outlive it."""

    def __init__(self, store: MemoryContexts, steps: list[Step], *, name: str = "1", dies_at: str = "") -> None:
        self.steps, self.dies_at = steps, dies_at
        calls = StepCalls(ONE, put=self._put, request=self._request)
        calls._steps = {(step.key, step.input_hash): step for step in steps}
        self.calls = calls
        self.contexts = ContextCalls(store, calls, attempt=name, check=lambda: None)

    async def _put(self, item: Input) -> None:
        return None

    async def _request(self, make: Callable[[str], Input]) -> Any:
        item = make("reply")
        assert isinstance(item, StepClosed)
        if self.dies_at and item.key.startswith(self.dies_at):
            raise KeyboardInterrupt
        step = Step(new_id(), "call", item.key, item.input_hash, "COMPLETED", "now", NOON, result=item.result)
        self.steps.append(step)
        return step


@pytest.fixture
def store() -> MemoryContexts:
    return MemoryContexts("writer")


def numbers(store: MemoryContexts, name: str = "notes") -> list[int]:
    return [version.data["n"] for version in store.kept["writer", name].versions]


def test_what_runs_again_is_answered_and_not_written_again(store: MemoryContexts) -> None:
    steps: list[Step] = []
    for attempt in ("1", "1", "2"):
        contexts = Attempt(store, steps, name=attempt).contexts
        assert [run(contexts.write("notes", {"n": n})) for n in (1, 1, 2)] == [1, 2, 3]
        assert run(contexts.write("other", {"n": 9})) == 1
    assert (numbers(store), numbers(store, "other")) == ([1, 1, 2], [9])


def test_a_counter_is_counted_on_once_though_it_reads_anew(store: MemoryContexts) -> None:
    steps: list[Step] = []

    async def count_on(contexts: ContextCalls) -> int:
        page = await contexts.read("notes")
        return await contexts.write("notes", {"n": page.data.get("n", 0) + 1}, expected_version=page.version)

    assert [run(count_on(Attempt(store, steps).contexts)) for _ in range(3)] == [1, 1, 1]
    assert numbers(store) == [1]


def test_a_crash_between_the_write_and_its_step_finds_what_was_written(store: MemoryContexts) -> None:
    steps: list[Step] = []
    with pytest.raises(KeyboardInterrupt):
        run(Attempt(store, steps, dies_at="write notes").contexts.write("notes", {"n": 1}, expected_version=0))
    run(store.write("notes", {"n": "theirs"}))
    assert run(Attempt(store, steps, name="2").contexts.write("notes", {"n": 1}, expected_version=0)) == 1
    assert numbers(store) == [1, "theirs"]


async def with_patience(contexts: ContextCalls, meddle: Any = None) -> int:
    """Counts on, and reads again when another was faster; `meddle` is that other, once."""
    while True:
        page = await contexts.read("notes")
        if meddle:
            await meddle()
            meddle = None
        try:
            return await contexts.write("notes", {"n": page.data.get("n", 0) + 1}, expected_version=page.version)
        except AgentError as error:
            if error.code != "context_conflict":
                raise


@pytest.mark.parametrize("later", ["1", "2"])
def test_a_conflict_that_was_overcome_is_not_written_again(store: MemoryContexts, later: str) -> None:
    steps: list[Step] = []

    async def meddle() -> None:
        await store.write("notes", {"n": 10})

    assert run(with_patience(Attempt(store, steps).contexts, meddle)) == 2
    assert run(with_patience(Attempt(store, steps, name=later).contexts)) == 2
    assert numbers(store) == [10, 11]


def test_a_conflict_is_the_same_when_the_attempt_runs_again_and_asked_for_anew_by_the_next(
    store: MemoryContexts,
) -> None:
    steps: list[Step] = []
    run(store.write("notes", {"n": 1}))

    async def stubborn(attempt: str) -> Any:
        try:
            return await Attempt(store, steps, name=attempt).contexts.write("notes", {"n": 2}, expected_version=0)
        except AgentError as error:
            return error.code, error.permanent

    assert run(stubborn("1")) == ("context_conflict", False)
    store.kept["writer", "notes"].current = 0
    assert run(stubborn("1")) == ("context_conflict", False), "else an attempt would change its way while it sleeps"
    assert run(stubborn("2")) == 2


def test_a_rollback_is_made_once(store: MemoryContexts) -> None:
    steps: list[Step] = []
    for number in (1, 2):
        run(store.write("notes", {"n": number}))
    assert run(Attempt(store, steps).contexts.rollback("notes", 1)) == 1
    run(store.write("notes", {"n": 3}))
    assert run(Attempt(store, steps).contexts.rollback("notes", 1)) == 1
    assert run(store.read("notes")).data == {"n": 3}


def test_a_key_stands_for_the_order_of_calls(store: MemoryContexts) -> None:
    steps: list[Step] = []
    run(Attempt(store, steps).contexts.write("notes", {"n": "a"}, key="a"))
    contexts = Attempt(store, steps).contexts
    assert [run(contexts.write("notes", {"n": key}, key=key)) for key in ("b", "a")] == [2, 1]
    assert numbers(store) == ["a", "b"]


def test_inside_a_step_a_write_needs_a_key(store: MemoryContexts) -> None:
    attempt = Attempt(store, [])

    async def inside(call: Any) -> int:
        return await attempt.contexts.write("notes", {"n": 1}, **({"key": call.key} if call.key == "named" else {}))

    with pytest.raises(AgentError) as caught:
        run(attempt.calls.step("unnamed", inside))
    assert caught.value.code == "bad_step_key"
    assert run(attempt.calls.step("named", inside)) == 1


def test_many_at_once_are_each_written_once(store: MemoryContexts) -> None:
    async def together(contexts: ContextCalls) -> list[int]:
        return list(await asyncio.gather(*(contexts.write("notes", {"n": n}) for n in range(5))))

    steps: list[Step] = []
    assert sorted(run(together(Attempt(store, steps).contexts))) == [1, 2, 3, 4, 5]
    assert sorted(run(together(Attempt(store, steps).contexts))) == [1, 2, 3, 4, 5]
    assert sorted(numbers(store)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("data", [{"a": object()}, {"a": float("nan")}, {"a": "x" * 1024 * 1024}, [1], "text"])
def test_what_cannot_be_kept_is_refused_and_takes_no_number(store: MemoryContexts, data: Any) -> None:
    contexts = Attempt(store, []).contexts
    with pytest.raises(AgentError) as caught:
        run(contexts.write("notes", data))
    assert (caught.value.code, caught.value.permanent) == ("bad_context", True)
    assert run(contexts.write("notes", {"n": 1})) == 1


def test_the_agent_may_change_its_data_after_the_write(store: MemoryContexts) -> None:
    data = {"n": 1}
    run(Attempt(store, []).contexts.write("notes", data))
    data["n"] = 2
    assert numbers(store) == [1]


# In the engine, over memory

PLACES = ("contexts", "contexts_thread", "contexts_process", "contexts_placed")


@pytest.mark.parametrize("place", PLACES)
def test_wherever_an_agent_runs_it_has_its_contexts_and_writes_once(place: str) -> None:
    worker = agent("writer", place)
    orders = [
        ("write", {"name": "notes", "data": {"n": 1}, "description": "first"}),
        ("nap", {}),
        ("write", {"name": "notes", "data": {"n": 2}, "expected_version": 1}),
        ("fail", {"times": 1}),
        ("write", {"name": "notes", "data": {"n": 3}, "expected_version": 1}),
        ("step", {"order": ["write", {"name": "notes", "data": {}}]}),
        ("read", {"name": "notes"}),
        ("read", {"name": "notes", "version": 9}),
        ("history", {"name": "notes"}),
        ("diff", {"name": "notes", "before": 0, "after": 2}),
        ("rollback", {"name": "notes", "version": 1}),
        ("names", {}),
    ]
    one = task("one", agent_id=worker.id, max_attempts=2, input_data={"orders": orders})
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[worker])))
    output = done.tasks[one.id].output
    assert output == [
        *(1, None, 2, None, "context_conflict", "bad_step_key"),
        *(
            [2, {"n": 2}],
            "no_such_version",
            [[2, "", "agent:writer"], [1, "first", "agent:writer"]],
            [["$.n", "added"]],
            1,
            ["notes"],
        ),
    ]
