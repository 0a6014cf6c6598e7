"""A run as Markdown tables. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import shown
from bench.peers.goals import LANGGRAPH, OURS, NotMeasured, Values, goals, middle, of_all, spread


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the comparison. `own_name` is the measure of ours that is held against the others' `name`."""

    name: str
    title: str
    own_name: str = ""
    more_is_better: bool = False


COMPARED = (
    Measure("sessions", "200 sessions of 1→5→1 tasks, sessions a second", more_is_better=True),
    Measure("sessions", "the same, ours with submission", own_name="sessions_submitted", more_is_better=True),
    Measure("one", "one task, submit to result, ms"),
    Measure("chain_step", "a step in a chain of 20, ms", own_name="chain_step_engine"),
    Measure("chain_step", "the same, ours with submission"),
    Measure("fan_out", "100 tasks at once and a join, ms", own_name="fan_out_engine"),
    Measure("fan_out", "the same, ours with submission"),
    Measure("event_to_client", "event to client, ms"),
    Measure("cold_start", "cold start to the first result, s"),
    Measure("idle_memory", "memory when idle, MB"),
    Measure("idle_cpu", "processor when idle, % of a core"),
    Measure("sleeping_memory", "memory of one of 1,000 sessions that sleep, KiB"),
)
ALONE = {
    "rest_one": "`POST /agents/execute` with `Prefer: wait`, one task, ms",
    "event_to_client": "event to WebSocket client, ms",
    "event_1000_sockets": "event to 1,000 WebSocket clients of one session, ms",
    "sleeping_memory": "a sleeping session, memory of all processes, KiB",
    "sleeping_stored": "a sleeping session, in the database, KiB",
    "memory_after": "memory of all processes after the workloads, MB",
    "history_0": "sessions a second, no history",
    "history_1000": "sessions a second, 1,000 finished sessions",
    "history_10000": "sessions a second, 10,000 finished sessions",
}
FLOORS = {
    "sqlite_commit": "SQLite commit (WAL, `synchronous=FULL`), ms",
    "postgres_commit": "PostgreSQL commit (`fsync=on`), ms",
    "redis_ping": "Redis round trip, ms",
    "websocket_echo": "WebSocket echo between two processes, ms",
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goal_table(values: Values) -> str:
    verdicts = [goal.judge(values) for goal in goals()]
    rows = [[verdict.what, verdict.target, verdict.measured, verdict.word] for verdict in verdicts]
    return table(["goal", "target", "measured", ""], rows)


def comparison(values: Values, systems: Sequence[str]) -> str:
    """Medians of all systems, the spread of the rounds' medians in brackets."""
    rows = [[measure.title, *(_figure(values, system, measure) for system in systems)] for measure in COMPARED]
    return table(["", *systems], rows)


def ratios(values: Values, database: str, others: Sequence[str]) -> str:
    """How many times better ours is than each other system; below 1 it is worse."""
    ours = OURS[database]
    rows = [
        [measure.title, *(_ratio(values, ours, other, measure) for other in others)]
        for measure in COMPARED
        if measure.name not in ("idle_memory", "idle_cpu", "cold_start", "sleeping_memory")
    ]
    return table([f"{ours} is so many times better than", *others], rows)


def alone(values: Values) -> str:
    rows = []
    for name, title in ALONE.items():
        for system in OURS.values():
            if values.get(system, {}).get(name):
                low, high = spread(values, system, name)
                told = [shown(middle(values, system, name)), f"{shown(low)} to {shown(high)}"]
                rows.append([title, system, *told, shown(of_all(values, system, name, 99))])
    return table(["", "", "median", "rounds", "p99 of all"], rows)


def processor(used: Mapping[str, Sequence[float | None]]) -> str:
    """Processor milliseconds of one session, from seconds: the system's processes, its client, its database."""
    rows = [
        [system, *("" if seconds is None else shown(1000 * seconds) for seconds in each)]
        for system, each in used.items()
    ]
    return table(["", "its processes", "client", "PostgreSQL backends"], rows)


def floors(values: Mapping[str, Sequence[float]]) -> str:
    system = {"machine": {name: [series] for name, series in values.items()}}
    rows = [
        [title, shown(middle(system, "machine", name)), shown(of_all(system, "machine", name, 99))]
        for name, title in FLOORS.items()
        if values.get(name)
    ]
    return table(["", "median", "p99"], rows)


def made_of(systems: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [name, about.get("configuration", ""), _versions(about), _ways(about), about.get("note", "")]
        for name, about in systems.items()
    ]
    return table(["", "how", "versions", "best way of each workload", "note"], rows)


def _versions(about: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())


def _ways(about: Mapping[str, Any]) -> str:
    """In how many rounds which way was the best; a workload with a single way is left out."""
    told = []
    for name, ways in about.get("ways", {}).items():
        told.append(f"{name}: {', '.join(f'{way} ({count})' for way, count in ways.items())}")
    return "; ".join(told)


def _figure(values: Values, system: str, measure: Measure) -> str:
    name = measure.own_name if measure.own_name and system in OURS.values() else measure.name
    try:
        low, high = spread(values, system, name)
        median = middle(values, system, name)
    except NotMeasured:
        return ""
    return shown(median) if low == high else f"{shown(median)} ({shown(low)} to {shown(high)})"


def _ratio(values: Values, ours: str, other: str, measure: Measure) -> str:
    try:
        own = middle(values, ours, measure.own_name or measure.name)
        theirs = middle(values, other, measure.name)
    except NotMeasured:
        return ""
    better = own / theirs if measure.more_is_better else theirs / own
    return f"{shown(better)} ×"


def others(database: str, systems: Sequence[str]) -> list[str]:
    """The systems that ours on this database is held against: all but ours and a library on the other database."""
    wrong = {library for which, library in LANGGRAPH.items() if which != database}
    return [system for system in systems if system not in OURS.values() and system not in wrong]
