"""Projects."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import ProtectedError, RestrictedError

from core.errors import Conflict
from workspaces.access import Access
from workspaces.models import Project, Workspace
from workspaces.policies import checked_name
from workspaces.selectors import project_for, workspace_for
from workspaces.services.audit import record_audit
from workspaces.services.slugs import free_slug
from workspaces.signals import project_created, project_deleting
from workspaces.states import Role


def create_project(*, access: Access, name: str, workspace_id: UUID | None = None) -> Project:
    """A project in the given workspace, or in that of the caller's default project.

    Raises: NotFound, Forbidden below ADMIN.
    """
    with transaction.atomic():
        chosen = workspace_id or project_for(access=access, role=Role.ADMIN).workspace_id
        workspace = workspace_for(access=access, workspace_id=chosen, role=Role.ADMIN)
        return add_project(workspace=workspace, actor=access.actor, name=name, ip=access.ip)


def add_project(
    *, workspace: Workspace, actor: str, name: str, is_default: bool = False, ip: str | None = None
) -> Project:
    """The row, its audit entry, and the news for the apps above. Runs in the caller's transaction."""
    name = checked_name(name)
    project = Project.objects.create(
        workspace=workspace, name=name, slug=free_slug(name, workspace.projects.all()), is_default=is_default
    )
    _audit(project, "project.created", actor=actor, ip=ip, after={"name": name, "is_default": is_default})
    project_created.send(sender=Project, project=project)
    return project


def update_project(
    *, access: Access, project_id: UUID, name: str | None = None, is_default: bool | None = None
) -> Project:
    """Renames a project, or makes it the default one in place of the present.

    Raises: NotFound, Forbidden below ADMIN, Conflict when the default one would have no successor.
    """
    with transaction.atomic():
        project = project_for(access=access, project_id=project_id, role=Role.ADMIN)
        Workspace.objects.select_for_update().get(pk=project.workspace_id)
        if is_default is False and project.is_default:
            raise Conflict("A workspace needs a default project. Make another one the default instead.")
        before: dict[str, Any] = {"name": project.name, "is_default": project.is_default}
        project.name = project.name if name is None else checked_name(name)
        if is_default and not project.is_default:
            Project.objects.filter(workspace_id=project.workspace_id, is_default=True).update(is_default=False)
            project.is_default = True
        after = {"name": project.name, "is_default": project.is_default}
        if after != before:
            project.save(update_fields=["name", "is_default", "updated_at"])
            _audit(project, "project.updated", actor=access.actor, ip=access.ip, before=before, after=after)
    return project


def delete_project(*, access: Access, project_id: UUID) -> None:
    """Deletes a project with its documents and agents.

    Raises: NotFound, Forbidden below ADMIN, Conflict for the default project and for one whose agents have worked.
    """
    try:
        with transaction.atomic():
            project = project_for(access=access, project_id=project_id, role=Role.ADMIN)
            if project.is_default:
                raise Conflict("This is the workspace's default project. Make another one the default first.")
            _audit(project, "project.deleted", actor=access.actor, ip=access.ip, before={"name": project.name})
            project_deleting.send(sender=Project, project=project)
            project.delete()
    except (ProtectedError, RestrictedError) as error:
        raise Conflict("Agents of this project have worked in sessions; it is kept with its history.") from error


def _audit(project: Project, action: str, **values: Any) -> None:
    record_audit(workspace=project.workspace_id, action=action, object_type="project", object_id=project.id, **values)
