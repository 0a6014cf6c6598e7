"""Hints through the channel layer, when what is behind it forgets or says nothing."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError

from sessions.streaming import sources
from sessions.streaming.frames import Notice
from sessions.streaming.hub import Hub


class Layer:
    """A channel layer whose Redis was restarted (`restart`), or answers nothing (`hangs`)."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.hangs = False
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    def restart(self) -> None:
        self.groups.clear()
        self.messages.put_nowait(ConnectionError("Connection closed by server."))

    def send(self, group: str, message: dict[str, Any]) -> None:
        if group in self.groups:
            self.messages.put_nowait(message)

    async def new_channel(self, prefix: str) -> str:
        return f"{prefix}!channel"

    async def group_add(self, group: str, channel: str) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.groups.add(group)

    async def group_discard(self, group: str, channel: str) -> None:
        self.groups.discard(group)

    async def receive(self, channel: str) -> Any:
        message = await self.messages.get()
        if isinstance(message, Exception):
            raise message
        return message


class Hearer:
    def __init__(self) -> None:
        self.notices: asyncio.Queue[Notice] = asyncio.Queue()

    def offer(self, notice: Notice) -> None:
        self.notices.put_nowait(notice)

    def change(self, session_id: str) -> None:
        raise AssertionError("nobody watches")


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    layer = Layer()
    monkeypatch.setattr(sources, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(sources, "_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(sources, "_JOIN_SECONDS", 0.02)
    return layer


async def test_a_redis_that_forgot_who_listens_is_told_again(layer: Layer) -> None:
    hearer = Hearer()
    source = sources.LayerSource(hearer)
    await source.start()
    await source.follow("a")
    layer.restart()
    async with asyncio.timeout(5):
        while not layer.groups:
            await asyncio.sleep(0.005)
    layer.send("session.a", {"type": "stream.hint", "session": "a", "seq": 3, "frames": ["x"]})
    async with asyncio.timeout(5):
        assert await hearer.notices.get() == Notice("a", 3, ("x",))
    await source.stop()


async def test_a_redis_that_answers_nothing_holds_no_stream_back(layer: Layer) -> None:
    layer.hangs = True
    source = sources.LayerSource(Hearer())
    await source.start()
    async with asyncio.timeout(5):
        await source.follow("a")
    await source.stop()


async def test_a_stream_that_could_not_begin_leaves_nothing_behind(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        raise OperationalError("the database system is starting up")

    hub = Hub()
    monkeypatch.setattr(hub, "frames_after", away)
    monkeypatch.setattr("sessions.streaming.conf.redis_url", lambda: "redis://")
    with pytest.raises(OperationalError):
        async with hub.subscribe("a", 0, 3):
            pass
    assert (layer.groups, hub._opening, hub._followed) == (set(), {}, {})
    await hub.close()
