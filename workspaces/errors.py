"""Errors of tenancy that a caller can tell apart by their code."""

from core.errors import Conflict


class IdempotencyConflict(Conflict):
    """An `Idempotency-Key` was used again for another request."""

    code = "idempotency_conflict"


class RequestInProgress(Conflict):
    """The first request with this `Idempotency-Key` has not been answered yet."""

    code = "idempotency_in_progress"
