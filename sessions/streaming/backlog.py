"""How many bytes the server still holds for one client.

ASGI's `send` returns at once under Daphne, however slowly the client reads. Daphne hands an application a partial whose
first argument is its Twisted protocol, and Twisted's transport keeps what it could not write yet. Under another server
(or when Daphne changes) the figure is 0 and a client that does not read is found by the WebSocket ping instead.
"""

import asyncio
import time
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

from sessions.streaming import conf

EXTENSION = "orchestrator.unsent_bytes"


class SlowClient(Exception):
    """The client did not read for too long."""


def add_backlog(scope: MutableMapping[str, Any], send: Any) -> None:
    """Make `unsent_bytes(scope)` work for this connection; called once, by the outermost application."""
    scope.setdefault("extensions", {})[EXTENSION] = partial(_unsent, send)


def unsent_bytes(scope: MutableMapping[str, Any]) -> int:
    figure: Callable[[], int] | None = scope.get("extensions", {}).get(EXTENSION)
    return figure() if figure else 0


async def wait_for_client(scope: MutableMapping[str, Any]) -> None:
    """Returns when the client has read most of what was sent. Raises: SlowClient when it makes no headway."""
    smallest = unsent_bytes(scope)
    if smallest <= conf.SLOW_CLIENT_BYTES:
        return
    since = time.monotonic()
    while (unsent := unsent_bytes(scope)) > conf.SLOW_CLIENT_BYTES:
        if unsent < smallest:
            smallest, since = unsent, time.monotonic()
        if time.monotonic() - since > conf.SLOW_CLIENT_SECONDS:
            raise SlowClient
        await asyncio.sleep(0.05)


def _unsent(send: Any) -> int:
    protocol = send.args[0] if isinstance(send, partial) and send.args else None
    transport = getattr(protocol, "transport", None)
    transport = getattr(transport, "_transport", None) or transport
    waiting = len(getattr(transport, "dataBuffer", b"")) + int(getattr(transport, "_tempDataLen", 0))
    return waiting - int(getattr(transport, "offset", 0))
