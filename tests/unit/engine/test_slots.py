"""Places on a host, and who waits for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sessions.engine.inputs import SlotWanted
from sessions.engine.sharing import ScopeView, Shares, SlotAsk, share_out
from sessions.engine.slots import Slots
from tests.unit.engine.world import NOON


class Now:
    def now(self) -> datetime:
        return NOON


def want(task: str, *scopes: str, priority: int = 0, task_priority: int = 0, waited: float = 0) -> SlotWanted:
    return SlotWanted(task, scopes or ("a",), priority, task_priority, NOON - timedelta(seconds=waited))


class Bench:
    """A host's slots over limits and other hosts that the test sets."""

    def __init__(self, host_limit: int = 10, **limits: int | None) -> None:
        self.slots = Slots(host_limit, Now())
        self.limits: dict[str, int | None] = {"a": 9, **limits}
        self.elsewhere: dict[str, int] = {}
        self.others: list[SlotWanted] = []
        self.workers = 1
        self.woken: list[str] = []
        self.asks: list[SlotAsk] = []

    def views(self, scopes: Sequence[str]) -> dict[str, ScopeView]:
        wanted = {scope for one in self.others for scope in one.scopes}
        return {
            scope: ScopeView(self.limits.get(scope), self.elsewhere.get(scope, 0), scope in wanted) for scope in scopes
        }

    def answer(self, ask: SlotAsk) -> Shares:
        concerned = sorted({*ask.scopes, *(scope for one in self.others for scope in one.scopes)})
        return share_out(ask, self.views(concerned), others=self.others, worker_count=self.workers, now=NOON)

    def settle(self) -> None:
        """Ask as the keeper would, once."""
        ask = self.slots.ask()
        if ask is not None:
            self.asks.append(ask)
            self.slots.take_in(self.answer(ask))

    def look(self) -> None:
        self.slots.look(self.views(sorted(self.slots.scopes)), at=0.0)

    def acquire(self, task: str, *scopes: str, **fields: Any) -> bool:
        """Whether it runs, the store having been asked where necessary."""
        asked = want(task, *scopes, **fields)
        if self.slots.acquire(asked, self.woken.append):
            return True
        self.settle()
        return self.slots.acquire(asked, self.woken.append)


def test_a_scopes_limit_holds_and_the_next_is_woken() -> None:
    bench = Bench(a=1)
    assert bench.acquire("1")
    assert not bench.acquire("2")
    bench.slots.release("1")
    assert bench.woken[-1] == "2"
    assert bench.acquire("2")


def test_a_task_needs_a_place_in_each_of_its_scopes() -> None:
    bench = Bench(agent=1, other=5, workspace=2)
    assert bench.acquire("1", "workspace", "agent")
    assert not bench.acquire("2", "workspace", "agent")
    assert bench.acquire("3", "workspace", "other")
    assert not bench.acquire("4", "workspace", "other")


def test_the_hosts_limit_holds_and_the_most_important_is_woken_first() -> None:
    bench = Bench(host_limit=1)
    bench.acquire("1")
    bench.acquire("low")
    bench.acquire("high", priority=5)
    bench.slots.release("1")
    assert bench.woken[-1] == "high"


def test_of_equal_sessions_the_task_of_higher_priority_comes_first() -> None:
    bench = Bench(a=1)
    bench.acquire("1")
    bench.acquire("low")
    bench.acquire("high", task_priority=5)
    bench.slots.release("1")
    assert bench.woken[-1] == "high"


def test_who_waited_long_enough_comes_before_what_is_more_important_and_new() -> None:
    bench = Bench(a=1)
    bench.acquire("1")
    bench.acquire("new", priority=5)
    bench.acquire("old", waited=5 * 30 + 31)
    bench.slots.release("1")
    assert bench.woken[-1] == "old"


def test_a_want_that_cannot_be_met_does_not_hold_up_others() -> None:
    bench = Bench(host_limit=2, a=1, b=5)
    bench.acquire("1", "a")
    bench.acquire("2", "b")
    bench.acquire("3", "a")
    bench.acquire("4", "b")
    bench.slots.release("2")
    assert bench.woken[-1] == "4"


def test_who_no_longer_waits_is_passed_over() -> None:
    bench = Bench(a=1)
    for task in ("1", "2", "3"):
        bench.acquire(task)
    bench.slots.release("2")
    bench.slots.release("1")
    assert bench.woken[-1] == "3"


def test_a_host_alone_asks_once_for_a_scope_however_many_tasks_come() -> None:
    bench = Bench(a=5)
    for number in range(20):
        bench.acquire(str(number))
    for number in range(20):
        bench.slots.release(str(number))
        bench.settle()
    assert len(bench.asks) == 1


def test_a_scope_without_a_limit_is_asked_about_once() -> None:
    bench = Bench(host_limit=50, free=None)
    assert all(bench.acquire(str(number), "free") for number in range(50))
    assert len(bench.asks) == 1


