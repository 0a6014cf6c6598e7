"""What is said of a session whose rows the retention has deleted, or is deleting."""

from typing import Any
from uuid import UUID

from sessions.errors import SessionGone
from sessions.models import PrunedSession
from workspaces.access import Access


def pruned_session(access: Access, session_id: UUID | str) -> PrunedSession | None:
    """What stays of the session, for members of its workspace."""
    try:
        key = UUID(str(session_id))
    except ValueError:
        return None
    return PrunedSession.objects.filter(id=key, workspace_id__in=access.workspace_ids).first()


def raise_if_pruned(access: Access, session_id: UUID | str) -> None:
    """Raises: SessionGone, with what is left as `details`."""
    if row := pruned_session(access, session_id):
        raise gone(row)


def gone(row: PrunedSession) -> SessionGone:
    """The refusal, which says where the export lies."""
    where = (
        f"Its history is in the export {row.export}: GET /api/v1/sessions/{row.id}/export."
        if row.export
        else "Its workspace keeps no exports."
    )
    return SessionGone(f"This session was deleted by the retention of its workspace. {where}", details=snapshot(row))


def snapshot(row: PrunedSession) -> dict[str, Any]:
    """The last state of the session, without its content; `last_hash` is what the export's chain must end in."""
    return {
        "session_id": str(row.id),
        "status": row.status,
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "completed_at": row.completed_at.isoformat(),
        "last_seq": row.last_seq,
        "last_hash": row.last_hash,
        "pruned_at": row.created_at.isoformat(),
        "export": {
            "file": row.export,
            "sha256": row.export_sha256,
            "bytes": row.export_bytes,
            "href": f"/api/v1/sessions/{row.id}/export",
        }
        if row.export
        else None,
    }
