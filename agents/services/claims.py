"""Which worker carries out a command: a claim is for a limited time, and renewed while the worker lives."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Now

from agents.models import AgentCommand, AgentCommandQuerySet

CLAIM_SECONDS = 8.0
"""How long a silent worker keeps a command; by the database's clock."""


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


def claim_commands(worker_id: UUID, *, limit: int) -> list[Claim]:
    """The oldest commands nobody carries out, from now on this worker's. Without any: one read, no lock."""
    if limit < 1 or not _anything_is_open() or not AgentCommand.objects.unclaimed().exists():
        return []
    with transaction.atomic():
        free = AgentCommand.objects.unclaimed().select_for_update(skip_locked=True).order_by("id")[:limit]
        rows = list(free)
        AgentCommand.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_by=worker_id, claim_expires_at=_claim_end(), attempt=F("attempt") + 1
        )
    return [Claim(row.pk, row.agent_id, worker_id, row.attempt + 1) for row in rows]


def _anything_is_open() -> bool:
    """By one read of a partial index that is empty nearly always; each worker asks each second, so without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM agent_command WHERE applied_at IS NULL LIMIT 1")
        return cursor.fetchone() is not None


def renew_claims(claims: Collection[Claim]) -> int:
    """Keep what this worker carries out for another while; how many were still its own."""
    return sum(_own(claim).update(claim_expires_at=_claim_end()) for claim in claims)


def release_claim(claim: Claim) -> bool:
    """Hand a command over unfinished: another worker may take it at once, and this claim does not count."""
    return bool(_own(claim).update(claimed_by=None, claim_expires_at=None, attempt=F("attempt") - 1))


def _own(claim: Claim) -> AgentCommandQuerySet:
    return AgentCommand.objects.claimed_by(claim.worker_id).filter(pk=claim.command_id, attempt=claim.attempt)


def _claim_end() -> "ExpressionWrapper[Any]":
    return ExpressionWrapper(Now() + timedelta(seconds=CLAIM_SECONDS), output_field=DateTimeField())
