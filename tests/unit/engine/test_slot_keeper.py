"""Keeping a host's places in step with the others', on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sessions.engine.inputs import SlotWanted
from sessions.engine.slot_keeper import SlotKeeper
from sessions.engine.slots import Slots
from sessions.engine.store.base import StoreUnavailable, WorkerIdentity
from sessions.engine.store.memory import MemoryStore
from tests.unit.engine.world import NOON
from tests.unit.simulation.loop import VirtualLoop

SCOPE = "workspace:w"


class Host:
    """Slots and their keeper, over a store in memory."""

    def __init__(self, store: MemoryStore, name: str) -> None:
        self.slots, self.woken, self.outages = Slots(50), asyncio.Event(), 0
        store.register(WorkerIdentity(name, name, 1), 60)
        self.keeper = asyncio.create_task(SlotKeeper(self.slots, store, name, read=self.read).keep())

    async def read(self, function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0.001)
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("planted")
        return function(*args)

    async def start(self, task: str) -> float:
        """Seconds until the task had its place."""
        began = asyncio.get_running_loop().time()
        want = SlotWanted(task, (SCOPE,), 0, 0, NOON)
        if not self.slots.acquire(want, lambda _: self.woken.set()):
            await self.woken.wait()
            self.woken.clear()
        return asyncio.get_running_loop().time() - began


def play(scene: Callable[[MemoryStore], Awaitable[None]], limit: int) -> None:
    store = MemoryStore()
    store.limits = {SCOPE: limit}
    loop = VirtualLoop(lambda: 0.001)

    async def whole() -> None:
        await scene(store)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()


def test_the_first_task_of_a_scope_costs_one_question_and_the_others_none() -> None:
    async def scene(store: MemoryStore) -> None:
        host = Host(store, "one")
        assert 0 < await host.start("first") < 0.01
        assert [await host.start(str(number)) for number in range(5)] == [0.0] * 5

    play(scene, limit=10)


def test_a_second_host_gets_what_the_first_does_not_use_within_a_second_and_after_that_sooner() -> None:
    async def scene(store: MemoryStore) -> None:
        rich = Host(store, "rich")
        await rich.start("first")
        poor = Host(store, "poor")
        assert await poor.start("other") < 1.2
        for number in range(2):
            rich.slots.release("first")
            assert await rich.start("first") < 0.4, number
            poor.slots.release("other")
            assert await poor.start("other") < 0.4, number

    play(scene, limit=2)


def test_a_place_freed_on_another_host_is_had_within_a_third_of_a_second() -> None:
    async def scene(store: MemoryStore) -> None:
        rich, poor = Host(store, "rich"), Host(store, "poor")
        await rich.start("first")
        waiting = asyncio.create_task(poor.start("other"))
        await asyncio.sleep(3)
        assert not waiting.done()
        rich.slots.release("first")
        freed_at = asyncio.get_running_loop().time()
        await waiting
        assert asyncio.get_running_loop().time() - freed_at < 0.33

    play(scene, limit=1)


def test_an_outage_of_the_database_only_delays_the_start() -> None:
    async def scene(store: MemoryStore) -> None:
        host = Host(store, "one")
        host.outages = 3
        assert 0.5 < await host.start("first") < 2

    play(scene, limit=1)
