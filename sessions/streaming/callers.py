"""Who is calling a stream: the credentials of the API, or a one-time ticket where no header can be set."""

from collections.abc import MutableMapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.errors import Forbidden, Unauthenticated
from workspaces.access import Access
from workspaces.api.authentication import (
    ApiKeyAuthentication,
    BearerAuthentication,
    CookieAuthentication,
    access_of_request,
)
from workspaces.services import redeem_ticket


def access_of_http(request: HttpRequest) -> Access:
    """Raises: Unauthenticated without valid credentials. Uses up the ticket when there is one."""
    if ticket := request.GET.get("ticket"):
        return redeem_ticket(ticket=ticket, ip=request.META.get("REMOTE_ADDR") or None)
    authenticators = [BearerAuthentication(), ApiKeyAuthentication(), CookieAuthentication()]
    try:
        access = access_of_request(Request(request, authenticators=authenticators))
    except AuthenticationFailed as error:
        raise Unauthenticated(_sentence(error)) from error
    if not access.actor:
        raise Unauthenticated("Log in, or send an Authorization header or a ?ticket= from POST /api/v1/auth/ticket.")
    return access


def access_of_socket(scope: MutableMapping[str, Any]) -> Access:
    """The caller of a WebSocket handshake.

    A page of another site may not use the cookie, which browsers send along by themselves; it asks for a ticket.
    Raises: Forbidden for such a page, Unauthenticated.
    """
    request = ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())
    check_host(request)
    if not (request.GET.get("ticket") or request.headers.get("Authorization") or request.headers.get("X-API-Key")):
        check_origin(request)
    engine = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    session: SessionBase = engine(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.session = session
    request.user = get_user(request)
    return access_of_http(request)


def check_host(request: HttpRequest) -> None:
    """Raises: Forbidden for a host name that is not ours (somebody else's name may point at this machine)."""
    try:
        request.get_host()
    except DisallowedHost as error:
        raise Forbidden("This host name is not served here: add it to ALLOWED_HOSTS.") from error


def check_origin(request: HttpRequest) -> None:
    """Raises: Forbidden for an `Origin` that is neither this host nor a trusted one."""
    origin = request.headers.get("Origin", "")
    if origin and urlsplit(origin).netloc.lower() != request.get_host().lower() and not _is_trusted(origin):
        raise Forbidden(
            f"Pages of {origin} may not use this login: give them a ?ticket=, or add them to CSRF_TRUSTED_ORIGINS."
        )


def _is_trusted(origin: str) -> bool:
    return origin.lower() in {trusted.lower().rstrip("/") for trusted in settings.CSRF_TRUSTED_ORIGINS}


def _sentence(error: AuthenticationFailed) -> str:
    detail = error.detail
    return str(detail.get("detail", detail) if isinstance(detail, dict) else detail)
