"""`request.access` for pages: looked up on first use."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from workspaces.selectors import access_of_user


class AccessMiddleware:
    """Sets `request.access` to what the logged-in user may do. Views of the API use `AccessMixin` instead."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.access = SimpleLazyObject(  # type: ignore[attr-defined]
            lambda: access_of_user(request.user, ip=request.META.get("REMOTE_ADDR") or None)
        )
        return self.get_response(request)
