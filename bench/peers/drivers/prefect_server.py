"""A Prefect server on PostgreSQL; flows run in this process and report to it, tasks that can run at once in threads.

Flows send no heartbeats: with them each ends by waiting up to a second for the thread that sends them.
"""

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

from bench.peers import driver
from bench.peers.driver import CHAIN_STEPS, DIAMOND, FAN_OUT, Meter, Order

AT_ONCE = 8
EVENTS = 20
SESSIONS = 32  # the others do 200
QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "DO_NOT_TRACK": "1",
}


class Flows:
    """The workloads (Prefect reads its environment when it is imported, so this comes after it is set)."""

    def __init__(self) -> None:
        from prefect import flow, task
        from prefect.task_runners import ThreadPoolTaskRunner

        @task
        def work(name: str) -> str:
            return name

        @flow
        def one() -> str:
            return work("only")

        @flow
        def chain() -> list[str]:
            return [work(f"t{number}") for number in range(CHAIN_STEPS)]

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=16))
        def fan_out() -> str:
            for waiting in [work.submit(f"t{number}") for number in range(FAN_OUT)]:
                waiting.result()
            return work("join")

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=DIAMOND))
        def diamond() -> str:
            work("first")
            for waiting in [work.submit(f"t{number}") for number in range(DIAMOND)]:
                waiting.result()
            return work("join")

        self.one, self.chain, self.fan_out, self.diamond = one, chain, fan_out, diamond


def sessions(flow: Any, count: int, at_once: int) -> None:
    """Each in a copy of this context, which holds the settings."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda context: context.run(flow), [copy_context() for _ in range(count)]))


def events(rounds: int) -> list[float]:
    """Milliseconds from the call that emits an event to its arrival at a subscriber of the server."""
    return asyncio.run(_events(rounds * EVENTS))


async def _events(count: int) -> list[float]:
    from prefect.events import emit_event
    from prefect.events.clients import get_events_subscriber
    from prefect.events.filters import EventFilter, EventNameFilter

    wanted = EventFilter(event=EventNameFilter(name=["bench.told"]))
    delays = []
    async with get_events_subscriber(filter=wanted) as subscriber:
        await asyncio.sleep(0.5)

        def tell() -> None:
            for _ in range(count):
                time.sleep(0.05)
                emit_event("bench.told", {"prefect.resource.id": "bench"}, payload={"at": time.time()})

        teller = threading.Thread(target=tell)
        teller.start()
        async for event in subscriber:
            delays.append((time.time() - event.payload["at"]) * 1000)
            if len(delays) == count:
                break
        teller.join()
    return delays


def measure(order: Order, flows: Flows, meter: Meter) -> None:
    timed, count = driver.timed, order.count
    for flow in (flows.chain, flows.diamond):
        flow()
    meter.report("one", "ms", call=lambda: timed(flows.one, count("one", 5)))
    meter.report("chain_step", "ms", call=lambda: timed(flows.chain, count("chain_step", 2), per=CHAIN_STEPS))
    meter.report("fan_out", "ms", threads=lambda: timed(flows.fan_out, count("fan_out", 2)))
    few = min(order.sessions, SESSIONS)
    ways = {f"{at_once} at once": lambda many=at_once: sessions(flows.diamond, few, many) for at_once in (1, AT_ONCE)}
    meter.report_sessions(few, count("sessions", 1), **ways)
    meter.report("event_to_client", "ms", subscriber=lambda: events(count("event_to_client", 2)))


def main() -> None:
    order = driver.read_order()
    port = driver.free_port()
    os.environ |= QUIET | {
        "PREFECT_HOME": str(order.folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": order.postgres.replace("postgresql://", "postgresql+asyncpg://"),
    }
    driver.describe(
        "one server process on PostgreSQL; flows in the client's process, without heartbeats", "prefect", "asyncpg"
    )
    program = str(Path(sys.executable).with_name("prefect"))
    command = [program, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with driver.server(command, log=order.folder / "server.log") as pid:
        driver.until_answers(f"http://127.0.0.1:{port}/api/health")
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            flows = Flows()
            flows.one()
            driver.ready()
            if order.only_start:
                return
            Meter(pid).idle(order.idle_seconds)
            measure(order, flows, Meter(pid, os.getpid()))


if __name__ == "__main__":
    main()
