"""Reads of the event log for the streams."""

from dataclasses import dataclass
from uuid import UUID

from sessions.models import AgentSession, SessionEvent
from sessions.states import FINISHED_SESSION
from sessions.streaming import conf


@dataclass(frozen=True, slots=True)
class Head:
    """Where a session's log stands."""

    last_seq: int
    is_finished: bool
    workspace_id: UUID


def head(session_id: str) -> Head | None:
    """None when there is no such session."""
    row = (
        AgentSession.objects.kept()
        .filter(pk=session_id)
        .values_list("last_seq", "status", "workspace_id")
        .order_by()
        .first()
    )
    return Head(row[0], row[1] in FINISHED_SESSION, row[2]) if row else None


def frames_after(session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
    """(seq, frame text) of the events that follow seq `after`, in order: `limit` or about PAGE_BYTES of them."""
    # Bounded at both ends: PostgreSQL may think that a long log is short, and read and sort all the rest of it.
    page = SessionEvent.objects.filter(session_id=UUID(session_id), seq__gt=after, seq__lte=after + limit)
    rows = page.order_by("seq")
    found: list[tuple[int, str]] = []
    size = 0
    for seq, payload in rows.values_list("seq", "payload")[:limit].iterator(chunk_size=50):
        found.append((seq, payload))
        size += len(payload)
        if size >= conf.PAGE_BYTES:
            break
    return found
