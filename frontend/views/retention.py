"""How long a workspace keeps finished sessions, and what it has deleted."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from core.errors import Forbidden, Invalid, OrchestratorError
from frontend.place import place_of
from frontend.views.doors import first_sentence, page, paginate
from sessions.selectors.retention import pruned_sessions
from workspaces.policies import LONGEST_RETENTION_DAYS
from workspaces.services import update_workspace
from workspaces.states import Role


@require_http_methods(["GET", "HEAD", "POST"])
@page
def retention(request: HttpRequest) -> HttpResponse:
    place, problem = place_of(request), ""
    workspace = place.here.workspace
    if request.method == "POST":
        try:
            update_workspace(access=place.access, workspace_id=workspace.id, **_policy(request))
            messages.success(request, "The retention is changed.")
            return redirect("retention")
        except OrchestratorError as error:
            problem = error.message if isinstance(error, Forbidden) else first_sentence(error.details, error.message)
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
    text = request.POST.get("days", "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 9):
        sentence = "Give a whole number of days, or nothing to keep all for ever."
        raise Invalid(sentence, details={"retention_days": [sentence]})
    return {"retention_days": int(text) if text else None, "export_before_pruning": "export" in request.POST}
