"""What the programs have in common that drive a peer: `python -m bench.peers.drivers.NAME '{…}'`, in its environment.

Standard library only. A driver prints one JSON object a line: first `{"ready": true}` when the peer has given its first
result, then `{"name", "unit", "values", "cpu_seconds"}` for each workload. A workload that a peer's users could run in
several ways is measured in all of them, and the best counts (`way` names it).
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.engine.processes import cpu_seconds, family, pss_mb, spent

CHAIN_STEPS = 20
FAN_OUT = 100
DIAMOND = 5
SESSIONS = 200


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a driver: repetitions by workload, and how many `sessions` make one throughput figure.

    `only_start`: no more than the first result, so that what is made once is made.
    """

    folder: Path
    postgres: str = ""
    redis: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    idle_seconds: float = 10
    sessions: int = SESSIONS
    only_start: bool = False

    def count(self, name: str, usual: int) -> int:
        return self.counts.get(name, usual)


def read_order() -> Order:
    """What the caller asks; from now on a request to stop is an exit in good order, with the servers ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    fields = json.loads(sys.argv[1])
    return Order(**{**fields, "folder": Path(fields["folder"])})


def emit(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def describe(configuration: str, *packages: str) -> None:
    """Says how the peer was set up, and the versions of what it is made of."""
    emit(configuration=configuration, versions={package: version(package) for package in packages})


def ready() -> None:
    """The first result is there: the caller's clock stops."""
    emit(ready=True)


def emit_best(name: str, unit: str, tried: Sequence[Mapping[str, Any]], **more: Any) -> None:
    """Reports the way with the best median; that the workload failed when it did in every way."""
    done = [each for each in tried if each["values"]]
    if not done:
        emit(failed=name, why="; ".join(f"{each['way']}: {each['why']}" for each in tried))
        return
    choose = max if unit == "/s" else min
    emit(name=name, unit=unit, **more, **choose(done, key=lambda each: statistics.median(each["values"])))


class Meter:
    """Reports workloads with the processor time of these processes and their children."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids or (os.getpid(),)

    def family(self) -> set[int]:
        return {each for pid in self._pids for each in family(pid)}

    def report(self, name: str, unit: str, **ways: Callable[[], list[float]]) -> None:
        """Does the work in each of its ways, and reports the best of them."""
        emit_best(name, unit, [self.tried(way, work) for way, work in ways.items()])

    def report_sessions(self, sessions: int, count: int, **ways: Callable[[], Any]) -> None:
        """The throughput of ways to do `sessions` sessions, each tried `count` times."""
        tried = [self.tried(way, lambda work=work: rate(work, sessions, count)) for way, work in ways.items()]
        emit_best("sessions", "/s", tried, sessions=sessions)

    def tried(self, way: str, work: Callable[[], list[float]]) -> dict[str, Any]:
        """One way of doing it; with no values when it fails."""
        before = cpu_seconds(self.family())
        try:
            values = work()
        except Exception as error:  # noqa: BLE001  (another way, another workload may do)
            print(f"{way}: {type(error).__name__}: {error}", file=sys.stderr)
            return {"way": way, "values": [], "why": f"{type(error).__name__}: {error}"}
        return {"way": way, "values": values, "cpu_seconds": spent(before, cpu_seconds(self.family()))}

    def idle(self, seconds: float) -> None:
        """Memory and processor share of the processes while nothing is asked of them; not at all for 0 seconds."""
        if not seconds:
            return
        time.sleep(2)
        before, started = cpu_seconds(self.family()), time.perf_counter()
        time.sleep(seconds)
        share = 100 * spent(before, cpu_seconds(self.family())) / (time.perf_counter() - started)
        emit(name="idle_memory", unit="MB", values=[pss_mb(self.family())])
        emit(name="idle_cpu", unit="%", values=[share])


def timed(work: Callable[[], Any], count: int, *, per: int = 1) -> list[float]:
    """Milliseconds of each of `count` calls, divided by `per`."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000 / per)
    return times


def rate(work: Callable[[], Any], sessions: int, count: int) -> list[float]:
    """Sessions a second, when one call of `work` does `sessions` of them."""
    return [1000 * sessions / took for took in timed(work, count)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """A program of the peer while the block runs; hands out its pid.

    It is in this program's process group, all of which the caller ends when this one is done.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_answers(url: str, seconds: float = 90) -> None:
    """Waits for a server. Raises: TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} does not answer")
