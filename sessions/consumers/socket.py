"""What all our WebSockets share: accept, authenticate, stream, say why when refusing."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from core import errors
from core.api.exceptions import DATABASE_AWAY
from core.errors import Forbidden, Invalid, NotFound, OrchestratorError, Unauthenticated
from sessions.streaming.backlog import wait_for_client
from sessions.streaming.callers import access_of_socket
from sessions.streaming.frames import CloseCode, closing
from sessions.streaming.hub import Hub, running_hub
from workspaces.access import Access

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
logger = structlog.get_logger(__name__)

CLOSE_CODES = {
    Unauthenticated: CloseCode.UNAUTHENTICATED,
    Forbidden: CloseCode.FORBIDDEN,
    NotFound: CloseCode.NOT_FOUND,
    errors.Gone: CloseCode.GONE,
    Invalid: CloseCode.INVALID,
}


class Gone(Exception):
    """The client closed the socket."""


class Socket:
    """One accepted WebSocket. Sending stops with `Gone` or `SlowClient`; what the client says is not listened to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send

    async def accept(self) -> None:
        """Always accept first: a refused handshake could not say why."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def send(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def keep_pace(self) -> None:
        await wait_for_client(self.scope)

    async def close(self, code: CloseCode, message: str, cursor: int | None = None) -> None:
        """The reason also goes out as a frame of its own, because not every server hands it on."""
        await self.send(closing(code, message, cursor))
        await self._send({"type": "websocket.close", "code": int(code), "reason": message[:120]})

    async def until_gone(self) -> None:
        while (await self._receive())["type"] != "websocket.disconnect":
            pass


Stream = Callable[[Socket, Hub, Access], Awaitable[None]]


async def serve(socket: Socket, stream: Stream) -> None:
    await socket.accept()
    hub = running_hub()
    work = asyncio.ensure_future(_stream_or_refuse(socket, hub, stream))
    gone = asyncio.ensure_future(socket.until_gone())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def _stream_or_refuse(socket: Socket, hub: Hub, stream: Stream) -> None:
    try:
        await stream(socket, hub, await hub.read(access_of_socket, socket.scope))
    except OrchestratorError as error:
        code = next((CLOSE_CODES[base] for base in type(error).__mro__ if base in CLOSE_CODES), CloseCode.ERROR)
        await socket.close(code, error.message)
    except DATABASE_AWAY as error:
        logger.warning("a stream ended: the database does not answer", path=socket.scope.get("path"), error=str(error))
        await socket.close(CloseCode.ERROR, "The database did not answer: connect again with your cursor.")
    except Exception:
        logger.exception("a stream broke", path=socket.scope.get("path"))
        await socket.close(CloseCode.ERROR, "The stream broke on our side: connect again with your cursor.")
