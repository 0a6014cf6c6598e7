"""Errors classed by what the caller can do next; every door maps these classes, once, to its own language."""

from collections.abc import Mapping
from typing import Any


class OrchestratorError(Exception):
    """Base: a stable `code`, a sentence that says how to mend it, and `details` (by field, where fields are meant)."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = dict(details or {})

    @property
    def by_field(self) -> dict[str, list[str]]:
        """The sentences of the details, by the field they are about."""
        return {name: [str(one) for one in said] for name, said in self.details.items() if isinstance(said, list)}


class Invalid(OrchestratorError):
    """The request breaks a rule; `details` maps field names to lists of sentences."""

    code = "invalid"


class Unauthenticated(OrchestratorError):
    """The caller did not say who they are, or not convincingly."""

    code = "not_authenticated"


class NotFound(OrchestratorError):
    """No such object, or none that the caller may know of."""

    code = "not_found"


class Gone(OrchestratorError):
    """The object was there and was deleted on purpose; `details` says what is left of it."""

    code = "gone"


class Forbidden(OrchestratorError):
    """The caller may see the object but not do this to it."""

    code = "forbidden"


class Conflict(OrchestratorError):
    """The object is in a state that does not allow this; `details` says which moves are allowed now."""

    code = "conflict"


class PreconditionFailed(OrchestratorError):
    """The caller's version of the object is not the present one."""

    code = "precondition_failed"


class PayloadTooLarge(OrchestratorError):
    """More bytes than a limit allows; the sentence names the limit."""

    code = "payload_too_large"


class LimitExceeded(OrchestratorError):
    """Too much at once; try again after `retry_after_seconds`."""

    code = "limit_exceeded"

    def __init__(self, message: str, *, retry_after_seconds: int = 1, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(OrchestratorError):
    """Something we depend on does not answer now, or is full; if `retryable`, try again after `retry_after_seconds`."""

    code = "unavailable"

    def __init__(self, message: str, *, retryable: bool = True, retry_after_seconds: int = 2, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds
