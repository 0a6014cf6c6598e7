"""A TCP proxy in front of Redis that loses what it is told to lose."""

import asyncio
import threading
from enum import StrEnum


class Mode(StrEnum):
    PASS = "pass"
    DEAF = "deaf"
    """Rings and hints are sent, and reach nobody."""
    HOLE = "hole"
    """Nothing answers and nothing fails: the worst kind of network."""


RINGS = (b"doorbells", b"doorbellz")
HINTS = (b"asgi:group:", b"asgi:grouq:")


class RedisProxy:
    """Listens on `port`, in a thread of its own, and passes on to `target_port`."""

    def __init__(self, target_port: int) -> None:
        self.mode = Mode.PASS
        self.lost = 0
        self._target_port = target_port
        self._links: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="redis-proxy", daemon=True)

    def start(self) -> "RedisProxy":
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def set_mode(self, mode: Mode) -> None:
        """What was swallowed breaks a connection for good: leaving the hole cuts all of them."""
        was, self.mode = self.mode, mode
        if was == Mode.HOLE:
            self._loop.call_soon_threadsafe(self._cut)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _cut(self) -> None:
        for link in list(self._links):
            link.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(writer)
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            self._links.discard(writer)
            writer.transport.abort()
            return
        self._links.add(there[1])
        ways = [
            asyncio.create_task(self._carry(reader, there[1], outward=True)),
            asyncio.create_task(self._carry(there[0], writer, outward=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for link in (writer, there[1]):
                self._links.discard(link)
                link.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        while data := await reader.read(65536):
            if self.mode == Mode.HOLE:
                continue
            writer.write(self._deafened(data) if outward and self.mode == Mode.DEAF else data)
            await writer.drain()

    def _deafened(self, data: bytes) -> bytes:
        """The same number of bytes, under names nobody listens to."""
        lost = data.replace(*RINGS) if b"PUBLISH" in data else data.replace(*HINTS)
        self.lost += lost != data
        return lost
