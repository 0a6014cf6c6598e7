"""ASGI entry: HTTP to Django, WebSockets to the streams."""

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from orchestrator_site.lean import without

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")

unused_driver = ["psycopg2"] if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else []
with without("cryptography"):  # 9 MiB; our tokens are signed with HMAC
    import jwt  # noqa: F401
with without("pygments", *unused_driver):  # for a browsable API, which we do not offer, and fields of PostgreSQL: 7 MiB
    import rest_framework.compat  # noqa: F401
    import unfold.overrides  # noqa: F401

http_application = get_asgi_application()  # sets Django up, so it comes before the imports of our apps

from orchestrator_site.pool import keep_connections  # noqa: E402
from sessions.routing import websocket_application  # noqa: E402
from sessions.streaming.backlog import add_backlog  # noqa: E402
from sessions.streaming.listening import serve_listeners  # noqa: E402

if daphne := sys.modules.get("daphne.http_protocol"):
    # Twisted would parse every posted form first, only to throw the fields away: an upload in memory and on the loop,
    # and an empty 400 for a form that it cannot read.
    daphne.WebRequest = partial(daphne.WebRequest, parsePOSTFormSubmission=False)  # type: ignore[attr-defined]

keep_connections(settings.WEB_DATABASE_CONNECTIONS)

_ = get_resolver().url_patterns  # all pages, now rather than in the time of whoever calls first

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def application(scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
    add_backlog(scope, send)
    serve_listeners()
    chosen: Any = websocket_application if scope["type"] == "websocket" else http_application
    await chosen(scope, receive, send)
