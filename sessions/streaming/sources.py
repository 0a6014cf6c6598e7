"""Where a hub's hints come from: datagrams in the embedded runtime, the channel layer in production."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any, Protocol

import structlog
from channels.layers import get_channel_layer

from sessions.streaming import conf
from sessions.streaming.frames import Notice, unpack
from sessions.streaming.publisher import DASHBOARD_GROUP, session_group
from sessions.streaming.sockets import folder, open_socket, receive_all

logger = structlog.get_logger(__name__)
_REJOIN_SECONDS = 2.0  # between two attempts to join what could not be joined
_AGAIN_SECONDS = 1.0
_JOIN_SECONDS = 2.0  # a Redis that does not answer must not hold a stream back


class Receiver(Protocol):
    """What a source tells: a hub."""

    def offer(self, notice: Notice) -> None: ...

    def change(self, session_id: str) -> None: ...


class Source(Protocol):
    """Brings hints, as far as it can: some may be lost."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def follow(self, session_id: str) -> None: ...

    async def unfollow(self, session_id: str) -> None: ...

    async def follow_all(self, wanted: bool) -> None: ...


class DatagramSource:
    """A Unix datagram socket; every web process hears of every session."""

    def __init__(self, hub: Receiver) -> None:
        self._hub = hub
        self._socket: socket | None = None
        self._path = Path()

    async def start(self) -> None:
        self._socket, self._path = open_socket(folder(conf.data_dir()), "web")
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    async def stop(self) -> None:
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._path.unlink(missing_ok=True)

    async def follow(self, session_id: str) -> None:
        pass

    async def unfollow(self, session_id: str) -> None:
        pass

    async def follow_all(self, wanted: bool) -> None:
        pass

    def _receive(self) -> None:
        assert self._socket is not None
        for message in receive_all(self._socket):
            with suppress(ValueError):
                for notice in unpack(message):
                    self._hub.offer(notice)


class LayerSource:
    """One channel of the channel layer for the whole process, in the groups of the sessions that are followed."""

    def __init__(self, hub: Receiver) -> None:
        self._hub = hub
        self._groups: set[str] = set()
        self._channel = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._layer: Any = get_channel_layer()
        self._must_rejoin = False

    async def start(self) -> None:
        await self._try(self._open())
        self._tasks = [
            asyncio.create_task(self._again(self._receive)),
            asyncio.create_task(self._again(self._rejoin)),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for group in list(self._groups):
            await self._leave(group)

    async def follow(self, session_id: str) -> None:
        await self._join(session_group(session_id))

    async def unfollow(self, session_id: str) -> None:
        await self._leave(session_group(session_id))

    async def follow_all(self, wanted: bool) -> None:
        await (self._join(DASHBOARD_GROUP) if wanted else self._leave(DASHBOARD_GROUP))

    async def _open(self) -> None:
        self._channel = await self._layer.new_channel("hub")

    async def _join(self, group: str) -> None:
        self._groups.add(group)
        if self._channel:
            await self._try(self._layer.group_add(group, self._channel))

    async def _try(self, work: Coroutine[Any, Any, None]) -> None:
        """What fails is tried again later; without the layer the safety poll carries the streams."""
        try:
            async with asyncio.timeout(_JOIN_SECONDS):
                await work
        except Exception as error:  # noqa: BLE001  (a stream begins although the layer is away)
            self._must_rejoin = True
            logger.warning("the channel layer cannot be joined; streams poll the log", error=str(error))

    async def _leave(self, group: str) -> None:
        self._groups.discard(group)
        with suppress(Exception):
            async with asyncio.timeout(_JOIN_SECONDS):
                await self._layer.group_discard(group, self._channel)

    async def _again(self, work: Callable[[], Any]) -> None:
        """Keep `work` going over failures of the layer."""
        complained_at = -60.0
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  (Redis away: the safety poll carries the stream meanwhile)
                self._must_rejoin = True
                if time.monotonic() - complained_at >= 60:
                    complained_at = time.monotonic()
                    logger.warning("the channel layer does not answer; streams poll the log", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _receive(self) -> None:
        if not self._channel:
            await self._open()
            await self._join_all()
        message = await self._layer.receive(self._channel)
        if message["type"] == "stream.hint":
            self._hub.offer(Notice(message["session"], message["seq"], tuple(message["frames"])))
        elif message["type"] == "dashboard.hint":
            for session_id in message["sessions"]:
                self._hub.change(session_id)

    async def _rejoin(self) -> None:
        """The layer itself finds its way back to what it had joined; here, to what it could not join."""
        await asyncio.sleep(_REJOIN_SECONDS)
        if self._must_rejoin and self._channel:
            await self._join_all()
            self._must_rejoin = False

    async def _join_all(self) -> None:
        for group in list(self._groups):
            await self._layer.group_add(group, self._channel)
