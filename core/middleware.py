"""What holds for every request: headers that browsers enforce for us, and addresses that a database can take."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string

COMMON = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; "
)
PAGES = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
TOOLS = COMMON + "script-src 'self' 'unsafe-inline' 'unsafe-eval'; worker-src 'self' blob:"
API = "default-src 'none'; frame-ancestors 'none'"


class ContentSecurityPolicy:
    """Everything a page loads comes from us: no CDN, and nothing injected can call home.

    Our own pages run and style nothing inline; the admin theme and the interactive API docs do, so those alone may.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request.path))
        return response


class NoNulInAddresses:
    """A NUL character in the path or the query is a 400: no text of ours holds one, and PostgreSQL refuses to look."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path:
            raise BadRequest("The address holds a NUL character.")
        return self.get_response(request)


class PageForRefusedMethods:
    """Whoever opens the address of a form's button (after a login in between, by reloading) gets a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.method == "GET" and not response.content:
            response.content = render_to_string("405.html").encode()
        return response


def policy_for(path: str) -> str:
    if path.startswith("/api/"):
        return API
    return TOOLS if path.startswith(("/admin/", "/docs")) else PAGES
