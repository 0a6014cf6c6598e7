"""Settings of a workspace: members, projects, API keys."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.clock import SYSTEM_CLOCK
from core.errors import Forbidden, Invalid, OrchestratorError
from frontend.place import access_of, place_of
from frontend.views.doors import attempt, first_sentence, page
from workspaces.selectors import api_keys, members
from workspaces.services import add_member, change_role, create_key, create_project, remove_member, revoke_key
from workspaces.states import Role


@require_http_methods(["GET", "HEAD", "POST"])
@page
def member_list(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    workspace_id, problem = place.here.workspace_id, ""
    if request.method == "POST":
        username = request.POST.get("username", "").strip()
        try:
            add_member(access=place.access, workspace_id=workspace_id, username=username, role=_role(request))
            messages.success(request, f"{username} is a member now.")
            return redirect("members")
        except OrchestratorError as error:
            problem = _problem(error)
    rows = list(members(access=place.access, workspace_id=workspace_id))
    return render(request, "frontend/members.html", {"members": rows, **_common(request, problem)})


@require_POST
@page
def member_role(request: HttpRequest, member_id: UUID) -> HttpResponse:
    place = place_of(request)
    attempt(
        request,
        lambda: change_role(
            access=place.access, workspace_id=place.here.workspace_id, member_id=member_id, role=_role(request)
        ),
        done="The role is changed.",
    )
    return redirect("members")


@require_POST
@page
def member_remove(request: HttpRequest, member_id: UUID) -> HttpResponse:
    place = place_of(request)
    attempt(
        request,
        lambda: remove_member(access=place.access, workspace_id=place.here.workspace_id, member_id=member_id),
        done="The member is removed.",
    )
    return redirect("members")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def project_list(request: HttpRequest) -> HttpResponse:
    place, problem = place_of(request), ""
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        try:
            create_project(access=place.access, name=name, workspace_id=place.here.workspace_id)
            messages.success(request, f"The project “{name}” is there, with the built-in agents.")
            return redirect("projects")
        except OrchestratorError as error:
            problem = _problem(error)
    here = [project for project in place.choices if project.workspace_id == place.here.workspace_id]
    return render(request, "frontend/projects.html", {"projects": here, **_common(request, problem)})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page
def key_list(request: HttpRequest) -> HttpResponse:
    """A new key is shown in the answer to its making, and nowhere else."""
    place, problem, secret = place_of(request), "", ""
    if request.method == "POST":
        try:
            _, secret = create_key(
                access=place.access,
                name=request.POST.get("name", "").strip(),
                role=_role(request),
                workspace_id=place.here.workspace_id,
                expires_at=_expiry(request),
            )
        except OrchestratorError as error:
            problem = _problem(error)
    keys = list(api_keys(access=place.access, workspace_id=place.here.workspace_id)) if place.may(Role.ADMIN) else []
    return render(request, "frontend/keys.html", {"keys": keys, "secret": secret, **_common(request, problem)})


@require_POST
@page
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    attempt(request, lambda: revoke_key(access=access_of(request), key_id=key_id), done="The key is revoked.")
    return redirect("keys")


def _common(request: HttpRequest, problem: str) -> dict[str, object]:
    return {
        "problem": problem,
        "posted": request.POST if problem else {},
        "roles": [str(role) for role in Role],
        "may_administer": place_of(request).may(Role.ADMIN),
    }


def _problem(error: OrchestratorError) -> str:
    if isinstance(error, Forbidden):
        return error.message
    return first_sentence(error.details, error.message)


def _role(request: HttpRequest) -> Role:
    """Raises: Invalid."""
    try:
        return Role(request.POST.get("role", Role.MEMBER))
    except ValueError as error:
        raise Invalid("Choose one of the roles.", details={"role": ["Choose one of the roles."]}) from error


def _expiry(request: HttpRequest) -> datetime | None:
    days = request.POST.get("days", "")
    return SYSTEM_CLOCK.now() + timedelta(days=int(days)) if days in ("30", "90", "365") else None
