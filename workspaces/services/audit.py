"""The audit log: written in the transaction of the change it tells of, so that neither is there without the other."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from workspaces.models import AuditEntry, Workspace


def record_audit(
    *,
    workspace: Workspace | UUID,
    actor: str,
    action: str,
    object_type: str,
    object_id: object,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    ip: str | None = None,
) -> AuditEntry:
    """`action` is a dotted word such as `member.added`. Never put a secret into `before` or `after`."""
    return AuditEntry.objects.create(
        workspace_id=workspace.id if isinstance(workspace, Workspace) else workspace,
        actor=actor,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        ip=ip,
    )
