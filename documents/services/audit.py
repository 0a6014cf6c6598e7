"""Who changed which document, in the workspace's audit log."""

from collections.abc import Mapping
from typing import Any

from documents.models import Collection, Document
from workspaces.services import record_audit


def audit(
    row: Document | Collection,
    action: str,
    *,
    actor: str,
    ip: str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Runs in the caller's transaction. `action` is the verb: `created`, `changed`, `deleted`, ..."""
    kind = row._meta.model_name or ""
    record_audit(
        workspace=row.project.workspace_id,
        actor=actor,
        action=f"{kind}.{action}",
        object_type=kind,
        object_id=row.pk,
        before=before,
        after=after,
        ip=ip,
    )
