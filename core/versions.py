"""Optimistic concurrency: a change names the version it was made from. No framework, so that services may ask."""

from core.errors import PreconditionFailed

HIGHEST_VERSION = 2**31 - 1
"""What the databases can hold as a number of a version."""


def require_version(present: int, expected: int | None, what: str) -> None:
    """Raises: PreconditionFailed when `what` (as in "the context") has moved on from the version the caller knows."""
    if expected is not None and expected != present:
        raise PreconditionFailed(
            f"{what.capitalize()} is at version {present} now, not {expected}. Read it again and repeat your change.",
            details={"expected": expected, "present": present},
        )
