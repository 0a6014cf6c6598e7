"""Reads of tenancy: who may see what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from core.clock import SYSTEM_CLOCK
from core.errors import Forbidden, NotFound
from workspaces.access import NOBODY, Access
from workspaces.keys import hash_secret
from workspaces.models import ApiKey, AuditEntry, Membership, Project, Workspace
from workspaces.states import Role


def access_of_user(user: AbstractBaseUser | AnonymousUser, *, ip: str | None = None) -> Access:
    """What a user may do; nothing when anonymous or no longer active. A superuser sees their own workspaces only."""
    if not user.is_authenticated or not user.is_active:
        return NOBODY
    rows = Membership.objects.filter(user_id=user.pk).order_by("created_at", "id").values_list("workspace_id", "role")
    return Access(
        actor=user.get_username(), user_id=user.pk, roles={workspace: Role(role) for workspace, role in rows}, ip=ip
    )


def access_of_key(key: ApiKey, *, ip: str | None = None) -> Access:
    """What an API key may do: its role, in its one workspace."""
    return Access(actor=f"key:{key.prefix}", user_id=None, roles={key.workspace_id: Role(key.role)}, ip=ip)


def live_key(secret: str, *, now: datetime | None = None) -> ApiKey | None:
    """The key row of a secret, or None when it is unknown, revoked or expired."""
    now = now or SYSTEM_CLOCK.now()
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return ApiKey.objects.filter(unexpired, hashed_key=hash_secret(secret), revoked_at__isnull=True).first()


def visible_workspaces(access: Access) -> QuerySet[Workspace]:
    return Workspace.objects.filter(id__in=access.workspace_ids)


def workspace_for(*, access: Access, workspace_id: UUID, role: Role = Role.VIEWER) -> Workspace:
    """Raises: NotFound, Forbidden."""
    access.require(workspace_id, role)
    workspace = Workspace.objects.filter(id=workspace_id).first()
    if workspace is None:
        raise NotFound("There is no such workspace.")
    return workspace


def visible_projects(access: Access) -> QuerySet[Project]:
    return Project.objects.filter(workspace_id__in=access.workspace_ids).select_related("workspace")


def project_for(
    *,
    access: Access,
    project_id: UUID | None = None,
    workspace_id: UUID | None = None,
    role: Role = Role.MEMBER,
) -> Project:
    """The project given; else the default one of the workspace given; else that of the caller's first workspace in
    which their role suffices.

    Raises: NotFound when it is not one of the caller's, Forbidden when their role in it is too weak.
    """
    if project_id is None:
        return _default_project(access, workspace_id, role)
    query = visible_projects(access).filter(id=project_id)
    project = (query.filter(workspace_id=workspace_id) if workspace_id else query).first()
    if project is None:
        raise NotFound("There is no such project.")
    access.require(project.workspace_id, role)
    return project


def _default_project(access: Access, workspace_id: UUID | None, role: Role) -> Project:
    chosen = workspace_id or first_workspace(access, role)
    access.require(chosen, role)
    project = visible_projects(access).filter(workspace_id=chosen, is_default=True).first()
    if project is None:
        raise NotFound("This workspace has no default project: name one, or make one of its projects the default.")
    return project


def first_workspace(access: Access, role: Role) -> UUID:
    """The first of the caller's workspaces in which their role suffices, else their first. Raises: Forbidden."""
    if not access.roles:
        raise Forbidden(
            "You are in no workspace yet. Ask an owner to add you, or make one with POST /api/v1/workspaces."
        )
    return next((id for id in access.workspace_ids if access.may(id, role)), access.workspace_ids[0])


def members(*, access: Access, workspace_id: UUID) -> QuerySet[Membership]:
    """Every member sees the others."""
    access.require(workspace_id)
    return Membership.objects.filter(workspace_id=workspace_id).select_related("user").order_by("created_at", "id")


def api_keys(*, access: Access, workspace_id: UUID | None = None) -> QuerySet[ApiKey]:
    """Keys of the workspaces the caller administers, or of one of them."""
    if workspace_id is not None:
        access.require(workspace_id, Role.ADMIN)
    administered = [id for id in access.workspace_ids if access.may(id, Role.ADMIN)]
    wanted = [workspace_id] if workspace_id else administered
    return ApiKey.objects.filter(workspace_id__in=wanted).select_related("workspace", "created_by")


def audit_entries(*, access: Access, workspace_id: UUID) -> QuerySet[AuditEntry]:
    """Newest first; for those who administer the workspace."""
    access.require(workspace_id, Role.ADMIN)
    return AuditEntry.objects.filter(workspace_id=workspace_id).order_by("-created_at", "-id")


def workspace_roles(access: Access) -> list[Mapping[str, Any]]:
    """Each of the caller's workspaces with their role in it and its projects, in the order they joined."""
    rows = {row.id: row for row in visible_workspaces(access).prefetch_related("projects")}
    return [
        {"workspace": rows[id], "role": str(role), "projects": list(rows[id].projects.all())}
        for id, role in access.roles.items()
        if id in rows
    ]
