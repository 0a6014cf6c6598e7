"""Creating calls that may be sent twice: the answer of the first is kept and given again.

After the IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.clock import SYSTEM_CLOCK
from workspaces import conf
from workspaces.errors import IdempotencyConflict, RequestInProgress
from workspaces.models import IdempotentRequest

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out a request; over with `keep_answer` or `release_request`."""

    id: UUID
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: `body` is JSON text, empty for an answer without one."""

    status_code: int
    headers: Mapping[str, str]
    body: str


def claim_request(*, caller: str, operation: str, key: str, request_hash: str) -> Claim | Answer:
    """A claim for the first request with this key, or the answer kept of it. Of several at once one gets the claim.

    `operation` is method and path: another route may use the same key.
    Raises: IdempotencyConflict when the key came with another `request_hash`; RequestInProgress.
    """
    now = SYSTEM_CLOCK.now()
    which = {"caller": caller, "operation": operation, "key": key}
    values = {"request_hash": request_hash, "claimed_at": now, "expires_at": now + conf.ANSWERS_KEPT}
    row, is_first = IdempotentRequest.objects.get_or_create(**which, defaults=values)
    if row.expires_at <= now:
        IdempotentRequest.objects.filter(id=row.id).delete()
        row, is_first = IdempotentRequest.objects.get_or_create(**which, defaults=values)
    if is_first:
        return Claim(row.id, now)
    if row.request_hash != request_hash:
        raise IdempotencyConflict(
            "This Idempotency-Key was already used for another request. Send a new key, or the same body again."
        )
    if row.status_code is not None:
        return Answer(row.status_code, row.headers, row.body)
    return _take_over(row, now)


def _take_over(row: IdempotentRequest, now: datetime) -> Claim:
    """The claim of a request whose process ended in the middle of it. Raises: RequestInProgress."""
    lost = IdempotentRequest.objects.filter(
        id=row.id, status_code__isnull=True, claimed_at=row.claimed_at, claimed_at__lt=now - conf.LONGEST_REQUEST
    )
    if lost.update(claimed_at=now):
        return Claim(row.id, now)
    raise RequestInProgress(
        "The first request with this Idempotency-Key is still at work. Send this one again in a second for its answer.",
        details={"retry_after_seconds": 1},
    )


def keep_answer(*, claim: Claim, answer: Answer) -> None:
    """From now on the same request gets this answer, for a day."""
    IdempotentRequest.objects.filter(id=claim.id, claimed_at=claim.claimed_at).update(
        status_code=answer.status_code, headers=dict(answer.headers), body=answer.body
    )


def release_request(*, claim: Claim) -> None:
    """Nothing was made: the key can be used again."""
    IdempotentRequest.objects.filter(id=claim.id, claimed_at=claim.claimed_at, status_code__isnull=True).delete()


def forget_answers(*, now: datetime) -> int:
    """Drops what is older than a day, some rows at a time, as answers may be large; how many rows."""
    forgotten = 0
    while ids := list(
        IdempotentRequest.objects.filter(expires_at__lte=now).values_list("id", flat=True)[:ROWS_AT_ONCE]
    ):
        IdempotentRequest.objects.filter(id__in=ids).delete()
        forgotten += len(ids)
    return forgotten
