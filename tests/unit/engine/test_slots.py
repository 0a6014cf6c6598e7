"""Places on a host, and who waits for them."""

from sessions.engine.inputs import SlotWanted
from sessions.engine.slots import Slots
from tests.unit.engine.world import NOON


def want(task: str, *, agent: str = "a", agent_limit: int = 9, limit: int = 9, priority: int = 0) -> SlotWanted:
    return SlotWanted(task, agent, agent_limit, "w", limit, priority, NOON)


def test_an_agents_limit_holds_and_the_next_is_woken() -> None:
    slots, woken = Slots(10), []
    assert slots.acquire(want("1", agent_limit=1), woken.append)
    assert not slots.acquire(want("2", agent_limit=1), woken.append)
    slots.release("1")
    assert woken == ["2"]
    assert slots.acquire(want("2", agent_limit=1), woken.append)


def test_a_workspaces_limit_holds_across_agents() -> None:
    slots = Slots(10)
    assert slots.acquire(want("1", agent="a", limit=1), lambda task: None)
    assert not slots.acquire(want("2", agent="b", limit=1), lambda task: None)


def test_the_hosts_limit_holds_and_the_most_important_is_woken_first() -> None:
    slots, woken = Slots(1), []
    slots.acquire(want("1"), woken.append)
    slots.acquire(want("low"), woken.append)
    slots.acquire(want("high", priority=5), woken.append)
    slots.release("1")
    assert woken == ["high"]


def test_a_want_that_cannot_be_met_does_not_hold_up_others() -> None:
    slots, woken = Slots(2), []
    slots.acquire(want("1", agent="a", agent_limit=1), woken.append)
    slots.acquire(want("2", agent="b"), woken.append)
    slots.acquire(want("3", agent="a", agent_limit=1), woken.append)
    slots.acquire(want("4", agent="b"), woken.append)
    slots.release("2")
    assert woken == ["4"]


def test_who_no_longer_waits_is_passed_over() -> None:
    slots, woken = Slots(1), []
    slots.acquire(want("1"), woken.append)
    slots.acquire(want("2"), woken.append)
    slots.acquire(want("3"), woken.append)
    slots.release("2")
    slots.release("1")
    assert woken == ["3"]
