"""A request that waits for a session's end, woken by the hub of the loop that serves it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from core import waiting
from core.waiting import wait_until
from sessions.streaming.frames import TOKENS, UNKNOWN, Notice
from sessions.streaming.hub import Hub, running_hub
from sessions.streaming.listening import may_be_end, news_of_end, serve_listeners

END = '{"seq":3,"type":"session.completed"}'
STEP = '{"seq":2,"type":"task.started"}'
SESSION = uuid4()


@pytest.fixture
async def hub(settings: object, tmp_path: object) -> AsyncIterator[Hub]:
    settings.REDIS_URL, settings.DATA_DIR = "", tmp_path  # type: ignore[attr-defined]
    serve_listeners()
    yield running_hub()
    await running_hub().close()


class Session:
    """Whether it has ended, and how often that was asked."""

    def __init__(self) -> None:
        self.has_ended = False
        self.looks = 0

    def look(self) -> bool:
        self.looks += 1
        return self.has_ended

    async def wait(self, seconds: float) -> bool:
        return await sync_to_async(lambda: wait_until(self.look, seconds, news_of_end(SESSION)))()


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("notice", [Notice(str(SESSION), 3, (STEP, END)), Notice(str(SESSION), UNKNOWN)])
async def test_the_end_wakes_the_request_at_once(hub: Hub, notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAFETY_LOOK_SECONDS", 30)
    session = Session()
    waiter = asyncio.create_task(session.wait(30))
    await until(lambda: session.looks and hub._listeners)
    await asyncio.sleep(0.1)
    looks = session.looks
    session.has_ended = True
    hub.offer(notice)
    begun = time.monotonic()
    assert await waiter
    assert time.monotonic() - begun < 5
    assert session.looks == looks + 1
    assert looks <= 3


async def test_what_is_no_end_wakes_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAFETY_LOOK_SECONDS", 30)
    session = Session()
    waiter = asyncio.create_task(session.wait(0.5))
    await until(lambda: session.looks and hub._listeners)
    await asyncio.sleep(0.1)
    looks = session.looks
    hub.offer(Notice(str(SESSION), 2, (STEP,)))
    hub.offer(Notice(str(SESSION), TOKENS, ("text",)))
    hub.offer(Notice(str(uuid4()), 3, (END,)))
    await asyncio.sleep(0.1)
    assert session.looks == looks
    assert not await waiter


async def test_news_that_are_lost_cost_a_second_at_most(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAFETY_LOOK_SECONDS", 0.05)
    session = Session()
    waiter = asyncio.create_task(session.wait(30))
    await until(lambda: session.looks)
    session.has_ended = True
    async with asyncio.timeout(10):
        assert await waiter


async def test_where_nobody_can_listen_the_request_looks(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> None:
        raise OSError("no socket")

    monkeypatch.setattr(hub, "start", fail)
    session = Session()
    waiter = asyncio.create_task(session.wait(30))
    await until(lambda: session.looks > 3)
    session.has_ended = True
    async with asyncio.timeout(10):
        assert await waiter


async def test_a_hundred_that_have_waited_leave_nothing_behind(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str] = []
    source = await hub.start()
    monkeypatch.setattr(source, "unfollow", _noted(followed))
    for _ in range(4):
        assert not any(await asyncio.gather(*(Session().wait(0.05) for _ in range(25))))
    await until(lambda: not hub._listeners and not hub._wanted)
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert set(followed) == {str(SESSION)}


def _noted(followed: list[str]) -> Callable[[str], Coroutine[Any, Any, None]]:
    async def unfollow(session_id: str) -> None:
        followed.append(session_id)

    return unfollow


async def test_a_stream_keeps_hearing_when_a_request_stops_waiting(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub._join(str(SESSION))
    left: list[str] = []
    source = await hub.start()
    monkeypatch.setattr(source, "unfollow", _noted(left))
    async with hub.listen(str(SESSION), lambda notice: None):
        pass
    assert left == []
    await hub._leave(str(SESSION))
    assert left == [str(SESSION)]


def test_without_a_loop_there_are_no_news() -> None:
    with news_of_end(SESSION) as news:
        assert news is None


def test_only_the_last_event_and_what_may_hide_it_can_be_the_end() -> None:
    assert may_be_end(Notice("s", 3, (STEP, END)))
    assert may_be_end(Notice("s", 3))
    assert not may_be_end(Notice("s", 2, (STEP,)))
    assert not may_be_end(Notice("s", TOKENS, (END,)))
