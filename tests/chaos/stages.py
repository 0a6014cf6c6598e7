"""The two installations that are hurt: PostgreSQL with Redis and a fleet of processes, and the embedded one."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from tests.chaos.faults import Fault, Plan
from tests.chaos.fleet import Fleet, Member, go_on, pause
from tests.chaos.proxy import Mode, RedisProxy
from tests.chaos.rounds import Round
from tests.chaos.services import Postgres, Redis, own_folder, own_servers
from tests.running import Site, wait_for

LEFT_OVER = "SELECT count(*) FROM engine_worker WHERE expires_at > {now}"


class Production:
    """Real web processes and workers over servers of their own."""

    def __init__(self, fleet: Fleet, postgres: Postgres, redis: Redis, proxy: RedisProxy, key: str) -> None:
        self.fleet, self.postgres, self.redis, self.proxy, self.key = fleet, postgres, redis, proxy, key
        self.addresses: Sequence[str] = fleet.addresses
        self._one_service = threading.Lock()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.postgres.query(sql)

    def strike(self, fault: Fault, round_: Round) -> str:
        acts: dict[str, Callable[[Fault, Round], str]] = {
            "kill_worker": self._kill_worker,
            "kill_web": self._kill_web,
            "stop_worker": self._stop_worker,
            "redis_kill": self._redis_away,
            "redis_shutdown": self._redis_away,
            "redis_gone": self._redis_away,
            "deaf": self._redis_mode,
            "hole": self._redis_mode,
            "postgres_immediate": self._postgres_away,
            "postgres_fast": self._postgres_away,
            "postgres_gone": self._postgres_away,
        }
        alone = nullcontext() if fault.kind.endswith(("worker", "web")) else self._one_service
        with alone:
            return acts[fault.kind](fault, round_)

    def _kill_worker(self, fault: Fault, round_: Round) -> str:
        """Any of them, or (every other time) the one with most sessions, once there is one."""
        workers = self.fleet.kind("worker")
        if not workers:
            return "none was running"
        member = workers[fault.pick % len(workers)]
        if fault.pick % 2:
            with suppress(AssertionError):
                member = wait_for(lambda: self._busiest(round_), 10, "a worker runs sessions")
        assert member.process is not None
        sessions = round_.owned(member.process.pid)
        round_.died(sessions)
        self.fleet.kill(member)
        return f"{member.name} with {len(sessions)} sessions"

    def _busiest(self, round_: Round) -> Member | None:
        owned = [
            (len(round_.owned(member.process.pid)), member) for member in self.fleet.kind("worker") if member.process
        ]
        count, member = max(owned, key=lambda pair: pair[0], default=(0, None))
        return member if count else None

    def _kill_web(self, fault: Fault, _round: Round) -> str:
        webs = self.fleet.kind("web")
        if not webs:
            return "none was running"
        member = webs[fault.pick % len(webs)]
        self.fleet.kill(member)
        return member.name

    def _stop_worker(self, fault: Fault, round_: Round) -> str:
        workers = self.fleet.kind("worker")
        if not workers:
            return "none was running"
        member = workers[fault.pick % len(workers)]
        process = member.process
        assert process is not None
        sessions = round_.owned(process.pid)
        round_.died(sessions, seconds=fault.seconds)
        pause(process)
        time.sleep(fault.seconds)
        go_on(process)
        return f"{member.name} with {len(sessions)} sessions stood still for {fault.seconds:g} s"

    def _redis_away(self, fault: Fault, _round: Round) -> str:
        if fault.kind == "redis_shutdown":
            self.redis.shut_down()
        else:
            self.redis.stop(signal.SIGKILL)
        time.sleep(fault.seconds)
        self.redis.start()
        return f"away for {fault.seconds:g} s, forgot everything"

    def _redis_mode(self, fault: Fault, _round: Round) -> str:
        before = self.proxy.lost
        self.proxy.set_mode(Mode(fault.kind))
        time.sleep(fault.seconds)
        self.proxy.set_mode(Mode.PASS)
        return f"{fault.seconds:g} s, {self.proxy.lost - before} rings and hints lost"

    def _postgres_away(self, fault: Fault, _round: Round) -> str:
        began = time.monotonic()
        self.postgres.stop(signal.SIGINT if fault.kind == "postgres_fast" else signal.SIGQUIT)
        time.sleep(fault.seconds)
        self.postgres.start()
        return f"away for {time.monotonic() - began:.1f} s"

    def finish(self) -> list[str]:
        codes = self.fleet.stop()
        found = [f"{name} ended with {code}" for name, code in codes.items() if code not in (0, -signal.SIGTERM)]
        live = self.query(LEFT_OVER.format(now="clock_timestamp()"))[0][0]
        return found + ([f"{live} leases are left of workers that ended"] if live else [])


@contextmanager
def production(plan: Plan) -> Iterator[Production]:
    with own_folder() as folder, own_servers(folder) as (postgres, redis):
        proxy = RedisProxy(redis.port).start()
        data = folder / "data"
        data.mkdir()
        environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "LOG_LEVEL": os.environ.get("CHAOS_LOG_LEVEL", "WARNING"),
        }
        site = Site(data, environment)
        key = site.seed(sessions=0, helpers=["right hand"])["key"]
        fleet = Fleet(site, webs=plan.webs, workers=plan.workers)
        try:
            yield Production(fleet.start(), postgres, redis, proxy, key)
        finally:
            fleet.abandon()
            proxy.stop()


class Embedded:
    """`manage.py serve` on SQLite: its supervisor starts what dies."""

    def __init__(self, site: Site, key: str) -> None:
        self.site, self.key = site, key
        self.addresses: Sequence[str] = [site.address]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.site.query(sql)

    def strike(self, fault: Fault, round_: Round) -> str:
        if fault.kind == "lock_database":
            return self._lock_database(fault.seconds)
        deed, _, name = fault.kind.partition("_")
        pid = self.site.children().get(name)
        if pid is None:
            return f"no {name} was running"
        if deed == "freeze":
            return _freeze(pid, fault.seconds)
        sessions = round_.owned(pid) if name == "worker" else []
        if name == "worker":
            round_.died(sessions)
        os.kill(pid, signal.SIGKILL)
        return f"{name} {pid} with {len(sessions)} sessions" if sessions else f"{name} {pid}"

    def _lock_database(self, seconds: float) -> str:
        """Somebody else writes, and does not come to an end."""
        with closing(sqlite3.connect(self.site.folder / "orchestrator.sqlite3", timeout=30)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
        return f"locked for {seconds:g} s"

    def finish(self) -> list[str]:
        code = self.site.signal(signal.SIGTERM)
        live = self.query(LEFT_OVER.format(now="datetime('now', '+1 second')"))[0][0]
        found = [f"the supervisor ended with {code}"] if code else []
        return found + ([f"{live} leases are left of workers that ended"] if live else [])


def _freeze(pid: int, seconds: float) -> str:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
    return f"{pid} stood still for {seconds:g} s"


@contextmanager
def embedded(folder: Path) -> Iterator[Embedded]:
    site = Site(folder)
    key = site.seed(sessions=0, helpers=["right hand"])["key"]
    site.start()
    try:
        yield Embedded(site, key)
    finally:
        site.stop()
