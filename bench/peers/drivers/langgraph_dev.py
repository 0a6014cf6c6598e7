"""The LangGraph dev server (in memory, nothing is durable), used by its own client: each call waits for its result.

Runs without a thread of checkpoints and runs with one are both measured, and the best counts.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langgraph_sdk import get_client

from bench.peers import driver
from bench.peers.driver import CHAIN_STEPS, Meter, Order

GRAPHS = ("one", "chain", "fan_out", "diamond", "tell")
AT_ONCE = 200
JOBS = 200
NOTHING: dict[str, Any] = {"done": []}


class Server:
    """Calls to the server; `threads` says whether a run keeps checkpoints in a thread of its own."""

    def __init__(self, address: str, run: Any) -> None:
        self._address, self._run = address, run
        self.client = get_client(url=address)

    def once(self, graph: str, threads: bool) -> None:
        self._run(self._once(graph, threads))

    async def _once(self, graph: str, threads: bool) -> None:
        thread_id = (await self.client.threads.create())["thread_id"] if threads else None
        answer = await self.client.runs.wait(thread_id, graph, input=NOTHING)
        assert answer["done"], answer

    def many(self, graph: str, count: int, threads: bool) -> None:
        self._run(self._many(graph, count, threads))

    async def _many(self, graph: str, count: int, threads: bool) -> None:
        async def work(numbers: Iterator[int]) -> None:
            for _ in numbers:
                await self._once(graph, threads)

        numbers = iter(range(count))
        await asyncio.gather(*(work(numbers) for _ in range(AT_ONCE)))

    def events(self, rounds: int) -> list[float]:
        """Milliseconds from a node's call to the arrival at the client that streams the run."""
        return [delay for _ in range(rounds) for delay in self._run(self._events())]

    async def _events(self) -> list[float]:
        delays = []
        async for part in self.client.runs.stream(None, "tell", input=NOTHING, stream_mode="custom"):
            if part.event == "custom":
                delays.append((time.time() - part.data["at"]) * 1000)
        return delays


def measure(order: Order, server: Server, meter: Meter) -> None:
    for graph in ("diamond", "chain", "fan_out"):
        server.once(graph, False)
    for name, graph, count, per in (
        ("one", "one", 5, 1),
        ("chain_step", "chain", 3, CHAIN_STEPS),
        ("fan_out", "fan_out", 3, 1),
    ):
        times = order.count(name, count)
        ways = {
            way: lambda g=graph, n=times, p=per, keep=keep: driver.timed(lambda: server.once(g, keep), n, per=p)
            for way, keep in (("no thread", False), ("a thread", True))
        }
        meter.report(name, "ms", **ways)
    ways = {
        way: lambda keep=keep: server.many("diamond", order.sessions, keep)
        for way, keep in (("no thread", False), ("a thread", True))
    }
    meter.report_sessions(order.sessions, order.count("sessions", 1), **ways)
    meter.report("event_to_client", "ms", stream=lambda: server.events(order.count("event_to_client", 3)))


def configure(folder: Path) -> None:
    app = Path(__file__).with_name("langgraph_app.py")
    (folder / "langgraph_app.py").write_text(app.read_text())
    graphs = {name: f"./langgraph_app.py:{name}" for name in GRAPHS}
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))


def main() -> None:
    order = driver.read_order()
    configure(order.folder)
    driver.describe(f"langgraph dev, {JOBS} jobs at once, no reload", "langgraph-api", "langgraph-cli", "langgraph")
    port = driver.free_port()
    program = str(Path(sys.executable).with_name("langgraph"))
    command = [program, "dev", "--no-browser", "--no-reload", "--port", str(port)]
    command += ["--n-jobs-per-worker", str(JOBS), "--server-log-level", "ERROR"]
    environment = {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1", "LOG_LEVEL": "ERROR"}
    os.chdir(order.folder)
    with (
        driver.server(command, log=order.folder / "server.log", environment=environment) as pid,
        asyncio.Runner() as runner,
    ):
        address = f"http://127.0.0.1:{port}"
        driver.until_answers(f"{address}/ok")
        server = Server(address, runner.run)
        server.once("one", False)
        driver.ready()
        Meter(pid).idle(order.idle_seconds)
        measure(order, server, Meter(pid, os.getpid()))


if __name__ == "__main__":
    main()
