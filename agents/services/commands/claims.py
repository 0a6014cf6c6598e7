"""Which worker carries out a command: a claim is for a limited time, and renewed while the worker lives."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce, Now

from agents.models import AgentCommand, AgentCommandQuerySet
from agents.registry import get_registry

CLAIM_SECONDS = 8.0
"""How long a silent worker keeps a command; by the database's clock."""


FOREIGN_SECONDS = 10.0
"""How long a worker leaves a command of a class it does not know to those that may know it. Then it fails it, so that
somebody is told."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's right to carry out one command. `attempt` tells it from an earlier claim of the same worker."""

    command_id: int
    agent_id: UUID
    worker_id: UUID
    attempt: int

    def holds(self, command: AgentCommand | None) -> bool:
        """Whether the command, locked, is open and still this claim's."""
        if command is None or command.applied_at is not None:
            return False
        return (command.claimed_by, command.attempt) == (self.worker_id, self.attempt)


def claim_commands(worker_id: UUID, *, limit: int, besides: Collection[int] = ()) -> list[Claim]:
    """The oldest commands nobody carries out, from now on this worker's. Without any: one read, no lock.

    `besides` are those the worker has at work: after a time without the database their claims have ended, too, and
    they are to be renewed and not begun again.
    """
    if limit < 1 or not _anything_is_open():
        return []
    free = _for_us(AgentCommand.objects.unclaimed().exclude(pk__in=besides))
    if not free.exists():
        return []
    with transaction.atomic():
        rows = list(free.select_for_update(of=("self",), skip_locked=True).order_by("id")[:limit])
        AgentCommand.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_by=worker_id, claim_expires_at=_from_now(CLAIM_SECONDS), attempt=F("attempt") + 1
        )
    return [Claim(row.pk, row.agent_id, worker_id, row.attempt + 1) for row in rows]


def _for_us(commands: AgentCommandQuerySet) -> AgentCommandQuerySet:
    """Those of classes this process knows, and those that have been left lying."""
    is_known = Q(agent__definition__slug__in=list(get_registry().entries))
    lies_since = Coalesce("claim_expires_at", "created_at")
    return commands.annotate(lies_since=lies_since).filter(is_known | Q(lies_since__lt=_from_now(-FOREIGN_SECONDS)))


def _anything_is_open() -> bool:
    """By one read of a partial index that is empty nearly always; each worker asks each second, so without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM agent_command WHERE applied_at IS NULL LIMIT 1")
        return cursor.fetchone() is not None


def renew_claims(claims: Collection[Claim]) -> int:
    """Keep what this worker carries out for another while; how many were still its own."""
    return sum(_own(claim).update(claim_expires_at=_from_now(CLAIM_SECONDS)) for claim in claims)


def release_claim(claim: Claim) -> bool:
    """Hand a command over unfinished: another worker may take it at once, and this claim does not count."""
    return bool(_own(claim).update(claimed_by=None, claim_expires_at=_from_now(-1), attempt=F("attempt") - 1))


def _own(claim: Claim) -> AgentCommandQuerySet:
    return AgentCommand.objects.claimed_by(claim.worker_id).filter(pk=claim.command_id, attempt=claim.attempt)


def _from_now(seconds: float) -> "ExpressionWrapper[Any]":
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
