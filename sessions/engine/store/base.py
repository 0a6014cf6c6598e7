"""The contract between the engine and its database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sessions.engine.batch import Batch, Outcome
from sessions.engine.inputs import CommandRead
from sessions.engine.sharing import ScopeView, Shares, SlotAsk
from sessions.engine.state import Session
from sessions.routing_policy import AgentInfo


class StoreUnavailable(Exception):
    """The database does not answer now; nothing is known of what was just asked."""


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """One engine host: a new id at each start, so that a restarted process is another worker."""

    id: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A session taken over, as it is in the database, with the commands that wait for it.

    `was_let_go`: nobody owned it; else its owner has died, or was not heard of for too long.
    """

    session: Session
    commands: tuple[CommandRead, ...]
    was_let_go: bool = False


class Store(Protocol):
    """Every call is one short transaction. Raises: StoreUnavailable when the database cannot be reached.

    Calls come from several threads; one thread at a time writes groups.
    """

    is_exclusive: bool
    """Whether one writer keeps out all others of the database."""

    def register(self, worker: WorkerIdentity, lease_seconds: float) -> None:
        """Make the worker known, and expire at once the workers of this host whose processes are dead."""
        ...

    def expire_dead(self, worker: WorkerIdentity) -> int:
        """Expire at once the workers of this machine whose processes are gone; how many there were."""
        ...

    def renew(self, worker_id: str, lease_seconds: float) -> bool:
        """Extend the worker's lease by the database's clock. False: it had run out, and sessions may be lost."""
        ...

    def retire(self, worker_id: str) -> None:
        """Give the lease up; what the worker still owns can be claimed at once."""
        ...

    def claim(self, worker_id: str, limit: int, by_age: bool = False) -> list[Claim]:
        """Take over up to `limit` runnable sessions: by priority, then the workspace with fewest at work, then age.

        Those taken in the same call count as at work, so that the workspaces take turns. `by_age` leaves the priority
        out. A worker whose lease has run out gets none: it would take its own sessions a second time.
        """
        ...

    def commands(self, session_ids: Sequence[str]) -> Mapping[str, tuple[CommandRead, ...]]:
        """The unapplied commands of each of the sessions that has some, oldest first."""
        ...

    def inbox(self, worker_id: str) -> Mapping[str, tuple[CommandRead, ...]]:
        """The unapplied commands of the sessions this worker owns, by session, oldest first."""
        ...

    def reject_stale_commands(self) -> int:
        """Give an outcome to commands that reached a session after its end; how many there were."""
        ...

    def release_orphans(self, worker_id: str, running: Sequence[str]) -> int:
        """Let go of the live sessions this worker owns but does not run; how many there were."""
        ...

    def note_failure(self, worker_id: str, session_id: str, reason: str) -> None:
        """Count a failure of the engine itself at a session this worker owns, and let go of it."""
        ...

    def roster(self, project_id: str) -> Mapping[str, AgentInfo]:
        """The project's agents by id."""
        ...

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Apply each batch as a whole or not at all, all in one transaction; the outcome of each, in order."""
        ...

    def take_slots(self, worker_id: str, ask: SlotAsk) -> Shares:
        """Share out places of the scopes asked about, under their locks; what the worker holds afterwards is stored.

        A worker whose lease has run out gets none.
        """
        ...

    def look_at_slots(self, worker_id: str, scopes: Sequence[str]) -> Mapping[str, ScopeView]:
        """The scopes as this worker sees them now; takes no lock and changes nothing."""
        ...

    def positions(self, session_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """(lease_token, last_seq) of sessions: to find out whether a COMMIT of unknown outcome took place."""
        ...

    def changes(self) -> Any:
        """A cheap mark that differs after anybody else's commit, or None where the database offers none."""
        ...
