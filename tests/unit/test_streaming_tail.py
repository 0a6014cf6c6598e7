"""A follower sees every event once and in order, whatever is lost on the way."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.streaming import conf
from sessions.streaming.frames import TOKENS, Notice, is_terminal, pack, unpack
from sessions.streaming.publisher import merge
from sessions.streaming.tail import Cursor, Tail


class Log:
    """A log in memory, and how often it was read."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reads = 0

    async def read(self, session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        self.reads += 1
        return list(enumerate(self.texts[after : after + limit], after + 1))

    def write(self, count: int) -> Notice:
        new = tuple(f"event {len(self.texts) + number}" for number in range(1, count + 1))
        self.texts.extend(new)
        return Notice("s", len(self.texts), new)


async def take(tail: Tail, cursor: Cursor, limit: int = 200) -> list[str]:
    return [text for _, text in await tail.take(cursor, limit)]


async def everything(tail: Tail, cursor: Cursor) -> list[str]:
    found: list[str] = []
    while True:
        before = (cursor.seq, cursor.position)
        found += await take(tail, cursor, 7)
        if before == (cursor.seq, cursor.position):
            return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_resumed_follower_gets_exactly_the_missing_frames(data: st.DataObject) -> None:
    """Random bursts, random cuts, random loss of hints and of the frames in them, a ring too small for it all."""
    rng = data.draw(st.randoms(use_true_random=False))

    async def play() -> None:
        log = Log()
        log.write(rng.randint(0, 20))
        tail = Tail("s", log.read)
        await tail.fill(len(log.texts))
        followers = [(Cursor(start := rng.randint(0, len(log.texts))), start, []) for _ in range(3)]
        for _ in range(rng.randint(1, 12)):
            notice = log.write(rng.randint(1, 9))
            if rng.random() < 0.6:
                tail.offer(notice if rng.random() < 0.7 else notice.bare())
            if rng.random() < 0.5:
                tail.offer(Notice("s", TOKENS, ("token",)))
            for cursor, _, seen in followers:
                if rng.random() < 0.5:
                    seen += await take(tail, cursor, rng.randint(1, 5))
        await tail.catch_up()
        for cursor, start, seen in followers:
            seen += await everything(tail, cursor)
            assert [text for text in seen if text != "token"] == log.texts[start:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conf, "RING_EVENTS", rng.randint(3, 30))
        asyncio.run(play())


async def test_followers_of_the_newest_events_cost_no_reads() -> None:
    log = Log()
    log.write(50)
    tail = Tail("s", log.read)
    await tail.fill(50)
    cursors = [Cursor(number) for number in range(50)]
    reads = log.reads
    tail.offer(log.write(3))
    for cursor in cursors:
        start = cursor.seq
        assert await everything(tail, cursor) == log.texts[start:]
    assert log.reads == reads


async def test_a_lost_hint_is_found_by_the_safety_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "SAFETY_POLL_SECONDS", 0.02)
    log = Log()
    tail = Tail("s", log.read)
    await tail.fill(0)
    task = asyncio.create_task(tail.follow())
    cursor = Cursor(0)
    assert await take(tail, cursor) == []
    log.write(2)
    await tail.wait(cursor, 2)
    assert await take(tail, cursor) == ["event 1", "event 2"]
    task.cancel()


async def test_a_hint_that_skips_events_wakes_the_reader() -> None:
    log = Log()
    tail = Tail("s", log.read)
    await tail.fill(0)
    task = asyncio.create_task(tail.follow())
    cursor = Cursor(0)
    await take(tail, cursor)
    log.write(4)
    tail.offer(log.write(1))
    await tail.wait(cursor, 1)
    assert await everything(tail, cursor) == log.texts
    task.cancel()


async def test_an_old_hint_repeats_nothing() -> None:
    log = Log()
    tail = Tail("s", log.read)
    first = log.write(3)
    await tail.fill(3)
    tail.offer(first)
    assert await everything(tail, Cursor(0)) == log.texts


