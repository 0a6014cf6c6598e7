"""A fresh installation to be measured, on SQLite or on PostgreSQL with Redis; started, stopped and reset at will."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from bench.engine.processes import family
from tests.running import ROOT, Site

DATABASES = ("sqlite", "postgres")
POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/13"
SQLITE_FILE = "orchestrator.sqlite3"
PATIENCE_SECONDS = 300


class Installation:
    """Owns a folder, and on PostgreSQL two databases: the seeded one and its copy that is used. `close` removes all."""

    def __init__(self, database: str, *, postgres: str = POSTGRES, redis: str = REDIS) -> None:
        self.database = database
        self._postgres = postgres
        self.name = f"bench_engine_{os.getpid()}_{time.monotonic_ns()}"
        self._temporary = tempfile.TemporaryDirectory(prefix="bench-engine-")
        self._variables: dict[str, str] = {}
        if database == "postgres":
            run_sql(postgres, f'CREATE DATABASE "{self.name}"')
            self._variables = {"DATABASE_URL": with_database(postgres, self.name), "REDIS_URL": redis}
        self.site = Site(Path(self._temporary.name), self._variables)
        try:
            self.key = str(self.site.seed(sessions=0)["key"])
            self._keep_seeded()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.site.stop()
        if self.database == "postgres":
            for name in (self.name, f"{self.name}_seeded"):
                run_sql(self._postgres, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._temporary.cleanup()

    def reset(self) -> None:
        """As it was when it was made; it must not be running."""
        if self.database == "postgres":
            run_sql(self._postgres, f'DROP DATABASE "{self.name}" WITH (FORCE)')
            run_sql(self._postgres, f'CREATE DATABASE "{self.name}" TEMPLATE "{self.name}_seeded"')
            return
        for path in self.site.folder.glob(f"{SQLITE_FILE}-*"):
            path.unlink()
        shutil.copy(self.site.folder / "seeded", self.site.folder / SQLITE_FILE)

    def _keep_seeded(self) -> None:
        if self.database == "postgres":
            run_sql(self._postgres, f'CREATE DATABASE "{self.name}_seeded" TEMPLATE "{self.name}"')
            return
        self.site.query("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.site.folder / SQLITE_FILE, self.site.folder / "seeded")

    @contextmanager
    def running(self, environment: Mapping[str, str] | None = None) -> Iterator[None]:
        """Served until the end of the block, with these variables besides its own."""
        self.site.environment = {**self._variables, **(environment or {})}
        self.site.start()
        try:
            yield
        finally:
            self._stop()

    def _stop(self) -> None:
        """Politely; what does not end in time is killed, so that it cannot disturb what is measured next."""
        pids = self.pids
        try:
            self.site.stop()
        except subprocess.TimeoutExpired:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @property
    def pids(self) -> set[int]:
        return family(self.site.pid)

    def stored_bytes(self) -> int:
        """What the database holds, its log apart."""
        if self.database == "postgres":
            return int(run_sql(self._postgres, f"SELECT pg_database_size('{self.name}')")[0][0])
        (pages,), (size,) = self.site.query("PRAGMA page_count")[0], self.site.query("PRAGMA page_size")[0]
        return int(pages) * int(size)

    def fill(self, count: int) -> None:
        """Makes `count` finished sessions of 1 -> 5 -> 1 tasks."""
        if not count:
            return
        with self.running():
            tasks = [{"name": "first", "agent": "seeded"}]
            tasks += [{"name": f"t{number}", "agent": "seeded", "depends_on": ["first"]} for number in range(5)]
            tasks += [{"name": "join", "agent": "seeded", "depends_on": [f"t{number}" for number in range(5)]}]
            original = self.call({"task_description": "a measured session", "tasks": tasks}, wait=30)
        self.run_module("bench.engine.history", json.dumps({"session": original["id"], "count": count - 1}))

    def measure(self, names: Sequence[str], counts: Mapping[str, int]) -> list[dict[str, Any]]:
        """What the client process prints for these workloads, repeated as often as `counts` says, or as usual."""
        place = {"address": self.site.address, "key": self.key, "supervisor": self.site.pid}
        return self.run_module("bench.engine.client", json.dumps({"run": list(names), "counts": dict(counts), **place}))

    def run_module(self, module: str, argument: str) -> list[dict[str, Any]]:
        """The JSON lines a module prints in this environment. Raises: RuntimeError with its last words."""
        command = [sys.executable, "-m", module, argument]
        environment = self.site.variables()
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module}: {done.stderr[-2000:]}\n{self.site.printed[-1000:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def call(self, request: Mapping[str, Any], wait: int) -> dict[str, Any]:
        """`POST /api/v1/agents/execute`, answered with the ended session when it ends within `wait` seconds."""
        headers = {"X-API-Key": self.key, "Content-Type": "application/json", "Prefer": f"wait={wait}"}
        address = f"{self.site.address}/api/v1/agents/execute"
        with urllib.request.urlopen(
            urllib.request.Request(address, json.dumps(request).encode(), headers), timeout=90
        ) as response:
            answer: dict[str, Any] = json.load(response)
            return answer


def run_sql(address: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


def with_database(address: str, name: str) -> str:
    return urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
