"""How a caller of the API says who they are: JWT, API key, or the session cookie of the pages (with CSRF)."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from workspaces.access import NOBODY, Access
from workspaces.models import ApiKey
from workspaces.selectors import access_of_key, access_of_user, live_key
from workspaces.services import touch_key


@dataclass(frozen=True)
class KeyCaller:
    """Stands in for a user where the caller is a program with an API key."""

    username: str
    pk: None = None
    id: None = None
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False

    def get_username(self) -> str:
        return self.username

    def __str__(self) -> str:
        return self.username


class BearerAuthentication(JWTAuthentication):
    """`Authorization: Bearer <access token>`, from `POST /auth/token`."""


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key ao_…` or `X-API-Key: ao_…`."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        secret = api_key_secret(request.headers.get("Authorization", ""), request.headers.get("X-API-Key", ""))
        if secret is None:
            return None
        key = live_key(secret)
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired. Ask for a new one.")
        touch_key(key=key)
        return KeyCaller(username=f"key:{key.prefix}"), key

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


def api_key_secret(authorization: str, x_api_key: str) -> str | None:
    """The key in the two headers that may carry one, or None."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "api-key":
        return rest.strip()
    return x_api_key.strip() or None


def access_of_request(request: Request) -> Access:
    """What the authenticated caller of an API request may do."""
    ip = request.META.get("REMOTE_ADDR") or None
    if isinstance(request.auth, ApiKey):
        return access_of_key(request.auth, ip=ip)
    if isinstance(request.user, User | AnonymousUser):
        return access_of_user(request.user, ip=ip)
    return NOBODY


class CookieAuthentication(SessionAuthentication):
    """The pages' session cookie; writing calls need the CSRF token in `X-CSRFToken`."""
