"""How long a workspace keeps finished sessions, and what it has deleted."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from frontend.place import place_of
from frontend.views.doors import page, paginate
from frontend.views.workspace_settings import change_workspace, whole_number
from sessions.selectors.retention import pruned_sessions
from workspaces.policies import LONGEST_RETENTION_DAYS
from workspaces.states import Role


@require_http_methods(["GET", "HEAD", "POST"])
@page
def retention(request: HttpRequest) -> HttpResponse:
    place, problem = place_of(request), ""
    workspace = place.here.workspace
    if request.method == "POST":
        problem = change_workspace(request, place, _policy, "The retention is changed.")
        if not problem:
            return redirect("retention")
    context = {
        "workspace": workspace,
        "days": request.POST.get("days", "") if problem else workspace.retention_days,
        "is_exporting": "export" in request.POST if problem else workspace.export_before_pruning,
        "longest": LONGEST_RETENTION_DAYS,
        "problem": problem,
        "may_administer": place.may(Role.ADMIN),
        "listed": paginate(request, pruned_sessions(place.access, workspace)),
    }
    return render(request, "frontend/retention.html", context)


def _policy(request: HttpRequest) -> dict[str, Any]:
    """Raises: Invalid for what is no number."""
    sentence = "Give a whole number of days, or nothing to keep all for ever."
    days = whole_number("retention_days", request.POST.get("days", ""), sentence)
    return {"retention_days": days, "export_before_pruning": "export" in request.POST}
