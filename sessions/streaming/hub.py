"""One hub per web process: hints come in, every session that is followed has one tail, any number of cursors follow."""

import asyncio
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog

from sessions.streaming import conf, log
from sessions.streaming.frames import Notice
from sessions.streaming.readers import Readers
from sessions.streaming.sources import DatagramSource, LayerSource, Source
from sessions.streaming.tail import Cursor, Tail

P = ParamSpec("P")
R = TypeVar("R")
logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Subscription:
    """One follower's place in one session's stream."""

    tail: Tail
    cursor: Cursor

    async def next(self, timeout_seconds: float) -> list[tuple[int, str]]:
        """The next (seq or TOKENS, frame), a batch in order; empty when none came in time."""
        ends_at = time.monotonic() + timeout_seconds
        while not (rows := await self.tail.take(self.cursor)) and (left := ends_at - time.monotonic()) > 0:
            await self.tail.wait(self.cursor, left)
        return rows


@dataclass(slots=True)
class _Followed:
    tail: Tail
    task: asyncio.Task[None]
    followers: int = 0


class Hub:
    """Belongs to one event loop. Reads run in threads of its own, so a slow query never stops the loop."""

    def __init__(self) -> None:
        self._followed: dict[str, _Followed] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._watchers: set[Callable[[str], None]] = set()
        self._listeners: dict[str, set[Callable[[Notice], None]]] = {}
        self._wanted: Counter[str] = Counter()
        self._unfollowing: set[asyncio.Future[None]] = set()
        self._readers = Readers()
        self._source: Source | None = None
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def subscribe(self, session_id: str, after: int, last_seq: int) -> AsyncIterator[Subscription]:
        """Follow a session from behind seq `after`; `last_seq` is where its log stood when access was checked."""
        followed = await self._follow(session_id, last_seq)
        try:
            yield Subscription(followed.tail, Cursor(after))
        finally:
            followed.followers -= 1
            if not followed.followers:
                loop = asyncio.get_running_loop()
                loop.call_later(conf.TAIL_SECONDS, self._drop_unfollowed, session_id, followed)

    @asynccontextmanager
    async def watch(self, on_change: Callable[[str], None]) -> AsyncIterator[None]:
        """Hear of every session that changes, of all workspaces: `on_change(session id)`, on the loop."""
        source = await self.start()
        self._watchers.add(on_change)
        await source.follow_all(True)
        try:
            yield
        finally:
            self._watchers.discard(on_change)
            if not self._watchers:
                await source.follow_all(False)

    @asynccontextmanager
    async def listen(self, session_id: str, on_notice: Callable[[Notice], None]) -> AsyncIterator[None]:
        """Hear of one session what the source brings, on the loop, without its log."""
        self._listeners.setdefault(session_id, set()).add(on_notice)
        try:
            await self._join(session_id)
            try:
                yield
            finally:
                await self._leave(session_id)
        finally:
            self._listeners[session_id].discard(on_notice)
            if not self._listeners[session_id]:
                del self._listeners[session_id]

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a query in a reader thread."""
        return await self._readers.read(function, *args, **kwargs)

    def offer(self, notice: Notice) -> None:
        """What the source calls for every hint."""
        if followed := self._followed.get(notice.session_id):
            followed.tail.offer(notice)
        for listener in list(self._listeners.get(notice.session_id, ())):
            listener(notice)
        if notice.last_seq >= 0:
            for watcher in list(self._watchers):
                watcher(notice.session_id)

    def change(self, session_id: str) -> None:
        for watcher in list(self._watchers):
            watcher(session_id)

    async def start(self) -> Source:
        async with self._starting:
            if self._source is None:
                source: Source = LayerSource(self) if conf.redis_url() else DatagramSource(self)
                await source.start()
                self._source = source
        return self._source

    async def close(self) -> None:
        """Ends what the hub runs (in tests; a web process just ends)."""
        for followed in self._followed.values():
            followed.task.cancel()
        self._followed.clear()
        self._wanted.clear()
        if self._source:
            await self._source.stop()
            self._source = None
        await self._readers.close()

    async def _follow(self, session_id: str, last_seq: int) -> _Followed:
        try:
            async with self._opening.setdefault(session_id, asyncio.Lock()):
                followed = self._followed.get(session_id) or await self._open(session_id, last_seq)
                followed.followers += 1
        finally:
            self._opening.pop(session_id, None)
        return followed

    async def _open(self, session_id: str, last_seq: int) -> _Followed:
        await self._join(session_id)
        tail = Tail(session_id, self.frames_after)
        try:
            await tail.fill(last_seq)
        except BaseException:  # the database is away, or the client has gone: nobody follows
            await self._leave(session_id)
            raise
        followed = self._followed[session_id] = _Followed(tail, asyncio.create_task(self._keep_following(tail)))
        tail.look()  # for the hints that came while it was being filled
        return followed

    def _drop_unfollowed(self, session_id: str, followed: _Followed) -> None:
        if not followed.followers and self._followed.get(session_id) is followed:
            del self._followed[session_id]
            followed.task.cancel()
            unfollowing = asyncio.ensure_future(self._leave(session_id))
            self._unfollowing.add(unfollowing)
            unfollowing.add_done_callback(self._unfollowing.discard)

    async def _join(self, session_id: str) -> None:
        """Raises: what the source does; nobody has joined then."""
        source = await self.start()
        self._wanted[session_id] += 1
        try:
            await source.follow(session_id)
        except BaseException:
            await self._leave(session_id)
            raise

    async def _leave(self, session_id: str) -> None:
        if session_id not in self._wanted:  # the hub was closed
            return
        self._wanted[session_id] -= 1
        if self._wanted[session_id] > 0:
            return
        del self._wanted[session_id]
        source = await self.start()
        await source.unfollow(session_id)
        if session_id in self._wanted:  # somebody came meanwhile
            await source.follow(session_id)

    async def _keep_following(self, tail: Tail) -> None:
        while True:
            try:
                await tail.follow()
            except Exception as error:  # noqa: BLE001  (a database that is away must not end the stream)
                logger.warning("the event log could not be read", session_id=tail.session_id, error=str(error))
                await asyncio.sleep(conf.SAFETY_POLL_SECONDS)

    async def frames_after(self, session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        return await self.read(log.frames_after, session_id, after, limit)


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


def running_hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