def test_where_another_host_holds_places_only_the_rest_can_be_had() -> None:
    bench = Bench(a=3)
    bench.workers, bench.elsewhere = 2, {"a": 2}
    assert bench.acquire("1")
    assert not bench.acquire("2")
    bench.elsewhere = {"a": 1}
    bench.look()
    bench.settle()
    assert bench.woken[-1] == "2"


def test_idle_places_are_given_back_when_another_host_waits_for_one() -> None:
    bench = Bench(a=5)
    bench.acquire("1")
    bench.others, bench.workers = [want("theirs")], 2
    bench.look()
    bench.settle()
    assert bench.asks[-1].in_use == {"a": 1}
    assert bench.slots.scopes["a"].places == 1


def test_a_place_that_becomes_free_goes_to_the_more_important_task_of_another_host() -> None:
    bench = Bench(a=2)
    for task in ("1", "2", "mine"):
        bench.acquire(task)
    bench.others, bench.workers = [want("theirs", priority=9)], 2
    bench.look()
    bench.woken.clear()
    bench.slots.release("1")
    bench.settle()
    assert bench.woken == []
    bench.slots.release("2")
    bench.settle()
    assert bench.woken == ["mine"]


def test_a_waiting_task_of_another_host_that_lacks_a_full_scope_reserves_nothing() -> None:
    bench = Bench(a=1, full=1)
    bench.others, bench.workers, bench.elsewhere = [want("theirs", "a", "full", priority=9)], 2, {"full": 1}
    assert bench.acquire("mine", "a")


def test_a_lower_limit_holds_for_what_starts_from_now_on() -> None:
    bench = Bench(a=5)
    for task in ("1", "2", "3"):
        assert bench.acquire(task)
    bench.limits["a"] = 2
    bench.look()
    bench.settle()
    bench.slots.release("1")
    assert not bench.acquire("4")
    bench.slots.release("2")
    bench.settle()
    assert bench.acquire("4")


def test_a_limit_set_on_a_scope_that_had_none_counts_what_runs_already() -> None:
    bench = Bench(a=None)
    for task in ("1", "2"):
        assert bench.acquire(task)
    bench.limits["a"] = 2
    bench.look()
    bench.settle()
    assert bench.asks[-1].in_use == {"a": 2}
    assert not bench.acquire("3")


def test_a_higher_limit_lets_in_who_waits() -> None:
    bench = Bench(a=1)
    bench.acquire("1")
    bench.acquire("2")
    bench.limits["a"] = 2
    bench.look()
    bench.settle()
    assert bench.woken[-1] == "2"


def test_places_idle_for_long_are_given_back_and_the_scope_is_forgotten() -> None:
    bench = Bench(a=5, free=None)
    for scope in ("a", "free"):
        bench.acquire(scope, scope)
        bench.slots.release(scope)
    bench.look()
    bench.slots.look(bench.views(["a", "free"]), at=61.0)
    bench.settle()
    assert bench.asks[-1].in_use == {"a": 0}
    assert not bench.slots.scopes


def test_an_ask_that_failed_is_made_again() -> None:
    bench = Bench(a=1)
    bench.slots.acquire(want("1"), bench.woken.append)
    ask = bench.slots.ask()
    assert ask is not None
    bench.slots.failed(ask)
    bench.settle()
    assert bench.woken == ["1"]


def test_a_request_of_a_task_that_waits_no_longer_is_taken_back() -> None:
    bench = Bench(a=1)
    bench.workers, bench.elsewhere = 2, {"a": 1}
    bench.acquire("1")
    assert bench.slots.posted == {"1"}
    bench.slots.release("1")
    bench.settle()
    assert bench.asks[-1].wants == []
    assert bench.slots.posted == frozenset()


def test_what_runs_already_takes_its_place_even_where_there_is_none_and_the_store_is_told() -> None:
    bench = Bench(a=1)
    bench.acquire("1")
    attached = SlotWanted("attached", ("a",), 0, 0, NOON, is_running=True)
    assert bench.slots.acquire(attached, bench.woken.append)
    bench.settle()
    assert bench.asks[-1].in_use == {"a": 2}
    bench.slots.release("attached")
    assert not bench.acquire("2")


def test_a_host_that_is_full_takes_its_requests_back_so_that_nothing_is_kept_free_for_it() -> None:
    bench = Bench(host_limit=2, a=1, b=5)
    bench.workers, bench.elsewhere = 2, {"a": 1}
    bench.acquire("waits", "a")
    assert bench.slots.posted == {"waits"}
    for task in ("1", "2"):
        assert bench.acquire(task, "b")
    bench.settle()
    assert bench.slots.posted == frozenset()
    bench.elsewhere = {}
    bench.look()
    bench.slots.release("1")
    bench.settle()
    assert bench.woken[-1] == "waits"
