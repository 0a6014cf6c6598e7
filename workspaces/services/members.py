"""Members: nobody grants or touches a role above their own, and a workspace never loses its last OWNER."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.errors import Conflict, Forbidden, Invalid, NotFound
from workspaces.access import Access
from workspaces.models import Membership, Workspace
from workspaces.services.audit import record_audit
from workspaces.services.keys import revoke_keys_of
from workspaces.states import Role


def add_member(*, access: Access, workspace_id: UUID, username: str, role: Role) -> Membership:
    """Raises: NotFound, Forbidden below ADMIN or for a role above the caller's, Invalid for an unknown user name,
    Conflict when they are a member already."""
    access.require(workspace_id, Role.ADMIN)
    _require_cover(access, workspace_id, role)
    known = "\x00" not in username  # which PostgreSQL would refuse to look for
    user = User.objects.filter(username=username, is_active=True).first() if known else None
    if user is None:
        sentence = f"There is no user named {username!r}. An operator makes users in the admin."
        raise Invalid(sentence, details={"username": [sentence]})
    try:
        with transaction.atomic():
            row = Membership.objects.create(workspace_id=workspace_id, user=user, role=role)
            _audit(access, row, "member.added", after={"user": username, "role": str(role)})
    except IntegrityError as error:
        raise Conflict(f"{username} is a member already. Change their role instead.") from error
    return row


def change_role(*, access: Access, workspace_id: UUID, member_id: UUID, role: Role) -> Membership:
    """Also revokes the keys they made whose role is above the new one.

    Raises: NotFound, Forbidden below ADMIN or for a role above the caller's, Conflict for the last OWNER.
    """
    access.require(workspace_id, Role.ADMIN)
    with transaction.atomic():
        row = _locked(workspace_id, member_id)
        previous = Role(row.role)
        _require_cover(access, workspace_id, previous)
        _require_cover(access, workspace_id, role)
        if role == previous:
            return row
        _require_another_owner(row)
        row.role = role
        row.save(update_fields=["role", "updated_at"])
        revoked = revoke_keys_of(access=access, member=row, above=role)
        after = {"user": row.user.get_username(), "role": str(role), "revoked_keys": revoked}
        _audit(access, row, "member.role_changed", before={"role": str(previous)}, after=after)
    return row


def remove_member(*, access: Access, workspace_id: UUID, member_id: UUID) -> None:
    """Removes a member and revokes the keys they made; anybody may remove themselves.

    Raises: NotFound, Forbidden below ADMIN or for a role above the caller's, Conflict for the last OWNER.
    """
    access.require(workspace_id)
    with transaction.atomic():
        row = _locked(workspace_id, member_id)
        if access.user_id is None or row.user_id != access.user_id:
            access.require(workspace_id, Role.ADMIN)
            _require_cover(access, workspace_id, Role(row.role))
        _require_another_owner(row)
        revoked = revoke_keys_of(access=access, member=row, above=None)
        before = {"user": row.user.get_username(), "role": row.role}
        _audit(access, row, "member.removed", before=before, after={"revoked_keys": revoked})
        row.delete()


def _locked(workspace_id: UUID, member_id: UUID) -> Membership:
    """The row, with its workspace locked: two owners demoting each other must not both see another owner."""
    Workspace.objects.select_for_update().filter(pk=workspace_id).first()
    row = Membership.objects.filter(pk=member_id, workspace_id=workspace_id).select_related("user").first()
    if row is None:
        raise NotFound("There is no such member in this workspace.")
    return row


def _require_cover(access: Access, workspace_id: UUID, role: Role) -> None:
    if not access.may(workspace_id, role):
        raise Forbidden(f"The role {role} is above yours. Ask an owner of the workspace.")


def _require_another_owner(row: Membership) -> None:
    others = Membership.objects.filter(workspace_id=row.workspace_id, role=Role.OWNER).exclude(pk=row.pk)
    if row.role == Role.OWNER and not others.exists():
        raise Conflict("This is the workspace's last owner. Make another member an owner first.")


def _audit(
    access: Access,
    row: Membership,
    action: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    record_audit(
        workspace=row.workspace_id,
        actor=access.actor,
        action=action,
        object_type="membership",
        object_id=row.id,
        before=before,
        after=after,
        ip=access.ip,
    )
