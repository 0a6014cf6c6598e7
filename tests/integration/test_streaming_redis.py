"""With Redis: hints travel through the channel layer, doorbells through Celery, and nothing depends on them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from channels.layers import channel_layers

from sessions import dispatch
from sessions.streaming import conf, publisher, sources
from sessions.streaming.frames import Notice
from sessions.streaming.hub import Subscription, running_hub
from tests.chaos.services import Redis, need_programs
from tests.conftest import need_service
from tests.logs import write_events
from tests.make import Make

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/10")
write = sync_to_async(write_events)


async def close_layer() -> None:
    """Close the running loop's connections to Redis; a program's end does it otherwise."""
    layer: Any = channel_layers["default"]
    if connections := layer._layers.pop(asyncio.get_running_loop(), None):
        await connections.flush()


def layers(host: dict[str, Any]) -> dict[str, Any]:
    return {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host]}}}


@pytest.fixture
def redis(settings: Any) -> Iterator[None]:
    need_service("Redis", 6379)
    settings.REDIS_URL = REDIS
    settings.CHANNEL_LAYERS = layers({"address": REDIS, "socket_timeout": None})
    channel_layers.backends.clear()
    yield
    publisher.flush(5)
    publisher.sender_loop().run(close_layer())
    channel_layers.backends.clear()


@pytest.fixture
def own_redis(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """One that may be stopped; not running yet."""
    need_programs("redis-server", "redis-cli")
    server = Redis(tmp_path)
    settings.REDIS_URL = f"redis://127.0.0.1:{server.port}/0"
    settings.CHANNEL_LAYERS = layers({"address": settings.REDIS_URL})
    monkeypatch.setattr(sources, "_REJOIN_SECONDS", 0.05)
    monkeypatch.setattr(sources, "_AGAIN_SECONDS", 0.05)
    channel_layers.backends.clear()
    yield server
    publisher.flush(5)
    publisher.sender_loop().run(close_layer())
    channel_layers.backends.clear()
    server.stop(signal.SIGKILL)


@pytest.fixture
async def closed_hub() -> AsyncIterator[None]:
    yield
    await running_hub().close()


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
async def test_a_follower_hears_through_the_channel_layer(redis: None, closed_hub: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(conf, "SAFETY_POLL_SECONDS", 60)
    session = await sync_to_async(lambda: Make().session())()
    async with running_hub().subscribe(str(session.id), 0, 0) as subscription:
        await asyncio.sleep(0.1)
        texts = await write(session, "session.created", "task.created")
        seen: list[str] = []
        while len(seen) < 2:
            rows = await subscription.next(5)
            assert rows, "no hint came"
            seen += [text for _, text in rows]
        assert seen == texts


@pytest.mark.redis
async def test_the_dashboard_hears_of_every_session(redis: None, closed_hub: None) -> None:
    changed: asyncio.Queue[str] = asyncio.Queue()
    async with running_hub().watch(changed.put_nowait):
        publisher.publish([Notice("0000-some-session", 3, ("x",))])
        assert await asyncio.wait_for(changed.get(), 5) == "0000-some-session"


def test_ringing_never_waits_for_a_redis_that_is_away(settings: Any) -> None:
    """Nothing listens on port 1: the ring is lost in the background."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    started = time.perf_counter()
    for number in range(50):
        dispatch.ring_session(f"session-{number}")
    assert time.perf_counter() - started < 0.1
    settings.REDIS_URL = ""
    assert current_app.conf.task_always_eager is not True
    dispatch.flush(5)


async def hear(subscription: Subscription, session_id: str, seq: int) -> None:
    """Publishes until a hint of this seq has come."""
    async with asyncio.timeout(20):
        rows: list[tuple[int, str]] = []
        while not rows:
            publisher.publish([Notice(session_id, seq, (f"frame {seq}",))])
            rows = await subscription.next(0.2)
    assert rows == [(seq, f"frame {seq}")]


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
async def test_a_stream_hears_again_after_redis_was_restarted(own_redis: Redis, closed_hub: None) -> None:
    own_redis.start()
    session_id = str(uuid4())
    async with running_hub().subscribe(session_id, 0, 0) as subscription:
        await hear(subscription, session_id, 1)
        await asyncio.to_thread(own_redis.restart, signal.SIGKILL)
        await hear(subscription, session_id, 2)


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
async def test_a_stream_begun_while_redis_was_away_hears_once_it_is_there(own_redis: Redis, closed_hub: None) -> None:
    session_id = str(uuid4())
    async with running_hub().subscribe(session_id, 0, 0) as subscription:
        await asyncio.to_thread(own_redis.start)
        await hear(subscription, session_id, 1)
