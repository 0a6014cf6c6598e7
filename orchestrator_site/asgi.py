"""ASGI entry: HTTP to Django, WebSockets to the streams."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
http_application = get_asgi_application()  # sets Django up, so it comes before the imports of our apps

from sessions.routing import websocket_application  # noqa: E402
from sessions.streaming.backlog import add_backlog  # noqa: E402

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def application(scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
    add_backlog(scope, send)
    chosen: Any = websocket_application if scope["type"] == "websocket" else http_application
    await chosen(scope, receive, send)
