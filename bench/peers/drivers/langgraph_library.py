"""LangGraph as a library in one process: a StateGraph with a checkpointer, one thread of checkpoints per session.

SQLite as ours (WAL, synchronous FULL) or PostgreSQL; durability as it comes ("async": a checkpoint is written while the
next step runs). Each workload is measured with `invoke` and with `ainvoke`; the throughput with one session after the
other, and with several at once (threads, or tasks of one loop).
"""

import asyncio
import operator
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import aiosqlite
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from bench.engine.processes import pss_mb
from bench.peers import driver
from bench.peers.driver import CHAIN_STEPS, DIAMOND, FAN_OUT, Meter, Order

AT_ONCE = 8
SLEEPERS = 1000
WORKLOADS = {"one": ("one", 30, 1), "chain_step": ("chain", 5, CHAIN_STEPS), "fan_out": ("fan_out", 5, 1)}
CONNECTION = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}

asleep: list[int] = []
"""One entry for each node that sleeps."""


class State(TypedDict):
    done: Annotated[list[str], operator.add]


@dataclass(frozen=True, slots=True)
class Graphs:
    """The workloads, compiled with one checkpointer."""

    one: Any
    chain: Any
    fan_out: Any
    diamond: Any
    sleeping: Any


def graphs(saver: Any) -> Graphs:
    steps = [f"t{number}" for number in range(CHAIN_STEPS)]
    wide = [f"t{number}" for number in range(FAN_OUT)]
    few = wide[:DIAMOND]
    return Graphs(
        one=_graph(saver, ["only"], [(START, "only"), ("only", END)]),
        chain=_graph(saver, steps, list(zip([START, *steps], [*steps, END], strict=True))),
        fan_out=_graph(saver, [*wide, "join"], [*((START, name) for name in wide), (wide, "join"), ("join", END)]),
        diamond=_graph(
            saver,
            ["first", *few, "join"],
            [(START, "first"), *(("first", name) for name in few), (few, "join"), ("join", END)],
        ),
        sleeping=_sleeping_graph(saver),
    )


def _sleeping_graph(saver: Any) -> Any:
    async def sleep(state: State) -> State:
        asleep.append(1)
        await asyncio.sleep(3600)
        return {"done": ["slept"]}

    builder = StateGraph(State).add_node("sleeps", sleep)
    return builder.add_edge(START, "sleeps").add_edge("sleeps", END).compile(checkpointer=saver)


def _graph(saver: Any, names: list[str], edges: list[tuple[Any, str]]) -> Any:
    builder = StateGraph(State)
    for name in names:
        builder.add_node(name, _node(name))
    for start, end in edges:
        builder.add_edge(start, end)
    return builder.compile(checkpointer=saver)


def _node(name: str) -> Callable[[State], State]:
    return lambda state: {"done": [name]}


def _thread() -> Any:
    return {"configurable": {"thread_id": str(uuid4())}, "max_concurrency": 128}


@dataclass(frozen=True, slots=True)
class Threads:
    """Calls `invoke`."""

    graphs: Graphs

    def once(self, graph: Any) -> None:
        graph.invoke({"done": []}, _thread())

    def many(self, graph: Any, count: int, at_once: int) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: self.once(graph), range(count)))


@dataclass(frozen=True, slots=True)
class Loop:
    """Calls `ainvoke` on one event loop."""

    graphs: Graphs
    run: Callable[[Awaitable[None]], None]

    def once(self, graph: Any) -> None:
        self.run(graph.ainvoke({"done": []}, _thread()))

    def many(self, graph: Any, count: int, at_once: int) -> None:
        self.run(self._many(graph, count, at_once))

    def sleep(self, count: int) -> float:
        """KiB that each of so many invocations adds whose only node sleeps."""
        found: list[float] = []
        self.run(self._sleep(count, found))
        return found[0]

    async def _sleep(self, count: int, found: list[float]) -> None:
        before = pss_mb([os.getpid()])
        works = [asyncio.create_task(self.graphs.sleeping.ainvoke({"done": []}, _thread())) for _ in range(count)]
        while len(asleep) < count:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # what they write in the background is written
        found.append((pss_mb([os.getpid()]) - before) * 1e6 / 1024 / count)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    async def _many(self, graph: Any, count: int, at_once: int) -> None:
        async def work(numbers: Iterator[int]) -> None:
            for _ in numbers:
                await graph.ainvoke({"done": []}, _thread())

        numbers = iter(range(count))
        await asyncio.gather(*(work(numbers) for _ in range(at_once)))


@contextmanager
def threads(order: Order) -> Iterator[Threads]:
    if order.postgres:
        with ConnectionPool(order.postgres, min_size=AT_ONCE, max_size=AT_ONCE, kwargs=CONNECTION) as pool:
            saver: Any = PostgresSaver(pool)
            saver.setup()
            yield Threads(graphs(saver))
        return
    connection = sqlite3.connect(order.folder / "threads.sqlite3", check_same_thread=False, timeout=20)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    saver = SqliteSaver(connection)
    saver.setup()
    yield Threads(graphs(saver))
    connection.close()


@contextmanager
def loop(order: Order) -> Iterator[Loop]:
    with asyncio.Runner() as runner:
        opened = _async_saver(order)
        saver = runner.run(opened.__aenter__())
        yield Loop(graphs(saver), runner.run)
        runner.run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def _async_saver(order: Order) -> AsyncIterator[Any]:
    if order.postgres:
        async with AsyncConnectionPool(order.postgres, min_size=AT_ONCE, max_size=AT_ONCE, kwargs=CONNECTION) as pool:
            saver: Any = AsyncPostgresSaver(pool)
            await saver.setup()
            yield saver
        return
    async with aiosqlite.connect(order.folder / "loop.sqlite3", timeout=20) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        yield AsyncSqliteSaver(connection)


def measure(order: Order, sync: Threads, loop: Loop) -> None:
    meter = Meter()
    for graph in ("diamond", "chain", "fan_out"):
        sync.once(getattr(sync.graphs, graph))
        loop.once(getattr(loop.graphs, graph))
    for name, (graph, count, per) in WORKLOADS.items():
        times = order.count(name, count)
        meter.report(
            name,
            "ms",
            invoke=lambda g=graph, n=times, p=per: driver.timed(lambda: sync.once(getattr(sync.graphs, g)), n, per=p),
            ainvoke=lambda g=graph, n=times, p=per: driver.timed(lambda: loop.once(getattr(loop.graphs, g)), n, per=p),
        )
    ways = {
        f"{name}, {at_once} at once": lambda way=way, many=at_once: way.many(way.graphs.diamond, order.sessions, many)
        for name, way in (("invoke in threads", sync), ("ainvoke", loop))
        for at_once in (1, AT_ONCE)
    }
    meter.report_sessions(order.sessions, order.count("sessions", 1), **ways)


def main() -> None:
    order = driver.read_order()
    driver.describe(
        "in one process; durability as it comes",
        "langgraph",
        "langgraph-checkpoint-postgres" if order.postgres else "langgraph-checkpoint-sqlite",
    )
    with threads(order) as sync:
        sync.once(sync.graphs.one)
        driver.ready()
        Meter().idle(order.idle_seconds)
        with loop(order) as asynchronous:
            measure(order, sync, asynchronous)
        if order.idle_seconds:
            with loop(order) as sleepers:
                sleepers.once(sleepers.graphs.one)
                driver.emit(name="sleeping_memory", unit="KiB", values=[sleepers.sleep(SLEEPERS)])


if __name__ == "__main__":
    main()
