"""As whom the staff act in the admin: the same services, the same audit log, as for everybody else."""

from uuid import UUID

from django.http import HttpRequest

from workspaces.access import Access, access_of_operator

REASON = "by an operator in the admin"
"""Of what is asked for there without a reason of its own."""


def operator(request: HttpRequest, workspace_id: UUID) -> Access:
    """A member of staff whom Django's permissions let in acts as an owner of the workspace."""
    return access_of_operator(
        request.user.get_username(), request.user.pk, workspace_id, ip=request.META.get("REMOTE_ADDR") or None
    )
