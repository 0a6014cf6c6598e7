"""One session's log as a web process sees it: read once, kept as texts, followed by any number of cursors."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from sessions.streaming import conf
from sessions.streaming.frames import TOKENS, Notice, is_terminal

ReadFrames = Callable[[str, int, int], Awaitable[list[tuple[int, str]]]]
"""(session id, after seq, limit) -> (seq, text) of the events that follow, in order."""


@dataclass(slots=True)
class Cursor:
    """How far one follower is: `seq` in the log, `position` in the ring (None: behind the ring, reads the log)."""

    seq: int
    position: int | None = None
    has_ended: bool = False


@dataclass(slots=True)
class Tail:
    """The newest frames of one session in a bounded ring (with streamed text between them, which has no seq).

    `head` is the seq of the newest event here. Events enter in the order of their seq without a gap: a notice that
    would leave one only wakes the reader, which gets them from the log.
    """

    session_id: str
    read: ReadFrames
    head: int = 0
    _ring: deque[tuple[int, str]] = field(default_factory=deque)
    _ring_bytes: int = 0
    _first_position: int = 0
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def fill(self, last_seq: int) -> None:
        """Start with the newest events up to `last_seq` (and whatever has come since) in the ring."""
        self.head = max(0, last_seq - conf.RING_EVENTS)
        await self.catch_up()

    def offer(self, notice: Notice) -> None:
        """Take what a notice brings; wake the reader when the log holds more."""
        if notice.last_seq == TOKENS:
            self._append((TOKENS, text) for text in notice.frames)
            return
        first = notice.last_seq - len(notice.frames) + 1
        if notice.frames and first <= self.head + 1:
            self._append(row for row in enumerate(notice.frames, first) if row[0] > self.head)
        if notice.last_seq > self.head or not notice.last_seq:
            self._wanted.set()

    def look(self) -> None:
        """Make `follow` read the log now."""
        self._wanted.set()

    async def follow(self) -> None:
        """Read the log whenever a notice says there is more, and every 2 s anyway. Runs until cancelled."""
        while True:
            try:
                async with asyncio.timeout(conf.SAFETY_POLL_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            await self.catch_up()

    async def catch_up(self) -> None:
        while rows := await self.read(self.session_id, self.head, conf.PAGE_EVENTS):
            self._append(row for row in rows if row[0] > self.head)
            if len(rows) < conf.PAGE_EVENTS and sum(len(text) for _, text in rows) < conf.PAGE_BYTES:
                return

    async def take(self, cursor: Cursor, limit: int = 200) -> list[tuple[int, str]]:
        """The next (seq or TOKENS, frame), at once; empty when the follower has all. Moves the cursor past them."""
        if cursor.position is None or cursor.position < self._first_position:
            rows = await self._rows_behind_ring(cursor, limit)
        else:
            rows = self._rows_of_ring(cursor, limit)
        rows = [row for row in rows if row[0] == TOKENS or row[0] > cursor.seq]
        cursor.seq = max([cursor.seq, *(seq for seq, _ in rows)])
        cursor.has_ended = cursor.has_ended or any(is_terminal(text) for _, text in rows)
        return rows

    async def wait(self, cursor: Cursor, timeout_seconds: float) -> None:
        """Returns when there may be something to take, or when the time is over."""
        if cursor.position is None or cursor.position < self._first_position + len(self._ring):
            return
        loop = asyncio.get_running_loop()  # by hand: a fifth less than an Event and a timeout, for a thousand
        moved: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(timeout_seconds, _wake, moved)
        self._waiting.add(moved)
        try:
            await moved
        finally:
            timer.cancel()
            self._waiting.discard(moved)

    async def _rows_behind_ring(self, cursor: Cursor, limit: int) -> list[tuple[int, str]]:
        oldest = next((seq for seq, _ in self._ring if seq != TOKENS), self.head + 1)
        if cursor.seq >= oldest - 1:
            cursor.position = self._first_position
            return self._rows_of_ring(cursor, limit)
        return await self.read(self.session_id, cursor.seq, limit)

    def _rows_of_ring(self, cursor: Cursor, limit: int) -> list[tuple[int, str]]:
        assert cursor.position is not None
        start = cursor.position - self._first_position
        rows = [self._ring[index] for index in range(start, min(start + limit, len(self._ring)))]
        cursor.position += len(rows)
        return rows

    def _append(self, rows: Iterable[tuple[int, str]]) -> None:
        for seq, text in rows:
            self._ring.append((seq, text))
            self._ring_bytes += len(text)
            self.head = max(self.head, seq)
        while len(self._ring) > conf.RING_EVENTS or (self._ring_bytes > conf.RING_BYTES and len(self._ring) > 1):
            self._ring_bytes -= len(self._ring.popleft()[1])
            self._first_position += 1
        waiting, self._waiting = self._waiting, set()
        for moved in waiting:
            _wake(moved)


def _wake(moved: "asyncio.Future[None]") -> None:
    if not moved.done():
        moved.set_result(None)
