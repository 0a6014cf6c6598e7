"""An agent that does not await is named, interrupted, and in the end costs one task and nothing else."""

import pytest

from sessions.engine import watchdog
from tests.unit.engine.world import HostWorld, agent, session, task

ODD = agent(definition="odd")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(watchdog, "WARN_SECONDS", 0.1)
    monkeypatch.setattr(watchdog, "INTERRUPT_SECONDS", 0.4)


def odd(**orders: object) -> object:
    return session(task("odd", agent_id=ODD.id, input_data=orders, max_attempts=1), agents=[ODD])


def test_an_agent_that_holds_the_loop_for_a_moment_is_named_in_its_log() -> None:
    with HostWorld() as world:
        key = world.submit(odd(odd="block", seconds=0.3, then=0.3))
        world.finish(key)
        warnings = [event.payload for event in world.store.events[key] if event.type == "log"]
    [warning] = warnings
    assert "held the engine" in warning
    assert "odd_agents.py" in warning


def test_an_agent_that_never_yields_is_interrupted_and_only_its_task_fails() -> None:
    with HostWorld() as world:
        healthy = world.submit(session(task("well", input_data={"sleep": 0.6})))
        key = world.submit(odd(odd="spin"))
        assert world.finish(key).error_code == "blocked_loop"
        assert world.finish(healthy).status == "COMPLETED"
        assert world.finish(world.submit(session(task("later")))).status == "COMPLETED"
    assert not world.given_up.is_set()


def test_code_that_cannot_be_interrupted_costs_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not interrupted first: while an exception waits for a C call to end, the other threads of a CPython 3.11 that is
    traced (coverage) stand still."""
    monkeypatch.setattr(watchdog, "GIVE_UP_SECONDS", 0.5)
    monkeypatch.setattr(watchdog, "INTERRUPT_SECONDS", 60.0)
    with HostWorld() as world:
        world.submit(odd(odd="block", seconds=1.5))
        assert world.given_up.wait(10)


def test_a_loop_that_answers_is_left_alone() -> None:
    with HostWorld() as world:
        done = world.finish(world.submit(session(task("slow", input_data={"sleep": 0.5}))))
        assert "log" not in [event.type for event in world.store.events[done.id]]
    assert not world.given_up.is_set()