async def test_streamed_text_stands_between_the_events_it_was_streamed_between() -> None:
    log = Log()
    tail = Tail("s", log.read)
    await tail.fill(0)
    cursor = Cursor(0)
    await take(tail, cursor)
    tail.offer(log.write(1))
    tail.offer(Notice("s", TOKENS, ("a", "b")))
    tail.offer(log.write(1))
    assert await take(tail, cursor) == ["event 1", "a", "b", "event 2"]
    assert cursor.seq == 2


async def test_waiting_ends_when_the_time_is_over() -> None:
    log = Log()
    tail = Tail("s", log.read)
    await tail.fill(0)
    cursor = Cursor(0)
    await take(tail, cursor)
    await asyncio.wait_for(tail.wait(cursor, 0.01), 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_joined_notices_never_invent_or_reorder_frames(seed: int) -> None:
    rng = random.Random(seed)
    logs = {name: Log() for name in "abc"}
    pending: list[Notice] = []
    for _ in range(30):
        name = rng.choice("abc")
        new = logs[name].write(rng.randint(1, 4))
        notice = Notice(name, new.last_seq, new.frames)
        merge(pending, notice if rng.random() < 0.8 else notice.bare())
    sent = [notice for message in pack(pending, 200) for notice in unpack(message)]
    for name, log in logs.items():
        mine = [notice for notice in sent if notice.session_id == name]
        assert not log.texts or mine[-1].last_seq == len(log.texts)
        for notice in mine:
            first = notice.last_seq - len(notice.frames)
            assert list(notice.frames) == log.texts[first : notice.last_seq]


def test_large_frames_travel_as_a_hint_only() -> None:
    pending: list[Notice] = []
    merge(pending, Notice("s", 1, ("x" * (conf.HINT_FRAME_BYTES + 1),)))
    assert pending == [Notice("s", 1)]


def test_a_backlog_of_hints_keeps_the_newest_of_each_session() -> None:
    pending: list[Notice] = []
    for number in range(3000):
        merge(pending, Notice(f"s{number % 10}", TOKENS, ("t" * 5000,)))
    for number in range(1, 4):
        merge(pending, Notice("s1", number, ("d",)))
        merge(pending, Notice("new", number + 6, ("d",)))
    assert {notice.session_id: notice.last_seq for notice in pending if notice.last_seq > 0} == {"s1": 3, "new": 9}
    assert len(pending) <= 2001


def test_a_flood_of_text_keeps_the_newest_and_no_hint_makes_way_for_it() -> None:
    pending: list[Notice] = []
    hints = [Notice(f"s{number}", 1, ("d",)) for number in range(100)]
    for number in range(5000):
        if number % 50 == 0:
            merge(pending, hints[number // 50])
        merge(pending, Notice("s0", TOKENS, (f"{number} " + "t" * 5000,)))
    assert [notice for notice in pending if notice.last_seq != TOKENS] == hints
    texts = [notice.frames[0].split()[0] for notice in pending if notice.last_seq == TOKENS]
    assert texts == [str(number) for number in range(5000 - len(texts), 5000)]
    assert sum(notice.size for notice in pending) < 1_100_000


def test_text_is_dropped_where_only_hints_wait() -> None:
    hints = [Notice(f"s{number}", 1, ("d",)) for number in range(500)]
    pending = list(hints)
    merge(pending, Notice("other", TOKENS, ("text",)))
    assert pending == hints


@pytest.mark.parametrize(
    ("frame", "ends"),
    [
        ('{"seq":1,"type":"session.completed"}', True),
        ('{"seq":1,"type":"session.cancelled"}', True),
        ('{"data":{"type":"session.failed"},"seq":1,"type":"log"}', False),
        ('{"seq":1,"type":"task.completed"}', False),
    ],
)
def test_the_last_event_of_a_session_is_known_by_its_type(frame: str, ends: bool) -> None:
    assert is_terminal(frame) is ends


@pytest.mark.parametrize("message", [b"{}x", b"[[1]]", b'{"a":1}', b"\xff"])
def test_a_foreign_datagram_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(message)
