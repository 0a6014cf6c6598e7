"""Clients that follow a session by WebSocket and note when each frame reached them."""

import base64
import json
import os
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import urlsplit

ENDS = ("session.completed", "session.failed", "session.cancelled")


class Follower:
    """One socket, connected at once. `received` holds (instant, text) of every frame, read when it came."""

    def __init__(self, address: str, path: str, key: str) -> None:
        parts = urlsplit(address)
        self.sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        self.received: list[tuple[float, bytes]] = []
        self.has_ended = False
        nonce = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        own = f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\nX-API-Key: {key}\r\n\r\n"
        self.sock.sendall((head + own).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._some()
        if not answer.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(answer.decode(errors="replace"))
        self._rest = answer.partition(b"\r\n\r\n")[2]
        self.sock.setblocking(False)

    def read(self) -> None:
        """Takes what is there now."""
        data = self._some()
        at = time.time()
        self._rest += data
        for text in self._texts():
            self.received.append((at, text))
            self.has_ended = self.has_ended or any(word.encode() in text for word in ENDS)

    def _some(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise RuntimeError("the server closed a socket that still waited for events")
        return data

    def _texts(self) -> Iterator[bytes]:
        """The text frames that are complete (a server's frames are not masked)."""
        rest = self._rest
        while len(rest) >= 2:
            length, start = rest[1], 2
            if length == 126:
                length, start = int.from_bytes(rest[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(rest[2:10], "big"), 10
            if len(rest) < start + length:
                break
            if rest[0] & 0x0F == 1:
                yield rest[start : start + length]
            rest = rest[start + length :]
        self._rest = rest


def read_to_the_end(followers: Sequence[Follower], seconds: float) -> None:
    """Reads all sockets until each saw the end of the session. Raises: TimeoutError."""
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as ready:
        for follower in followers:
            ready.register(follower.sock, selectors.EVENT_READ, follower)
        left = len(followers)
        while left:
            if time.monotonic() > end:
                raise TimeoutError(f"{left} of {len(followers)} sockets saw no end of the session")
            for key, _ in ready.select(1):
                key.data.read()
                if key.data.has_ended:
                    ready.unregister(key.fileobj)
                    left -= 1


def delays(followers: Sequence[Follower], since: float) -> list[float]:
    """Milliseconds from each event's instant to its arrival, for the events that are not older than `since`."""
    instants: dict[bytes, float] = {}
    found = []
    for follower in followers:
        for at, text in follower.received:
            if text not in instants:
                instants[text] = _instant(text)
            if instants[text] >= since:
                found.append((at - instants[text]) * 1000)
    return found


def _instant(text: bytes) -> float:
    frame = json.loads(text)
    return datetime.fromisoformat(frame["at"]).timestamp() if "seq" in frame and frame.get("at") else 0.0
