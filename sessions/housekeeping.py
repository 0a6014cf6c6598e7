"""What nobody asks for but somebody must do: expiries and rows that are no longer needed. Safe to run twice at once."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentMessage, AgentSession, EngineWorker
from sessions.services import prune_sessions
from sessions.states import DeliveryStatus
from workspaces.services import forget_answers

WORKER_MEMORY = timedelta(hours=1)  # how long the row of a worker that is gone stays readable
PRUNE_SECONDS = 20.0  # of each minute; what is left is for the next one
LARGEST_BATCH = 200  # rows a transaction, so that the journal never waits long for SQLite's one writer


def keep_house(*, now: datetime | None = None) -> dict[str, int]:
    """All chores once; how many rows each of them touched."""
    now = now or SYSTEM_CLOCK.now()
    return {
        "messages_expired": expire_messages(now=now),
        "workers_forgotten": forget_workers(now=now),
        "logins_forgotten": forget_logins(now=now),
        "answers_forgotten": forget_answers(now=now),
        "sessions_pruned": prune_sessions(now=now, seconds=PRUNE_SECONDS).sessions.total(),
    }


def expire_messages(*, now: datetime) -> int:
    """Messages nobody read in time become EXPIRED."""
    waiting = [DeliveryStatus.PENDING, DeliveryStatus.DELIVERED]
    with transaction.atomic():
        late = AgentMessage.objects.filter(delivery_status__in=waiting, expires_at__lte=now).order_by("expires_at")
        messages = list(late[:LARGEST_BATCH])
        for message in messages:
            message.expire()
            message.save(update_fields=["delivery_status", "updated_at"])
    return len(messages)


def forget_workers(*, now: datetime) -> int:
    """Rows of workers long gone that own no session any more."""
    owners = AgentSession.objects.filter(lease_owner__isnull=False).values("lease_owner")
    return EngineWorker.objects.filter(expires_at__lt=now - WORKER_MEMORY).exclude(pk__in=owners).delete()[0]


def forget_logins(*, now: datetime) -> int:
    """Expired logins of the pages."""
    return Session.objects.filter(expire_date__lt=now).delete()[0]
