"""A WebSocket client on the standard library (RFC 6455, as much as our streams need), for tests against a server."""

import base64
import json
import os
import socket
import struct
from typing import Any
from urllib.parse import SplitResult, urlsplit


class Closed(Exception):
    """The server closed the socket; `code` is None when the connection just ended."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    """Connects at once; `receive` gives the next text frame."""

    def __init__(self, address: str, path: str, *, timeout: float = 10, buffer: int = 0, **headers: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self._sock = socket.socket()
        self._sock.settimeout(timeout)
        if buffer:  # how little the kernel keeps for a client that does not read
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._buffer = b""
        try:
            self._open(parts, path, headers)
        except BaseException:
            self._sock.close()
            raise

    def _open(self, parts: SplitResult, path: str, headers: dict[str, str]) -> None:
        self._sock.connect((parts.hostname, parts.port or 80))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head.decode()

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self) -> dict[str, Any]:
        """The next frame as JSON. Raises: Closed, TimeoutError."""
        while True:
            opcode, payload = self._frame()
            if opcode == 1:
                frame: dict[str, Any] = json.loads(payload)
                return frame
            if opcode == 8:
                raise Closed(struct.unpack("!H", payload[:2])[0] if payload else None)
            if opcode == 9:
                self._sock.sendall(bytes([0x8A, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    def close(self) -> None:
        self._sock.close()

    def _frame(self) -> tuple[int, bytes]:
        head = self._take(2)
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._take(8))[0]
        return head[0] & 0x0F, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _fill(self) -> None:
        part = self._sock.recv(65536)
        if not part:
            raise Closed(None)
        self._buffer += part
