"""Addresses of the WebSockets."""

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from sessions.consumers import dashboard_socket, session_socket, unknown_socket

SESSION = r"(?P<session_id>[^/]{1,64})"

_applications: list[tuple[str, Any]] = [
    (rf"^ws/sessions/{SESSION}/?$", session_socket),
    (rf"^api/(?:v1/)?sessions/{SESSION}/stream$", session_socket),
    (r"^ws/dashboard/?$", dashboard_socket),
    (r"", unknown_socket),
]
websocket_application = URLRouter([re_path(pattern, application) for pattern, application in _applications])
