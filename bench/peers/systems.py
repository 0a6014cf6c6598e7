"""The systems that are compared: each can be measured for one round, from its start to its end."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engine import stages
from bench.engine.installation import Installation, run_sql, with_database
from bench.peers.goals import CELERY, DEV_SERVER, LANGGRAPH, OURS
from tests.running import ROOT

Result = dict[str, Any]
DBOS, PREFECT = "DBOS", "Prefect"
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Places:
    """Where databases are made, and where the peers' environments are."""

    postgres: str
    redis: str
    peers_redis: str
    venvs: Path


@dataclass(frozen=True, slots=True)
class Round:
    """What is measured in a round. What hardly changes (idle, sleeping) is measured when `idle_seconds` is not 0."""

    number: int
    counts: Mapping[str, int]
    idle_seconds: float
    sessions: int


class Skipped(Exception):
    """This system cannot be measured here; the text says why."""


@dataclass
class Ours:
    """This product on one database; the histories are installations of their own, and made only when wanted."""

    database: str
    places: Places
    histories: Sequence[int] = stages.HISTORIES
    _installation: Installation | None = None
    _history: stages.History | None = None

    @property
    def name(self) -> str:
        return OURS[self.database]

    def prepare(self) -> None:
        at = {"postgres": self.places.postgres, "redis": self.places.redis}
        self._installation = Installation(self.database, **at)
        if self.histories:
            self._history = stages.History(self.database, self.histories, **at)

    def measure(self, asked: Round) -> Iterator[Result]:
        assert self._installation is not None
        names = [stages.COLD, *stages.CLIENT, *([stages.IDLE] if asked.idle_seconds else [])]
        yield {"configuration": CONFIGURATIONS[self.database], "versions": {}}
        yield from stages.fresh(self._installation, names, counts=asked.counts, idle_seconds=asked.idle_seconds)
        if asked.idle_seconds:
            yield from stages.sleeping(self._installation)
        if self._history:
            yield from self._history.measure({"sessions": asked.counts.get("history", 3)})

    def close(self) -> None:
        for part in (self._history, self._installation):
            if part:
                part.close()


CONFIGURATIONS = {
    "sqlite": "`manage.py serve` as it comes: SQLite (WAL, `synchronous=FULL`)",
    "postgres": "`manage.py serve` with PostgreSQL and Redis, one web process, one worker",
}


@dataclass
class Peer:
    """A peer, driven by a program in its own environment. `needs_preparing`: its first start makes tables for long."""

    name: str
    venv: str
    module: str
    places: Places
    is_on_postgres: bool = False
    needs_preparing: bool = False
    _database: str = field(default="", init=False)

    def prepare(self) -> None:
        """Raises: Skipped."""
        if not (self.places.venvs / self.venv / "installed").exists():
            raise Skipped(f"not installed: run `bench/peers/setup {self.venv}`")
        if self.is_on_postgres:
            self._database = f"bench_peer_{os.getpid()}_{self.venv.replace('-', '_')}_{self.module}"
            self._remake_database()
        if self.needs_preparing:
            for _ in self._drive({"only_start": True}):
                pass

    def measure(self, asked: Round) -> Iterator[Result]:
        if self.is_on_postgres and not self.needs_preparing:
            self._remake_database()
        yield from self._drive(
            {"counts": dict(asked.counts), "idle_seconds": asked.idle_seconds, "sessions": asked.sessions}
        )

    def close(self) -> None:
        if self._database:
            run_sql(self.places.postgres, f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)')

    def _remake_database(self) -> None:
        self.close()
        run_sql(self.places.postgres, f'CREATE DATABASE "{self._database}"')

    def _drive(self, order: Mapping[str, Any]) -> Iterator[Result]:
        with tempfile.TemporaryDirectory(prefix=f"bench-{self.venv}-") as folder:
            whole = {**order, "folder": folder, "redis": self.places.peers_redis}
            if self.is_on_postgres:
                whole["postgres"] = with_database(self.places.postgres, self._database)
            program = [str(self.places.venvs / self.venv / "bin" / "python"), "-m"]
            command = [*program, f"bench.peers.drivers.{self.module}", json.dumps(whole)]
            yield from lines_of(command, Path(folder) / "driver.log", PATIENCE_SECONDS)


def lines_of(command: Sequence[str], log: Path, seconds: float) -> Iterator[Result]:
    """The JSON lines a driver prints, as they come; `{"ready"}` becomes the cold start, from now to that line.

    Raises: RuntimeError with its last words when it fails, or when it is not done in time.
    """
    started = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        for line in _lines(process, started + seconds):
            told = json.loads(line)
            is_ready = "ready" in told
            yield stages.result(stages.COLD, "s", [time.perf_counter() - started]) if is_ready else told
        code = process.wait(20)
    finally:
        _end(process)
    if code:
        raise RuntimeError(f"exit code {code}: {log.read_text(errors='replace')[-1500:]}")


def _lines(process: "subprocess.Popen[bytes]", ends_at: float) -> Iterator[bytes]:
    """Lines that look like JSON objects, until the end of the output. Raises: RuntimeError when that takes too long."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not ready.select(max(0.0, ends_at - time.perf_counter())):
                raise RuntimeError("it did not end in time")
            part = os.read(process.stdout.fileno(), 65536)
            *whole, rest = (rest + part).split(b"\n")
            yield from (line for line in whole if line.startswith(b"{"))
            if not part:
                return


def _end(process: "subprocess.Popen[bytes]") -> None:
    """A driver ends its servers when it is told to stop; what is left of its process group is killed."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)
    if process.stdout is not None:
        process.stdout.close()


def systems(places: Places, histories: Sequence[int]) -> "list[Ours | Peer]":
    return [
        Ours("sqlite", places, histories),
        Peer(LANGGRAPH["sqlite"], "langgraph", "langgraph_library", places),
        Ours("postgres", places, histories),
        Peer(LANGGRAPH["postgres"], "langgraph", "langgraph_library", places, is_on_postgres=True),
        Peer(DEV_SERVER, "langgraph-dev", "langgraph_dev", places),
        Peer(DBOS, "dbos", "dbos_library", places, is_on_postgres=True),
        Peer(CELERY, "celery", "celery_chord", places),
        Peer(PREFECT, "prefect", "prefect_server", places, is_on_postgres=True, needs_preparing=True),
    ]
