"""The program itself, running: `manage.py serve` in a folder of its own, watched from outside."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from core.clock import SYSTEM_CLOCK
from sessions.events import record_event
from sessions.streaming.verify import ChainRow, Verdict, verify_chain

ROOT = Path(__file__).resolve().parent.parent


def wait_for(what: Callable[[], Any], seconds: float, reason: str) -> Any:
    """The first true answer of `what`, asked 20 times a second."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{reason}: not within {seconds} s")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes() -> Mapping[int, tuple[int, str]]:
    """pid -> (parent, command line) of all that runs on this machine; zombies left out."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 3) for line in listing.stdout.splitlines())
    return {int(row[0]): (int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")}


@dataclass
class Site:
    """One installation on SQLite. `start` serves it; `stop` ends it and hands back what it printed."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def printed(self) -> str:
        path = self.folder / "printed"
        return path.read_text() if path.exists() else ""

    def variables(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "PYTHONWARNINGS") and not name.startswith("COV_")
        }
        own = {"DATA_DIR": str(self.folder), "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT)}
        return {**kept, **own, **self.environment}

    def seed_from(self, other: "Site") -> "Site":
        """The same rows as an installation that is not running (and no second migration)."""
        shutil.copy(other.folder / "orchestrator.sqlite3", self.folder)
        return self

    def seed(self, **order: Any) -> dict[str, Any]:
        """Rows made by `tests.seed` in this installation (migrated first, when it is new)."""
        command = [sys.executable, "-m", "tests.seed", json.dumps(order)]
        done = subprocess.run(command, cwd=ROOT, env=self.variables(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def begin(self, *, port: int = 0) -> "Site":
        """Starts the program (0: on a free port) and returns at once."""
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port)]
        with (self.folder / "printed").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.variables(), stdout=output, stderr=subprocess.STDOUT
            )
        return self

    def start(self) -> "Site":
        """Serves on a free port; returns when the web process answers."""
        self.begin()
        line = wait_for(self._ready_line, 40, "the site answers")
        self.address = line.split("ready: ")[1].split("/  ")[0]
        return self

    def _ready_line(self) -> str | None:
        assert self.process is not None
        assert self.process.poll() is None, self.printed
        return next((line for line in self.printed.splitlines() if "ready: " in line), None)

    def signal(self, number: signal.Signals) -> int:
        """The exit code after a signal to the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)

    def children(self) -> dict[str, int]:
        """Pids of the web process and the worker, by name."""
        assert self.process is not None
        mine = {pid: line for pid, (parent, line) in processes().items() if parent == self.pid}
        programs = ("web", "worker")
        return {name: pid for pid, line in mine.items() for name in programs if f" orchestrator_site.{name}" in line}

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "orchestrator.sqlite3", timeout=20)) as connection:
            return connection.execute(sql, values).fetchall()

    def memory_kib(self, name: str) -> int:
        """Resident memory of a child."""
        command = ["ps", "-o", "rss=", "-p", str(self.children()[name])]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def append_events(self, session_id: str, *, count: int, size: int) -> None:
        """More events of about `size` bytes at the end of a log, as if the journal had written them."""
        key = UUID(session_id).hex
        with closing(sqlite3.connect(self.folder / "orchestrator.sqlite3", timeout=20)) as connection:
            last_seq, previous = connection.execute(
                "SELECT last_seq, last_hash FROM agent_session WHERE id = ?", [key]
            ).fetchone()
            for seq in range(last_seq + 1, last_seq + count + 1):
                at = SYSTEM_CLOCK.now()
                event = record_event(
                    previous_hash=previous, seq=seq, event_type="log", at=at, data={"text": "x" * size}
                )
                previous = event.hash
                connection.execute(
                    "INSERT INTO session_event (session_id, seq, type, payload, hash, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    [key, seq, event.type, event.payload, event.hash, at.isoformat(sep=" ")[:26]],
                )
            connection.execute(
                "UPDATE agent_session SET last_seq = ?, last_hash = ? WHERE id = ?", [last_seq + count, previous, key]
            )
            connection.commit()

    def status(self, session_id: str) -> str:
        return str(self.query("SELECT status FROM agent_session WHERE id = ?", UUID(session_id).hex)[0][0])

    def chain(self, session_id: str) -> Verdict:
        rows = self.query(
            "SELECT seq, payload, hash FROM session_event WHERE session_id = ? ORDER BY seq", UUID(session_id).hex
        )
        return verify_chain(ChainRow(*row) for row in rows)
