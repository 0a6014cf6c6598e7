"""Doors that belong to no app: liveness, and errors outside any API view."""

import sys
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.http import require_safe

from core.api.exceptions import DATABASE_AWAY, database_away, error_body, headers_of


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """This process answers. Says nothing of what it depends on, so that a slow database does not get it killed."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether requests can be served now: 200, or 503 while the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "does not answer"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok"})


def is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return defaults.bad_request(request, exception)
    return _error(400, "unreadable", "The request cannot be read. Check its address, headers and body.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return defaults.permission_denied(request, exception)
    return _error(403, "forbidden", "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    return _error(404, "not_found", f"There is no route {request.path}. All routes are listed at /docs.")


def server_error(request: HttpRequest) -> HttpResponse:
    """A bug of ours is a 500; a database that does not answer a 503, which says when to come back."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        return _database_away(request)
    if not is_api(request):
        return defaults.server_error(request)
    return _error(500, "internal_error", "Something went wrong on our side; it is in the server's log. Try again.")


def _database_away(request: HttpRequest) -> HttpResponse:
    error = database_away()
    if is_api(request):
        return JsonResponse(error_body(error.code, error.message), status=503, headers=headers_of(error))
    return HttpResponse(render_to_string("503.html"), status=503, headers=headers_of(error))


def _error(status: int, code: str, message: str) -> JsonResponse:
    body: dict[str, Any] = error_body(code, message)
    return JsonResponse(body, status=status)
