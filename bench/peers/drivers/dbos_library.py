"""DBOS as a library in one process, on PostgreSQL: workflows of steps; steps that can run at once are gathered."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import uuid4

from dbos import DBOS, SetWorkflowID

from bench.peers import driver
from bench.peers.driver import CHAIN_STEPS, DIAMOND, FAN_OUT, Meter, Order

AT_ONCE = 8
EVENTS = 20


@DBOS.step()
def step(name: str) -> str:
    return name


@DBOS.step()
async def async_step(name: str) -> str:
    return name


@DBOS.workflow()
def one() -> str:
    return step("only")


@DBOS.workflow()
def chain() -> list[str]:
    return [step(f"t{number}") for number in range(CHAIN_STEPS)]


@DBOS.workflow()
async def async_one() -> str:
    return await async_step("only")


@DBOS.workflow()
async def async_chain() -> list[str]:
    return [await async_step(f"t{number}") for number in range(CHAIN_STEPS)]


@DBOS.workflow()
async def fan_out() -> str:
    await asyncio.gather(*(async_step(f"t{number}") for number in range(FAN_OUT)))
    return await async_step("join")


@DBOS.workflow()
async def diamond() -> str:
    await async_step("first")
    await asyncio.gather(*(async_step(f"t{number}") for number in range(DIAMOND)))
    return await async_step("join")


@DBOS.workflow()
def tell(count: int) -> None:
    for number in range(count):
        time.sleep(0.05)
        DBOS.set_event(f"e{number}", time.time())


async def many(workflow: Callable[[], Coroutine[Any, Any, Any]], count: int, at_once: int) -> None:
    async def work(numbers: Iterator[int]) -> None:
        for _ in numbers:
            await workflow()

    numbers = iter(range(count))
    await asyncio.gather(*(work(numbers) for _ in range(at_once)))


def events(rounds: int) -> list[float]:
    """Milliseconds from the call that sets an event to its arrival at a waiting thread of the same process."""
    delays = []
    for _ in range(rounds):
        key = str(uuid4())
        with SetWorkflowID(key):
            handle = DBOS.start_workflow(tell, EVENTS)
        for number in range(EVENTS):
            told = DBOS.get_event(key, f"e{number}", timeout_seconds=20)
            delays.append((time.time() - told) * 1000)
        handle.get_result()
    return delays


def measure(order: Order, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
    meter, timed = Meter(), driver.timed
    for workflow in (async_one, async_chain, fan_out, diamond):
        run(workflow())
    chain()
    ones, chains, fans = order.count("one", 30), order.count("chain_step", 5), order.count("fan_out", 5)
    meter.report("one", "ms", call=lambda: timed(one, ones), asynchronous=lambda: timed(lambda: run(async_one()), ones))
    meter.report(
        "chain_step",
        "ms",
        call=lambda: timed(chain, chains, per=CHAIN_STEPS),
        asynchronous=lambda: timed(lambda: run(async_chain()), chains, per=CHAIN_STEPS),
    )
    meter.report("fan_out", "ms", gathered=lambda: timed(lambda: run(fan_out()), fans))
    ways = {
        f"{at_once} at once": lambda width=at_once: run(many(diamond, order.sessions, width))
        for at_once in (AT_ONCE, 4 * AT_ONCE)
    }
    meter.report_sessions(order.sessions, order.count("sessions", 1), **ways)
    meter.report("event_to_client", "ms", in_process=lambda: events(order.count("event_to_client", 3)))


def main() -> None:
    order = driver.read_order()
    driver.describe("in one process, PostgreSQL; logging off", "dbos")
    address = order.postgres.replace("postgresql://", "postgresql+psycopg://")
    DBOS(config={"name": "bench", "system_database_url": address, "log_level": "ERROR"})
    DBOS.launch()
    try:
        one()
        driver.ready()
        Meter().idle(order.idle_seconds)
        with asyncio.Runner() as runner:
            measure(order, runner.run)
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main()
