"""The tables of docs/how-to/scale.md, from the unit costs. Pure."""

from collections.abc import Sequence

from bench.scale.model import Demand, Need, UnitCosts, limits, need_of

SHORT, LONG = 60.0, 600.0
DEMANDS = (
    Demand(100, SHORT),
    Demand(1_000, SHORT),
    Demand(10_000, LONG),
    Demand(10_000, SHORT),
    Demand(50_000, LONG),
)
DATABASE_CORES = 16
GB, KIB = 1e9, 1024.0


def tables(cost: UnitCosts) -> str:
    """All tables as markdown."""
    return "\n\n".join([_costs(cost), _limits(cost), _needs(cost)])


def _costs(cost: UnitCosts) -> str:
    rows = [
        ("worker", f"{1e3 * cost.worker_seconds:.1f} ms of a core"),
        ("web process, submission by the API", f"{1e3 * cost.web_seconds:.1f} ms of a core"),
        ("web process, one event to one socket", f"{1e6 * cost.delivery_seconds:.0f} µs of a core"),
        ("PostgreSQL", f"{1e3 * cost.database_seconds:.1f} ms of a core, {cost.transactions:.1f} transactions"),
        ("Redis", f"{1e3 * cost.redis_seconds:.2f} ms of a core, {cost.redis_commands:.0f} commands"),
        ("events", f"{cost.events:.0f}"),
        ("stored, with indexes", f"{cost.stored_bytes / KIB:.0f} KiB, and {cost.log_bytes / KIB:.0f} KiB of WAL"),
        ("memory in the worker while agents run", f"{cost.live_bytes / KIB:.0f} KiB"),
        ("memory of a socket", f"{cost.socket_bytes / KIB:.0f} KiB"),
        ("memory of a worker, of a web process", f"{cost.worker_bytes / 1e6:.0f} MB, {cost.web_bytes / 1e6:.0f} MB"),
    ]
    return _table(("a session of " + f"{cost.tasks} tasks costs", "measured"), rows)


def _limits(cost: UnitCosts) -> str:
    found = limits(cost, database_cores=DATABASE_CORES)
    return _table(("is 60 % busy at", "sessions a second"), [(name, f"{rate:,.0f}") for name, rate in found.items()])


def _needs(cost: UnitCosts) -> str:
    needs = [(demand, need_of(demand, cost)) for demand in DEMANDS]
    head = ("concurrent sessions, length", *(f"{demand.concurrent:,}, {demand.seconds:g} s" for demand in DEMANDS))
    rows = [(name, *(show(need) for _, need in needs)) for name, show in ROWS]
    return _table(head, rows)


ROWS = (
    ("sessions a second", lambda need: f"{need.rate:,.1f}"),
    ("workers (cores busy)", lambda need: f"{need.workers} ({need.worker_cores:.1f})"),
    ("web processes (cores busy)", lambda need: f"{need.webs} ({need.web_cores:.1f})"),
    ("PostgreSQL cores busy", lambda need: f"{need.database_cores:.1f}"),
    ("PostgreSQL transactions a second", lambda need: f"{need.transactions:,.0f}"),
    ("PostgreSQL connections without a pooler", lambda need: f"{need.connections:,}"),
    ("Redis commands a second (cores busy)", lambda need: f"{need.redis_commands:,.0f} ({need.redis_cores:.2f})"),
    ("memory of workers, of web processes", lambda need: _memory(need)),
    ("stored in a day", lambda need: f"{need.stored_bytes / GB:,.1f} GB"),
    ("events in a day", lambda need: f"{need.event_rows / 1e6:,.1f} million"),
)


def _memory(need: Need) -> str:
    return f"{need.worker_memory / GB:.1f} GB, {need.web_memory / GB:.1f} GB"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
