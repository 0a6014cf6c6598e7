"""Agents that do what none should: each costs its own task at most, never the worker or another session."""

import threading
import time
from typing import Any

import pytest

from sessions.engine import thread_agents
from sessions.engine.gate import MAX_EVENTS_PER_EXECUTION
from sessions.engine.state import Session
from tests.unit.engine.world import HostWorld, agent, session, task

ODD = agent(definition="odd")


def odd(what: str, **orders: Any) -> Session:
    one = task("odd", agent_id=ODD.id, input_data={"odd": what, **orders}, max_attempts=1)
    return session(one, agents=[ODD])


def beside(world: HostWorld) -> str:
    """A session that must not notice."""
    first = task("first", input_data={"sleep": 0.05})
    return world.submit(session(first, task("second", first, input_data={"sleep": 0.05})))


def outcome(done: Session) -> tuple[str, str]:
    [one] = done.tasks.values()
    return str(done.status), one.error_code


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("vast", "bad_output"),
        ("deep", "bad_output"),
        ("endless", "bad_output"),
        ("recursion", "agent_exception"),
        ("own exception", "agent_exception"),
        ("generator exit", "agent_exception"),
        ("big steps", "too_many_steps"),
        ("cancel everything", "agent_exception"),
    ],
)
def test_it_is_a_failure_of_its_task_and_nothing_else(what: str, code: str) -> None:
    with HostWorld() as world:
        healthy, key = beside(world), world.submit(odd(what))
        assert outcome(world.finish(key)) == ("FAILED", code)
        assert world.finish(healthy).status == "COMPLETED"


@pytest.mark.parametrize("what", ["stop the loop", "exit in a task"])
def test_whatever_it_does_to_the_loop_the_host_goes_on(what: str) -> None:
    with HostWorld() as world:
        healthy, key = beside(world), world.submit(odd(what))
        assert world.finish(healthy).status == "COMPLETED"
        assert world.finish(key).is_finished
        assert world.finish(world.submit(session(task("later")))).status == "COMPLETED"


def test_what_it_returns_is_weighed_without_being_written_out() -> None:
    start = time.process_time()
    with HostWorld() as world:
        world.finish(world.submit(odd("vast")))
    assert time.process_time() - start < 5


def test_a_process_it_forks_off_the_loop_ends_at_once() -> None:
    with HostWorld() as world:
        healthy, key = beside(world), world.submit(odd("fork"))
        [forked] = world.finish(key).tasks.values()
        assert forked.output == 1
        assert world.finish(healthy).status == "COMPLETED"


def test_a_process_it_forks_off_its_thread_ends_where_its_work_ends() -> None:
    worker = agent(definition="spinning_thread")
    one = task("one", agent_id=worker.id, input_data={"fork": True}, max_attempts=1)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[worker])))
    assert done.tasks[one.id].output == 0


def test_a_thread_that_never_comes_back_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_agents, "STOP_SECONDS", 0.1)
    worker = agent(definition="spinning_thread")
    one = task("one", agent_id=worker.id, timeout_seconds=0.2, max_attempts=1)
    with HostWorld() as world:
        healthy, key = beside(world), world.submit(session(one, agents=[worker]))
        assert outcome(world.finish(key)) == ("FAILED", "timeout")
        assert world.finish(healthy).status == "COMPLETED"
        assert world.until(key, lambda _: not is_spinning())


def is_spinning() -> bool:
    import sys

    frames = sys._current_frames()
    spinning = [frames[one.ident] for one in threading.enumerate() if one.ident in frames]
    return any(frame.f_code.co_qualname == "SpinningThreadAgent.run" for frame in spinning)


def test_a_flood_is_throttled_and_cut_off() -> None:
    with HostWorld() as world:
        healthy, key = beside(world), world.submit(odd("flood"))
        assert world.finish(healthy).status == "COMPLETED"
        assert world.finish(key).status == "COMPLETED"
        words = [event.type for event in world.store.events[key]]
    assert words.count("log") == MAX_EVENTS_PER_EXECUTION
    assert words.count("log.truncated") == 1


def test_what_it_changes_of_its_input_stays_its_own() -> None:
    with HostWorld() as world:
        done = world.finish(world.submit(odd("change what it was given", list=[1])))
    [one] = done.tasks.values()
    assert one.output == 2
    assert one.input_data["list"] == [1]
