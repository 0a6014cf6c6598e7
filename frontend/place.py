"""Where a page's user works: the project chosen last, among those they may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest

from agents.conf import agents_enabled
from workspaces.access import Access
from workspaces.models import Project
from workspaces.selectors import workspace_roles
from workspaces.states import Role

CHOICE = "project"


@dataclass(frozen=True, slots=True)
class Place:
    """The present project (None for a user in no workspace), and all the user may change to, by workspace."""

    access: Access
    project: Project | None
    groups: Sequence[Mapping[str, Any]]

    @property
    def choices(self) -> list[Project]:
        return [project for group in self.groups for project in group["projects"]]

    @property
    def here(self) -> Project:
        """The present project, for views behind `page`, which sends users without one away."""
        return cast(Project, self.project)

    @property
    def may_work(self) -> bool:
        """Whether the user may start sessions and upload documents here."""
        return self.may(Role.MEMBER)

    def may(self, role: Role) -> bool:
        return self.project is not None and self.access.may(self.project.workspace_id, role)


def access_of(request: HttpRequest) -> Access:
    return cast(Access, request.access)  # type: ignore[attr-defined]


def place_of(request: HttpRequest) -> Place:
    """Looked up once a request."""
    if not hasattr(request, "_place"):
        request._place = _find(request)  # type: ignore[attr-defined]
    return cast(Place, request._place)  # type: ignore[attr-defined]


def choose_project(request: HttpRequest, project_id: UUID) -> bool:
    """Remember the project in the login session; False when it is not one of the user's."""
    if project_id not in {project.id for project in place_of(request).choices}:
        return False
    request.session[CHOICE] = str(project_id)
    return True


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Template context processor, for those who are logged in: `place`, and whether agents are switched off."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"place": place_of(request), "agents_off": not agents_enabled()}


def _find(request: HttpRequest) -> Place:
    access = access_of(request)
    groups = workspace_roles(access)
    for group in groups:
        for project in group["projects"]:
            project.workspace = group["workspace"]
    projects = [project for group in groups for project in group["projects"]]
    chosen = [project for project in projects if str(project.id) == request.session.get(CHOICE)]
    defaults = [project for project in projects if project.is_default]
    return Place(access, next(iter([*chosen, *defaults, *projects]), None), groups)
