"""API keys: made, revoked, and marked as used."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import Q

from core.clock import SYSTEM_CLOCK
from core.errors import Forbidden, Invalid, NotFound
from workspaces import conf
from workspaces.access import Access
from workspaces.keys import hash_secret, new_secret, prefix_of
from workspaces.models import ApiKey, Membership
from workspaces.policies import checked_name
from workspaces.selectors import api_keys, project_for
from workspaces.services.audit import record_audit
from workspaces.states import Role

log = structlog.get_logger(__name__)


def create_key(
    *,
    access: Access,
    name: str,
    role: Role = Role.MEMBER,
    workspace_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The row, and the key itself: the only time anybody sees it.

    Raises: NotFound, Forbidden below ADMIN or for a role above the caller's, Invalid for a bad name or an
    expiry in the past.
    """
    chosen = workspace_id or project_for(access=access, role=Role.ADMIN).workspace_id
    access.require(chosen, Role.ADMIN)
    name = checked_name(name)
    if not access.may(chosen, role):
        raise Forbidden(f"The role {role} is above yours; a key cannot have it.")
    if expires_at is not None and expires_at <= SYSTEM_CLOCK.now():
        raise Invalid("The expiry is in the past.", details={"expires_at": ["Give an instant in the future."]})
    secret = new_secret()
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace_id=chosen,
            created_by_id=access.user_id,
            name=name,
            prefix=prefix_of(secret),
            hashed_key=hash_secret(secret),
            role=role,
            expires_at=expires_at,
        )
        _audit(access, key, "key.created")
    return key, secret


def revoke_key(*, access: Access, key_id: UUID) -> ApiKey:
    """Revoking twice is the same as once. Raises: NotFound, Forbidden below ADMIN."""
    with transaction.atomic():
        key = api_keys(access=access).filter(pk=key_id).first()
        if key is None:
            raise NotFound("There is no such key.")
        if key.revoked_at is None:
            key.revoked_at = SYSTEM_CLOCK.now()
            key.save(update_fields=["revoked_at", "updated_at"])
            _audit(access, key, "key.revoked")
    return key


def revoke_keys_of(*, access: Access, member: Membership, above: Role | None) -> list[str]:
    """Prefixes of the keys revoked: those the member made in the workspace, or only those with a role above `above`.

    Runs in the caller's transaction.
    """
    keys = ApiKey.objects.filter(
        workspace_id=member.workspace_id, created_by_id=member.user_id, revoked_at__isnull=True
    )
    doomed = [key for key in keys if above is None or not above.covers(Role(key.role))]
    for key in doomed:
        key.revoked_at = SYSTEM_CLOCK.now()
        key.save(update_fields=["revoked_at", "updated_at"])
        _audit(access, key, "key.revoked")
    return [key.prefix for key in doomed]


def touch_key(*, key: ApiKey) -> None:
    """Notes that the key was used, at most once a minute, so that a busy key is not a hot row.

    A database too busy to take the note is no reason to refuse the request.
    """
    now = SYSTEM_CLOCK.now()
    stale = now - conf.KEY_USE_RESOLUTION
    if key.last_used_at is None or key.last_used_at <= stale:
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale)
        try:
            ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=now)
        except OperationalError:
            log.warning("key_use_not_noted", prefix=key.prefix)


def _audit(access: Access, key: ApiKey, action: str) -> None:
    described = {
        "name": key.name,
        "prefix": key.prefix,
        "role": str(key.role),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }
    record_audit(
        workspace=key.workspace_id,
        actor=access.actor,
        action=action,
        object_type="api_key",
        object_id=key.id,
        before=described if action == "key.revoked" else None,
        after=described if action == "key.created" else None,
        ip=access.ip,
    )
