"""Parents and children of sessions."""

from uuid import UUID

from sessions import limits
from sessions.models import AgentSession


def root_of(session: AgentSession) -> UUID:
    """The session somebody asked for, of which this one is a descendant (or it itself)."""
    key, parent = session.id, session.parent_session_id
    while parent is not None:
        key, parent = parent, AgentSession.objects.values_list("parent_session_id", flat=True).get(id=parent)
    return UUID(str(key))


def descendant_count(session_id: UUID) -> int:
    """Counted generation by generation, as far as there are any."""
    total, path = 0, "parent_session_id"
    for _ in range(limits.MAX_DEPTH):
        found = AgentSession.objects.filter(**{path: session_id}).count()
        if not found:
            break
        total, path = total + found, f"parent_session__{path}"
    return total
