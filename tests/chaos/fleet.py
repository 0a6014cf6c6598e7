"""Web processes and workers as they run in production, each started on its own and started again when it dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.clients import answer_of
from tests.running import ROOT, Site, free_port, wait_for

ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
CELERY = ["celery", "-A", "orchestrator_site", "--quiet", "worker", "-P", "threads", "-c", "2", "-l", "WARNING", *ALONE]


@dataclass
class Member:
    """One place of the fleet, and the process that fills it now."""

    name: str
    arguments: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0


class Fleet:
    """`start` returns when all serve; then whatever dies is started again at once, until `stop`."""

    def __init__(self, site: Site, *, webs: int, workers: int) -> None:
        self.site = site
        ports = [free_port() for _ in range(webs)]
        self.addresses = [f"http://127.0.0.1:{port}" for port in ports]
        self.members = [Member(f"web-{port}", _daphne(port)) for port in ports]
        self.members += [Member(f"worker-{number}", CELERY) for number in range(workers)]
        self._watching = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="fleet", daemon=True)

    def start(self) -> "Fleet":
        for member in self.members:
            self._start(member)
        for address in self.addresses:
            wait_for(lambda where=address: answer_of(f"{where}/health").status == 200, 60, f"{address} answers")
        self._watcher.start()
        return self

    def kind(self, kind: str) -> list[Member]:
        """The members called `web-…` or `worker-…` that run now."""
        found = [member for member in self.members if member.name.startswith(kind)]
        return [member for member in found if member.process is not None and member.process.poll() is None]

    def any(self, kind: str, rng: Random) -> Member | None:
        found = self.kind(kind)
        return rng.choice(found) if found else None

    def kill(self, member: Member) -> None:
        """SIGKILL; the watcher starts another."""
        if member.process is not None:
            member.process.kill()

    def stop(self) -> dict[str, int]:
        """SIGTERM to all; the exit codes by name."""
        self._watching.set()
        self._watcher.join(10)
        for member in self.members:
            if member.process is not None:
                member.process.send_signal(signal.SIGCONT)
                member.process.terminate()
        return {member.name: _end(member) for member in self.members}

    def abandon(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._watching.set()
        for member in self.members:
            if member.process is not None and member.process.poll() is None:
                member.process.kill()
                member.process.wait()

    def printed(self) -> Mapping[str, str]:
        """What each member has written, over all its processes."""
        return {member.name: self._log(member).read_text(errors="replace") for member in self.members}

    def _log(self, member: Member) -> Path:
        return self.site.folder / f"{member.name}.log"

    def _watch(self) -> None:
        while not self._watching.wait(0.1):
            for member in self.members:
                if member.process is not None and member.process.poll() is not None:
                    self._start(member)

    def _start(self, member: Member) -> None:
        command = [sys.executable, "-m", *member.arguments]
        with self._log(member).open("ab") as output:
            output.write(f"--- start {member.starts} at {time.time():.3f}\n".encode())
            output.flush()
            member.process = subprocess.Popen(
                command, cwd=ROOT, env=self.site.variables(), stdout=output, stderr=subprocess.STDOUT
            )
        member.starts += 1


def _daphne(port: int) -> list[str]:
    return ["daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", "orchestrator_site.asgi:application"]


def _end(member: Member) -> int:
    assert member.process is not None
    try:
        return member.process.wait(25)
    except subprocess.TimeoutExpired:
        member.process.kill()
        return member.process.wait()


def pause(process: "subprocess.Popen[bytes]") -> None:
    """SIGSTOP: the process is there and does nothing."""
    os.kill(process.pid, signal.SIGSTOP)


def go_on(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
