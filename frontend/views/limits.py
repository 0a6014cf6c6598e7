"""What a workspace may do at once, and how much it may queue."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from frontend.place import place_of
from frontend.views.doors import page
from frontend.views.workspace_settings import change_workspace, refused, whole_number
from workspaces.models import Workspace
from workspaces.policies import LARGEST_LIMIT
from workspaces.states import Role

NUMBERS = ("max_concurrent_executions", "max_sessions_per_minute", "max_queued_sessions")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def limits(request: HttpRequest) -> HttpResponse:
    place, problem = place_of(request), ""
    workspace = place.here.workspace
    if request.method == "POST":
        problem = change_workspace(request, place, _asked, "The limits are changed; they hold within seconds.")
        if not problem:
            return redirect("limits")
    context = {
        "workspace": workspace,
        "shown": request.POST if problem else _shown(workspace),
        "largest": LARGEST_LIMIT,
        "problem": problem,
        "may_administer": place.may(Role.ADMIN),
    }
    return render(request, "frontend/limits.html", context)


def _shown(workspace: Workspace) -> dict[str, Any]:
    lines = [f"{word} = {limit}" for word, limit in sorted(workspace.capability_limits.items())]
    return {**{name: getattr(workspace, name) for name in NUMBERS}, "capability_limits": "\n".join(lines)}


def _asked(request: HttpRequest) -> dict[str, Any]:
    """Raises: Invalid for what is no number."""
    asked: dict[str, Any] = {name: _number(name, request.POST.get(name, "")) for name in NUMBERS}
    if asked["max_concurrent_executions"] is None:
        raise refused("max_concurrent_executions", "Say how many tasks may run at once.")
    return {**asked, "capability_limits": _capability_limits(request.POST.get("capability_limits", ""))}


def _number(name: str, text: str) -> int | None:
    return whole_number(name, text, f"“{text.strip()[:40]}” is no whole number.")


def _capability_limits(text: str) -> dict[str, int]:
    """Lines like `translate = 2`."""
    found: dict[str, int] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, sign, number = line.rpartition("=")
        limit = _number("capability_limits", number) if sign else None
        if limit is None:
            raise refused("capability_limits", f"“{line[:60]}” is not like “translate = 2”.")
        found[word.strip()] = limit
    return found
