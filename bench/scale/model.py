"""From what one session costs to what many need. Pure."""

import math
from dataclasses import dataclass

BUSY = 0.6
"""How much of a core is planned for: what is above is left for bursts and for the failure of a neighbour."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What a session of `tasks` tasks costs, in seconds of one core, and what else it takes. Measured."""

    tasks: int
    events: float
    worker_seconds: float
    web_seconds: float
    database_seconds: float
    redis_seconds: float
    redis_commands: float
    transactions: float
    stored_bytes: float
    log_bytes: float
    delivery_seconds: float
    socket_bytes: float
    live_bytes: float
    worker_bytes: float
    web_bytes: float


@dataclass(frozen=True, slots=True)
class Demand:
    """`concurrent` sessions at any time, each `seconds` long, followed by `viewers` people on average."""

    concurrent: int
    seconds: float
    viewers: float = 1.0

    @property
    def rate(self) -> float:
        """Sessions that begin (and end) in a second."""
        return self.concurrent / self.seconds


@dataclass(frozen=True, slots=True)
class Need:
    """What a demand needs; memory in bytes, `stored_bytes` in a day."""

    rate: float
    worker_cores: float
    workers: int
    web_cores: float
    webs: int
    database_cores: float
    redis_cores: float
    redis_commands: float
    transactions: float
    connections: int
    worker_memory: float
    web_memory: float
    stored_bytes: float
    event_rows: float


CONNECTIONS_OF_A_WORKER = 12
"""One writes, four read sessions, four read documents, and those of slots, changes and children."""
CONNECTIONS_OF_A_WEB = 12
"""The threads that answer requests, and the readers of the streams."""
SESSIONS_OF_A_WORKER = 1_000
SOCKETS_OF_A_WEB = 2_000


def need_of(demand: Demand, cost: UnitCosts) -> Need:
    """Never fewer than two of a kind, so that one may fail."""
    worker_cores = demand.rate * cost.worker_seconds
    sockets = demand.concurrent * demand.viewers
    deliveries = demand.rate * cost.events * demand.viewers
    web_cores = demand.rate * cost.web_seconds + deliveries * cost.delivery_seconds
    workers = max(2, math.ceil(worker_cores / BUSY), math.ceil(demand.concurrent / SESSIONS_OF_A_WORKER))
    webs = max(2, math.ceil(web_cores / BUSY), math.ceil(sockets / SOCKETS_OF_A_WEB))
    return Need(
        rate=demand.rate,
        worker_cores=worker_cores,
        workers=workers,
        web_cores=web_cores,
        webs=webs,
        database_cores=demand.rate * cost.database_seconds,
        redis_cores=demand.rate * cost.redis_seconds,
        redis_commands=demand.rate * cost.redis_commands,
        transactions=demand.rate * cost.transactions,
        connections=workers * CONNECTIONS_OF_A_WORKER + webs * CONNECTIONS_OF_A_WEB,
        worker_memory=workers * cost.worker_bytes + demand.concurrent * cost.live_bytes,
        web_memory=webs * cost.web_bytes + sockets * cost.socket_bytes,
        stored_bytes=demand.rate * DAY * cost.stored_bytes,
        event_rows=demand.rate * DAY * cost.events,
    )


def limits(cost: UnitCosts, *, database_cores: float) -> dict[str, float]:
    """Sessions a second at which one of a kind is full, and what a database of so many cores can take."""
    return {
        "one worker": BUSY / cost.worker_seconds,
        "one web process, submissions only": BUSY / cost.web_seconds,
        "one Redis": BUSY / cost.redis_seconds,
        f"one PostgreSQL of {database_cores:g} cores": BUSY * database_cores / cost.database_seconds,
    }
