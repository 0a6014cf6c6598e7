"""WebSockets of a session and of the dashboard: plain ASGI applications, no channel and no thread per socket."""

from sessions.consumers.dashboard import dashboard_socket
from sessions.consumers.session import session_socket
from sessions.consumers.socket import Receive, Scope, Send, Socket
from sessions.streaming.frames import CloseCode

__all__ = ["dashboard_socket", "session_socket", "unknown_socket"]


async def unknown_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Every other address."""
    socket = Socket(scope, receive, send)
    await socket.accept()
    await socket.close(CloseCode.NOT_FOUND, "There is no stream at this address.")
