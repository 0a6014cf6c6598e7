"""Measures what one session costs each process of a site on PostgreSQL and Redis."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis

from bench.engine.installation import Installation, run_sql, with_database
from bench.engine.processes import cpu_seconds, ended_seconds, family, parent_of, pss_mb
from bench.engine.sockets import Follower, read_to_the_end
from bench.scale.model import UnitCosts

CLIENTS = 8
SOCKETS = 500
LIVE = 500
SETTLE_SECONDS = 3.0
CONNECT_SECONDS = 8.0
EVENTS = 200
ASLEEP_SECONDS = 20.0
COUNTERS = """
    SELECT (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'),
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')
"""


@dataclass(slots=True)
class Meters:
    """Processor seconds so far, by part of the site, and what PostgreSQL and Redis have counted."""

    installation: Installation
    address: str
    redis: "Redis"

    def read(self) -> dict[str, float]:
        children = self.installation.site.children()
        [(child, transactions, wal)] = run_sql(self.address, COUNTERS)
        redis = self.redis.info()
        return {
            "worker": sum(cpu_seconds(family(children["worker"])).values()),
            "web": sum(cpu_seconds(family(children["web"])).values()),
            "database": postgres_seconds(int(child)),
            "redis": redis["used_cpu_user"] + redis["used_cpu_sys"],
            "redis_commands": redis["total_commands_processed"],
            "transactions": float(transactions or 0),
            "log_bytes": float(wal),
        }

    def spent(self, act: Callable[[], Any]) -> dict[str, float]:
        """What an act costs."""
        before = self.read()
        act()
        time.sleep(SETTLE_SECONDS)
        after = self.read()
        return {name: after[name] - before[name] for name in after}


def postgres_seconds(child: int) -> float:
    """Of the whole server this process belongs to, its ended processes included. It must run on this machine."""
    parent = parent_of(child)
    return ended_seconds(parent) + sum(cpu_seconds(family(parent)).values()) if parent else 0.0


def measure_costs(*, postgres: str, redis: str, sessions: int) -> UnitCosts:
    """Takes about a minute."""
    installation = Installation("postgres", postgres=postgres, redis=redis)
    try:
        with installation.running({"ENGINE_MAX_EXECUTIONS": "2000", "ENGINE_MAX_SESSIONS": "2000"}):
            address = with_database(postgres, installation.name)
            return _measure(installation, Meters(installation, address, Redis.from_url(redis)), sessions)
    finally:
        installation.close()


def _measure(installation: Installation, meters: Meters, sessions: int) -> UnitCosts:
    run_sessions(installation, 30)
    children = installation.site.children()
    worker_bytes, web_bytes = (pss_mb(family(children[name])) * 1e6 for name in ("worker", "web"))
    stored = installation.stored_bytes()
    spent = meters.spent(lambda: run_sessions(installation, sessions))
    each = {name: amount / sessions for name, amount in spent.items()}
    events = run_sql(meters.address, "SELECT max(last_seq) FROM agent_session")[0][0]
    stored_each = (installation.stored_bytes() - stored) / sessions
    with live_sessions(installation):
        live = (pss_mb(family(children["worker"])) * 1e6 - worker_bytes) / LIVE
    socket_bytes, delivery = socket_costs(installation, meters)
    return UnitCosts(
        tasks=7,
        events=float(events),
        worker_seconds=each["worker"],
        web_seconds=each["web"],
        database_seconds=each["database"],
        redis_seconds=each["redis"],
        redis_commands=each["redis_commands"],
        transactions=each["transactions"],
        stored_bytes=stored_each,
        log_bytes=each["log_bytes"],
        delivery_seconds=delivery,
        socket_bytes=socket_bytes,
        live_bytes=max(live, 0.0),
        worker_bytes=worker_bytes,
        web_bytes=web_bytes,
    )


def run_sessions(installation: Installation, count: int) -> None:
    """So many sessions over REST from a few clients at once, each waited for to its end."""
    tasks: list[dict[str, Any]] = [{"name": "first", "agent": "seeded"}]
    tasks += [{"name": f"t{number}", "agent": "seeded", "depends_on": ["first"]} for number in range(5)]
    tasks += [{"name": "join", "agent": "seeded", "depends_on": [f"t{number}" for number in range(5)]}]
    request = {"task_description": "one of many", "tasks": tasks}
    with ThreadPoolExecutor(CLIENTS) as clients:
        ended = list(clients.map(lambda _: installation.call(request, wait=60)["status"], range(count)))
    if set(ended) != {"COMPLETED"}:
        raise RuntimeError(f"not all sessions completed: {set(ended)}")


@contextmanager
def live_sessions(installation: Installation) -> Iterator[None]:
    """Many sessions whose agents run (asleep in memory) until the end of the block."""
    request = {
        "task_description": "asleep",
        "tasks": [{"name": "only", "agent": "seeded", "input_data": {"sleep": ASLEEP_SECONDS}}],
    }
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: installation.call(request, wait=0), range(LIVE)))
    time.sleep(SETTLE_SECONDS)
    yield
    time.sleep(ASLEEP_SECONDS)


def socket_costs(installation: Installation, meters: Meters) -> tuple[float, float]:
    """Bytes a socket holds, and processor seconds of the web process for one event to one socket."""
    web = family(installation.site.children()["web"])
    sleeper = {"name": "sleeper", "agent": "seeded", "input_data": {"sleep": CONNECT_SECONDS}}
    speaker = {"name": "speaker", "agent": "seeded", "input_data": {"events": EVENTS}, "depends_on": ["sleeper"]}
    before = pss_mb(web) * 1e6
    session = installation.call({"task_description": "watched", "tasks": [sleeper, speaker]}, wait=0)
    path = f"/ws/sessions/{session['session_id']}"
    followers = [Follower(installation.site.address, path, installation.key) for _ in range(SOCKETS)]
    held = pss_mb(web) * 1e6 - before
    seconds = meters.spent(lambda: read_to_the_end(followers, 60))["web"]
    received = sum(len(follower.received) for follower in followers)
    for follower in followers:
        follower.sock.close()
    return held / SOCKETS, seconds / received
