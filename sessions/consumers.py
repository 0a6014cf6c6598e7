"""WebSockets of a session and of the dashboard: plain ASGI applications, no channel and no thread per socket."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import structlog

from core.errors import Forbidden, Invalid, NotFound, OrchestratorError, Unauthenticated
from sessions.streaming import conf
from sessions.streaming.access import place_in
from sessions.streaming.backlog import SlowClient, wait_for_client
from sessions.streaming.callers import access_of_socket
from sessions.streaming.frames import CloseCode, closing, heartbeat
from sessions.streaming.hub import Hub, Subscription, running_hub
from workspaces.access import Access

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
logger = structlog.get_logger(__name__)

CLOSE_CODES = {
    Unauthenticated: CloseCode.UNAUTHENTICATED,
    Forbidden: CloseCode.FORBIDDEN,
    NotFound: CloseCode.NOT_FOUND,
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


async def session_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The frames of one session behind `?after=`, then live. Stays open for a while after the last one."""
    await _serve(Socket(scope, receive, send), _stream_session)


async def dashboard_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """A snapshot of what the caller may see, then what changes; no cursor: come back for a new snapshot."""
    await _serve(Socket(scope, receive, send), _stream_dashboard)


async def unknown_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Every other address."""
    socket = Socket(scope, receive, send)
    await socket.accept()
    await socket.close(CloseCode.NOT_FOUND, "There is no stream at this address.")


async def _serve(socket: Socket, stream: Stream) -> None:
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
    except Exception:
        logger.exception("a stream broke", path=socket.scope.get("path"))
        await socket.close(CloseCode.ERROR, "The stream broke on our side: connect again with your cursor.")


async def _stream_session(socket: Socket, hub: Hub, access: Access) -> None:
    session_id = socket.scope["url_route"]["kwargs"]["session_id"]
    after = parse_qs(socket.scope.get("query_string", b"").decode("latin-1")).get("after", [""])[0]
    place = await hub.read(place_in, access=access, session_id=session_id, after=after)
    async with hub.subscribe(place.session_id, place.after, place.last_seq) as subscription:
        if place.is_finished and place.after == place.last_seq:
            subscription.cursor.has_ended = True
        try:
            await _send_frames(socket, subscription)
        except SlowClient:
            cursor = subscription.cursor.seq
            await socket.close(CloseCode.SLOW, f"Too slow: resume from {cursor}.", cursor)
        else:
            await socket.close(CloseCode.NORMAL, "The session has ended.", subscription.cursor.seq)


async def _send_frames(socket: Socket, subscription: Subscription) -> None:
    """Returns when the session has ended and nothing came for LINGER_SECONDS since."""
    while True:
        has_ended = subscription.cursor.has_ended
        rows = await subscription.next(conf.LINGER_SECONDS if has_ended else conf.HEARTBEAT_SECONDS)
        if not rows and has_ended:
            return
        if not rows:
            await socket.send(heartbeat(subscription.cursor.seq))
        for _, text in rows:
            await socket.send(text)
        await socket.keep_pace()


async def _stream_dashboard(socket: Socket, hub: Hub, access: Access) -> None:
    raise NotFound("There is no dashboard stream yet.")
