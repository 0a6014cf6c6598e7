"""Workspaces: made, changed, and the one that is there on first start."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from core.errors import Forbidden
from workspaces import conf
from workspaces.access import Access
from workspaces.models import Membership, Workspace
from workspaces.policies import checked_capability_limits, checked_limit, checked_name, checked_retention
from workspaces.selectors import workspace_for
from workspaces.services.audit import record_audit
from workspaces.services.projects import add_project
from workspaces.services.slugs import free_slug
from workspaces.states import Role

LIMITS = ("max_concurrent_executions", "max_sessions_per_minute", "max_queued_sessions")
CHANGEABLE = ("name", *LIMITS, "capability_limits", "budget_limits", "retention_days", "export_before_pruning")


def create_workspace(*, name: str, owner: User, ip: str | None = None, **fields: Any) -> Workspace:
    """A workspace with its default project and its first OWNER.

    `fields`: those of `CHANGEABLE`. Raises: Invalid.
    """
    values = {"max_concurrent_executions": conf.max_concurrent_executions(), **fields}
    name = checked_name(name)
    _check(values)
    with transaction.atomic():
        slug = free_slug(name, Workspace.objects.all())
        workspace = Workspace.objects.create(name=name, slug=slug, **values)
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
        record_audit(
            workspace=workspace,
            actor=owner.get_username(),
            action="workspace.created",
            object_type="workspace",
            object_id=workspace.id,
            after={"name": name, "owner": owner.get_username()},
            ip=ip,
        )
        add_project(workspace=workspace, actor=owner.get_username(), name="Default", is_default=True, ip=ip)
    return workspace


def found_workspace(*, access: Access, name: str, **fields: Any) -> Workspace:
    """A new workspace of the caller, who becomes its OWNER. Raises: Forbidden for an API key, which is nobody."""
    if access.user_id is None:
        raise Forbidden("An API key belongs to one workspace and cannot make another. Log in as a user.")
    return create_workspace(name=name, owner=User.objects.get(pk=access.user_id), ip=access.ip, **fields)


def update_workspace(*, access: Access, workspace_id: UUID, **changes: Any) -> Workspace:
    """Raises: NotFound, Forbidden below ADMIN, Invalid."""
    with transaction.atomic():
        workspace = workspace_for(access=access, workspace_id=workspace_id, role=Role.ADMIN)
        wanted = {name: value for name, value in changes.items() if name in CHANGEABLE}
        if "name" in wanted:
            wanted["name"] = checked_name(wanted["name"])
        _check(wanted)
        before = {name: getattr(workspace, name) for name in wanted}
        if before == wanted:
            return workspace
        for name, value in wanted.items():
            setattr(workspace, name, value)
        workspace.save(update_fields=[*wanted, "updated_at"])
        record_audit(
            workspace=workspace,
            actor=access.actor,
            action="workspace.updated",
            object_type="workspace",
            object_id=workspace.id,
            before=before,
            after=wanted,
            ip=access.ip,
        )
    return workspace


def _check(values: dict[str, Any]) -> None:
    """Raises: Invalid. An empty field of a form means no limits."""
    checked_retention(values.get("retention_days"))
    if "capability_limits" in values:
        values["capability_limits"] = checked_capability_limits(values["capability_limits"] or {})
    for name in LIMITS:
        checked_limit(name, values.get(name))


def ensure_default_workspace(user: User) -> Workspace | None:
    """The user's first workspace. On a new installation it is made, with its project and the user as OWNER.

    Later on a superuser without any workspace becomes OWNER of the oldest one (they run the installation and could
    enter by the admin anyway); anybody else waits to be invited: None.
    """
    with transaction.atomic():
        own = Membership.objects.filter(user=user).select_related("workspace").order_by("created_at", "id").first()
        if own is not None:
            return own.workspace
        oldest = Workspace.objects.select_for_update().order_by("created_at", "id").first()
        if oldest is None:
            return create_workspace(name="Default", owner=user)
        if not user.is_superuser:
            return None
        _join_as_operator(oldest, user)
        return oldest


def _join_as_operator(workspace: Workspace, user: User) -> None:
    row = Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    record_audit(
        workspace=workspace,
        actor=user.get_username(),
        action="member.added",
        object_type="membership",
        object_id=row.id,
        after={"user": user.get_username(), "role": str(Role.OWNER)},
    )
