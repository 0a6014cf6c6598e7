"""How the engine fares, for the health page: its workers, and what waits for them."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import Now

from agents.conf import agents_enabled
from core.clock import SYSTEM_CLOCK
from core.health import Finding, HealthStatus
from sessions import conf
from sessions.models import AgentSession, EngineWorker
from sessions.selectors.flow import queued_count

MOST_SHOWN = 100
NEARLY_FULL = 0.8


def check_workers() -> Finding:
    """Whether an engine is alive, and what each of them has to do."""
    live = list(EngineWorker.objects.filter(expires_at__gt=Now()).order_by("started_at")[:MOST_SHOWN])
    details = {"live": len(live), "workers": _described(live)}
    if not agents_enabled():
        return Finding(HealthStatus.OK, "Agents are switched off, so no worker takes sessions.", details)
    if not live:
        return Finding(HealthStatus.DEGRADED, "No worker is up: sessions wait until one is started.", details)
    return Finding(HealthStatus.OK, f"Workers up: {len(live)}.", details)


def _described(workers: list[EngineWorker]) -> list[dict[str, Any]]:
    owned = AgentSession.objects.filter(lease_owner__in=[worker.pk for worker in workers]).order_by()
    sessions = dict(owned.values_list("lease_owner").annotate(count=Count("id")))
    lease = timedelta(seconds=conf.lease_seconds())
    return [
        {
            "id": str(worker.pk),
            "host": worker.host.partition(" ")[0],
            "pid": worker.pid,
            "started_at": _shown(worker.started_at),
            "last_heartbeat_at": _shown(worker.expires_at - lease),
            "sessions": sessions.get(worker.pk, 0),
        }
        for worker in workers
    ]


def _shown(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def check_queue() -> Finding:
    """How many sessions wait for a worker, and for how long the oldest of them has."""
    limit = conf.queue_limit()
    waiting = queued_count(up_to=limit)
    oldest = AgentSession.objects.queued().order_by("created_at").values_list("created_at", flat=True).first()
    seconds = round((SYSTEM_CLOCK.now() - oldest).total_seconds(), 1) if oldest else None
    details = {"waiting_sessions": waiting, "limit": limit, "oldest_waits_seconds": seconds}
    sentence = f"{waiting:,} sessions wait for a worker; {limit:,} may (QUEUE_LIMIT)."
    if waiting >= limit * NEARLY_FULL:
        return Finding(HealthStatus.DEGRADED, f"{sentence} Start more workers.", details)
    return Finding(HealthStatus.OK, sentence, details)
