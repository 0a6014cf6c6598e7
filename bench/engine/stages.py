"""What is measured of one installation, each as a list of results `{"name", "unit", "values", …}`."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.engine.installation import Installation
from bench.engine.processes import cpu_seconds, pss_mb, spent

Result = dict[str, Any]

COLD = "cold_start"
IDLE = "idle"
CLIENT = (
    "one",
    "rest_one",
    "chain_step",
    "chain_step_engine",
    "fan_out",
    "fan_out_engine",
    "sessions",
    "sessions_submitted",
    "event_to_client",
    "event_1000_sockets",
)
SLEEPING = "sleeping"
HISTORY = "history"
NAMES = (COLD, IDLE, *CLIENT, SLEEPING, HISTORY)
SLEEPERS = 1000
HISTORIES = (0, 1_000, 10_000)


def fresh(
    installation: Installation, names: Sequence[str], *, counts: Mapping[str, int], idle_seconds: float
) -> list[Result]:
    """Of an installation as it was made, started for this: the names among cold start, idle and the client's."""
    installation.reset()
    started = time.perf_counter()
    with installation.running():
        ended = installation.call({"task_description": "one", "tasks": [{"name": "only", "agent": "seeded"}]}, wait=30)
        took = time.perf_counter() - started
        if ended["status"] != "COMPLETED":
            raise RuntimeError(f"the first session is {ended['status']}")
        found = [result(COLD, "s", [took])] if COLD in names else []
        if IDLE in names:
            found += idle(installation, idle_seconds)
        wanted = [name for name in names if name in CLIENT]
        if wanted:
            found += installation.measure(wanted, counts)
            found.append(result("memory_after", "MB", [pss_mb(installation.pids)]))
    return found


def idle(installation: Installation, seconds: float) -> list[Result]:
    """Memory and processor time of all processes of a site nobody uses."""
    time.sleep(2)
    before, started = cpu_seconds(installation.pids), time.perf_counter()
    time.sleep(seconds)
    share = 100 * spent(before, cpu_seconds(installation.pids)) / (time.perf_counter() - started)
    return [
        result("idle_memory", "MB", [pss_mb(installation.pids)]),
        result("idle_cpu", "%", [share]),
    ]


def sleeping(installation: Installation, count: int = SLEEPERS) -> list[Result]:
    """What each of many sessions whose only task sleeps in its agent adds to all processes, and to the database."""
    installation.reset()
    limits = {"ENGINE_MAX_SESSIONS": str(count + 100), "ENGINE_MAX_EXECUTIONS": str(count + 100)}
    with installation.running(limits):
        installation.measure([], {})
        memory, stored = pss_mb(installation.pids), installation.stored_bytes()
        installation.run_module("bench.engine.sleepers", str(count))
        each = (pss_mb(installation.pids) - memory) * 1e6 / 1024 / count
        each_stored = (installation.stored_bytes() - stored) / 1024 / count
    return [result("sleeping_memory", "KiB", [each]), result("sleeping_stored", "KiB", [each_stored])]


class History:
    """Three installations of one kind, with none, some and many finished sessions."""

    def __init__(self, database: str, sizes: Sequence[int] = HISTORIES, **places: str) -> None:
        self.installations: dict[int, Installation] = {}
        try:
            for size in sizes:
                self.installations[size] = installation = Installation(database, **places)
                installation.fill(size)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for installation in self.installations.values():
            installation.close()

    def measure(self, counts: Mapping[str, int]) -> list[Result]:
        """Throughput of each, in turn."""
        found: list[Result] = []
        for size, installation in self.installations.items():
            with installation.running():
                for measured in installation.measure(["sessions"], counts):
                    name = "name" if "name" in measured else "failed"
                    found.append(measured | {name: f"history_{size}"})
        return found


def result(name: str, unit: str, values: list[float]) -> Result:
    return {"name": name, "unit": unit, "values": values}
