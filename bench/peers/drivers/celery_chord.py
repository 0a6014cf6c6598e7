"""Celery: one worker, Redis as broker and for the results; chains, and groups joined by a chord. Nothing is durable.

Every workload is measured with each kind of worker pool, and the best counts.
"""

import os
import sys
from uuid import uuid4

os.environ.setdefault("BENCH_PREFIX", f"bench-{uuid4().hex[:8]}-")

from bench.peers import driver
from bench.peers.driver import CHAIN_STEPS, DIAMOND, FAN_OUT, Meter, Order

POOLS = {"solo": ["-P", "solo"], "threads": ["-P", "threads", "-c", "4"], "prefork": ["-P", "prefork", "-c", "2"]}
WORKER = ["-m", "celery", "-A", "bench.peers.drivers.celery_app", "--quiet", "worker", "-l", "ERROR"]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
PATIENCE_SECONDS = 120
UNITS = {"one": "ms", "chain_step": "ms", "fan_out": "ms", "sessions": "/s"}


class Flows:
    """The workloads; a signature is made for each call, since one that is used twice has one result."""

    def __init__(self, order: Order) -> None:
        from celery import chain, chord, group

        from bench.peers.drivers.celery_app import work

        self._order = order
        self._chain, self._chord, self._group, self._work = chain, chord, group, work

    def one(self) -> None:
        self._work.delay().get(timeout=PATIENCE_SECONDS)

    def chain(self) -> None:
        self._chain(*(self._work.s() for _ in range(CHAIN_STEPS))).apply_async().get(timeout=PATIENCE_SECONDS)

    def fan_out(self) -> None:
        self._chord(self._work.si() for _ in range(FAN_OUT))(self._work.s()).get(timeout=PATIENCE_SECONDS)

    def sessions(self) -> None:
        for result in [self._session() for _ in range(self._order.sessions)]:
            result.get(timeout=PATIENCE_SECONDS)

    def _session(self):  # type: ignore[no-untyped-def]
        few = self._group(self._work.si() for _ in range(DIAMOND))
        return self._chain(self._work.si(), few, self._work.si()).apply_async()


def measure(order: Order, flows: Flows, meter: Meter, pool: str) -> dict[str, dict[str, object]]:
    for warm in (flows.one, flows.chain, flows.fan_out):
        warm()
    times, timed = order.count, driver.timed
    return {
        "one": meter.tried(pool, lambda: timed(flows.one, times("one", 30))),
        "chain_step": meter.tried(pool, lambda: timed(flows.chain, times("chain_step", 3), per=CHAIN_STEPS)),
        "fan_out": meter.tried(pool, lambda: timed(flows.fan_out, times("fan_out", 3))),
        "sessions": meter.tried(pool, lambda: driver.rate(flows.sessions, order.sessions, times("sessions", 1))),
    }


def clean(address: str) -> None:
    import redis

    client = redis.Redis.from_url(address)
    for key in client.scan_iter(f"{os.environ['BENCH_PREFIX']}*", count=1000):
        client.delete(key)
    client.close()


def main() -> None:
    order = driver.read_order()
    os.environ["BENCH_REDIS"] = order.redis
    driver.describe("one worker (solo, threads or prefork), Redis for messages and results", "celery", "redis")
    flows, tried = Flows(order), []
    for number, (pool, arguments) in enumerate(POOLS.items()):
        with driver.server([sys.executable, *WORKER, *QUIET, *arguments], log=order.folder / "worker.log") as pid:
            flows.one()
            if not number:
                driver.ready()
                Meter(pid).idle(order.idle_seconds)
            tried.append(measure(order, flows, Meter(pid, os.getpid()), pool))
    for name, unit in UNITS.items():
        driver.emit_best(name, unit, [each[name] for each in tried])
    clean(order.redis)


if __name__ == "__main__":
    main()
