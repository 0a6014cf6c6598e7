"""What differs between the databases: how a group is written, which locks are taken, which clock counts."""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from sessions.engine.store.statements import Statement


class Dialect(Protocol):
    """One database product. `connection` is Django's of the calling thread."""

    skip_locked: str
    now: str
    statement_now: str  # of the statement's beginning: an index can be searched with it
    per_workspace: str

    def prepare(self, connection: Any) -> None:
        """Bound how long this thread's connection waits, and lets others wait. To be called outside any transaction."""
        ...

    def write(self, connection: Any, statements: Sequence[Statement]) -> None:
        """Carry them out as one transaction. Raises: Stale, or what Django raises; then nothing is written."""
        ...

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        """Hold the locks of these numbers, which are in order, until the end of the transaction."""
        ...

    def value(self, kind: str, value: Any) -> Any:
        """A Python value as this database's driver takes it."""
        ...

    def lease_end(self) -> str:
        """SQL for the instant `%s` seconds from the database's now."""
        ...


def id_of(value: Any) -> str:
    """A key as read from any of the databases, in the engine's form (hyphenated text)."""
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)))
