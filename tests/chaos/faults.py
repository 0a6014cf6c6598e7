"""What goes wrong in a round and when: drawn from a seed, so that a round can be played again."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Fault:
    """`seconds` is how long it lasts; what is killed is chosen by `pick` among those that run."""

    at: float
    kind: str
    seconds: float = 0.0
    pick: int = 0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:g} s" if self.seconds else ""
        return f"{self.at:.2f} s {self.kind}{lasting}"


@dataclass(frozen=True)
class Plan:
    """How long a round makes trouble, how many sessions live through it, and what happens: (kind, how long)."""

    seconds: float
    sessions: int
    processes: Sequence[tuple[str, float]]
    services: Sequence[tuple[str, float]] = ()
    webs: int = 2
    workers: int = 3
    followers: int = 8
    longest_sleep: float = 1.0
    thrice_seconds: float = 0.0
    """A task whose worker dies three times under it may be given up, rightly: no three die within so long."""


SHORT = Plan(
    seconds=12,
    sessions=200,
    processes=[("kill_worker", 0), ("kill_web", 0)] * 2,
    services=[("redis_kill", 1), ("deaf", 2), ("postgres_immediate", 0)],
)
LONG = Plan(
    seconds=110,
    sessions=200,
    processes=[("kill_worker", 0)] * 7 + [("kill_web", 0)] * 5 + [("stop_worker", 20)],
    services=[
        ("redis_kill", 1),
        ("redis_shutdown", 2),
        ("redis_gone", 20),
        ("deaf", 8),
        ("hole", 8),
        ("postgres_immediate", 0),
        ("postgres_fast", 0),
        ("postgres_gone", 10),
    ],
    followers=16,
    longest_sleep=4.0,
    thrice_seconds=26,
)
EMBEDDED = Plan(seconds=6, sessions=100, processes=[("kill_worker", 0), ("kill_web", 0)] * 2, followers=4)
EMBEDDED_LONG = Plan(
    seconds=90,
    sessions=100,
    processes=[("kill_worker", 0)] * 4 + [("kill_web", 0)] * 7,
    services=[("freeze_worker", 12), ("lock_database", 4), ("lock_database", 12)],
    followers=8,
    longest_sleep=4.0,
    thrice_seconds=40,
)


def schedule(plan: Plan, rng: Random) -> list[Fault]:
    """Processes die at any instant; services one after the other, in any order."""
    faults = _at_any_time(plan, rng)
    while _kills_thrice(faults, within=plan.thrice_seconds):
        faults = _at_any_time(plan, rng)
    return sorted([*faults, *_in_turn(plan, rng)], key=lambda fault: fault.at)


def _at_any_time(plan: Plan, rng: Random) -> list[Fault]:
    return [
        Fault(rng.uniform(1.0, plan.seconds), kind, seconds, rng.randrange(1000)) for kind, seconds in plan.processes
    ]


def _kills_thrice(faults: list[Fault], *, within: float) -> bool:
    times = sorted(fault.at for fault in faults if fault.kind.endswith("worker"))
    return any(third - first < within for first, third in zip(times, times[2:], strict=False))


def _in_turn(plan: Plan, rng: Random) -> list[Fault]:
    acts = rng.sample(list(plan.services), len(plan.services))
    spare = max(0.0, plan.seconds - sum(seconds for _, seconds in acts))
    cuts = sorted(rng.uniform(0.5, spare) for _ in acts)
    found, busy = [], 0.0
    for cut, (kind, seconds) in zip(cuts, acts, strict=True):
        found.append(Fault(cut + busy, kind, seconds))
        busy += seconds
    return found


def orders(plan: Plan, rng: Random, seed: int) -> list[tuple[float, str, dict[str, object]]]:
    """(when, key, request): sessions of 1 -> 5 -> 1 tasks spread over the time of trouble."""
    found = [
        (rng.uniform(0.0, plan.seconds), f"round-{seed}-{number}", _request(plan, rng))
        for number in range(plan.sessions)
    ]
    return sorted(found, key=lambda order: order[0])


def _request(plan: Plan, rng: Random) -> dict[str, object]:
    middle = [f"part-{number}" for number in range(5)]
    edges = [("first", []), *((name, ["first"]) for name in middle), ("last", middle)]
    tasks = [_task(rng, name, after, plan.longest_sleep) for name, after in edges]
    return {"task_description": "Live through it", "tasks": tasks, "max_concurrent_tasks": 5}


def _task(rng: Random, name: str, after: list[str], longest_sleep: float) -> dict[str, object]:
    script = {"say": f"{name} {rng.random():.6f}", "sleep": round(rng.uniform(0.02, longest_sleep), 3)}
    if rng.random() < 0.1:
        script["fail_times"] = rng.randint(1, 2)
    if rng.random() < 0.3:
        script["steps"] = rng.randint(1, 3)
    if rng.random() < 0.1:
        script["nap"] = round(rng.uniform(0.1, 3.0), 3)
    agent = "right hand" if name.endswith(("1", "3")) else "seeded"
    return {"name": name, "agent": agent, "input_data": script, "depends_on": after}
