"""A fresh installation to be measured, on SQLite or on PostgreSQL with Redis; `start` and `stop` as often as wanted."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from bench.engine.processes import family
from tests.running import ROOT, Site

DATABASES = ("sqlite", "postgres")
POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/13"


class Installation:
    """Owns a folder, and on PostgreSQL a database; `close` removes both."""

    def __init__(
        self,
        database: str,
        *,
        postgres: str = POSTGRES,
        redis: str = REDIS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self._temporary = tempfile.TemporaryDirectory(prefix="bench-engine-")
        self._postgres = postgres
        self._name = f"bench_engine_{os.getpid()}_{time.monotonic_ns()}"
        variables = dict(environment or {})
        if database == "postgres":
            run_sql(postgres, f'CREATE DATABASE "{self._name}"')
            variables |= {"DATABASE_URL": with_database(postgres, self._name), "REDIS_URL": redis}
        self.site = Site(Path(self._temporary.name), variables)
        self.key = str(self.site.seed(sessions=0)["key"])

    def close(self) -> None:
        self.site.stop()
        if self.database == "postgres":
            run_sql(self._postgres, f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        self._temporary.cleanup()

    @contextmanager
    def running(self) -> Any:
        self.site.start()
        try:
            yield self
        finally:
            self.site.stop()

    @property
    def pids(self) -> set[int]:
        return family(self.site.pid)

    def measure(self, names: Sequence[str], count: int | None = None, seconds: float = 300) -> list[dict[str, Any]]:
        """What the client process prints for these workloads."""
        order = json.dumps({"run": list(names), "supervisor": self.site.pid, "count": count})
        return self.run_module("bench.engine.client", order, seconds=seconds)

    def run_module(self, module: str, *arguments: str, seconds: float = 300) -> list[dict[str, Any]]:
        """The JSON lines a module prints in this environment. Raises: RuntimeError with its last words."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.site.variables(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{module}: {done.stderr[-2000:]}\n{self.site.printed[-1000:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def call(self, request: Mapping[str, Any], wait: int = 0) -> dict[str, Any]:
        """`POST /api/v1/agents/execute`; with `wait` the answer holds the ended session."""
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"} | (
            {"Prefer": f"wait={wait}"} if wait else {}
        )
        call = urllib.request.Request(
            f"{self.site.address}/api/v1/agents/execute", json.dumps(request).encode(), headers
        )
        with urllib.request.urlopen(call, timeout=90) as response:
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
