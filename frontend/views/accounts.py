"""Login, logout, and changing the project."""

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import LimitExceeded, OrchestratorError
from frontend.place import choose_project
from frontend.views.doors import page
from frontend.views.forms import optional_uuid
from workspaces.services import log_in


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def login_page(request: HttpRequest) -> HttpResponse:
    target = _safe_target(request)
    if request.user.is_authenticated:
        return redirect(target)
    if request.method != "POST":
        return render(request, "frontend/login.html", {"next": target})
    username = request.POST.get("username", "").strip()
    try:
        user = log_in(
            username=username,
            password=request.POST.get("password", ""),
            ip=request.META.get("REMOTE_ADDR") or None,
            request=request,
        )
    except OrchestratorError as error:
        context = {"error": error.message, "username": username, "next": target}
        return render(request, "frontend/login.html", context, status=429 if isinstance(error, LimitExceeded) else 401)
    login(request, user)
    return redirect(target)


@require_POST
def logout_page(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("login")


@require_POST
@page
def switch_project(request: HttpRequest) -> HttpResponse:
    if project_id := optional_uuid(request.POST.get("project")):
        choose_project(request, project_id)
    return redirect("dashboard")


def _safe_target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe and target.startswith("/") else "/"
