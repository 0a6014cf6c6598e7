"""Logs without an engine: events written as the journal writes them, published or not."""

from typing import Any

from core.clock import SYSTEM_CLOCK
from sessions.events import record_event
from sessions.models import AgentSession, SessionEvent
from sessions.streaming import publisher
from sessions.streaming.frames import Notice


def write_events(
    session: AgentSession, *types: str, data: dict[str, Any] | None = None, publish: bool = True
) -> list[str]:
    """Append events to a session's log; their frame texts."""
    previous = session.last_hash
    texts = []
    for number, event_type in enumerate(types, session.last_seq + 1):
        record = record_event(
            previous_hash=previous, seq=number, event_type=event_type, at=SYSTEM_CLOCK.now(), data=data or {}
        )
        SessionEvent.objects.create(
            session_id=session.id,
            seq=record.seq,
            type=record.type,
            payload=record.payload,
            hash=record.hash,
            created_at=record.at,
        )
        previous = record.hash
        texts.append(record.payload)
    session.last_seq += len(types)
    session.last_hash = previous
    AgentSession.objects.filter(pk=session.pk).update(last_seq=session.last_seq, last_hash=previous)
    if publish:
        publisher.publish([Notice(str(session.id), session.last_seq, tuple(texts))])
    return texts
