"""What the embedded site costs while nobody uses it: `python -m bench footprint`.

Serves a fresh installation (SQLite) and prints, for all its processes together: memory as PSS (shared pages counted
once), CPU of one core over a minute, and the time from the start of `manage.py serve` to the first answer of `/health`.
"""

import argparse
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.engine.processes import cpu_seconds, pss_mb
from tests.running import Site, free_port

LIMITS = {"memory": 230.0, "cpu": 1.0}
SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Idle:
    """MB of PSS and percent of one core, by process."""

    memory_mb: dict[str, float]
    cpu_percent: dict[str, float]


def processes_of(site: Site) -> dict[str, int]:
    """Pids of the supervisor and all that it started, by name."""
    return {"supervisor": site.pid, **site.children()}


def idle(site: Site, seconds: float = 60.0, settle_seconds: float = SETTLE_SECONDS) -> Idle:
    """Of a site that was just started and that nobody calls."""
    time.sleep(settle_seconds)
    pids = processes_of(site)
    before, started = cpu_seconds(pids.values()), time.monotonic()
    time.sleep(seconds)
    after, lasted = cpu_seconds(pids.values()), time.monotonic() - started
    cpu = {name: (after[pid] - before[pid]) / lasted * 100 for name, pid in pids.items()}
    return Idle({name: pss_mb([pid]) for name, pid in pids.items()}, cpu)


def cold_start(site: Site) -> float:
    """Seconds from the start of the program to its first answer. The site is left running."""
    port = free_port()
    started = time.perf_counter()
    site.begin(port=port)
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60):
                return time.perf_counter() - started
        except urllib.error.URLError:  # not bound yet; from then on a request waits for its answer
            time.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the CPU is watched")
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-footprint-") as folder:
        site = Site(Path(folder))
        site.seed(sessions=0)
        starts = []
        for _ in range(options.starts):
            site.stop()
            starts.append(cold_start(site))
        try:
            measured = idle(site, options.seconds)
        finally:
            site.stop()
    report(measured, starts)


def report(measured: Idle, starts: list[float]) -> None:
    for name in measured.memory_mb:
        print(f"  {name:<12} {measured.memory_mb[name]:7.1f} MB   {measured.cpu_percent[name]:6.2f} % of a core")
    memory, cpu = sum(measured.memory_mb.values()), sum(measured.cpu_percent.values())
    print(f"  {'in all':<12} {memory:7.1f} MB   {cpu:6.2f} % of a core")
    print(f"memory limit {LIMITS['memory']:g} MB: {'ok' if memory <= LIMITS['memory'] else 'MISSED'}")
    print(f"CPU limit {LIMITS['cpu']:g} %: {'ok' if cpu < LIMITS['cpu'] else 'MISSED'}")
    print(f"cold start: median {statistics.median(starts):.2f} s   worst {max(starts):.2f} s   n={len(starts)}")


if __name__ == "__main__":
    main()
