"""The journal's way out: "session X now stands at N", to every web process."""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterable
from typing import Any

from channels.layers import get_channel_layer

from sessions.streaming import conf
from sessions.streaming.frames import TOKENS, UNKNOWN, Notice, pack
from sessions.streaming.outbox import Outbox
from sessions.streaming.sockets import Caller, folder

_LARGEST_BACKLOG = 2000
_LARGEST_TEXT_BACKLOG = 200  # from here on the oldest streamed text is dropped for newer: nobody reads this fast
_LOOK_BACK = 64  # how far a notice is looked for to join; further back it only costs time
DASHBOARD_GROUP = "dashboard"


__all__ = ["Notice", "flush", "publish", "publish_change", "publish_token"]


def session_group(session_id: str) -> str:
    return f"session.{session_id}"


def publish(notices: Iterable[Notice]) -> None:
    """Tell every web process what was committed. Never raises, never blocks; what is lost is found in the log."""
    _outbox.put_all(notices)


def publish_token(session_id: str, frame: str) -> None:
    """Stream a frame that is not stored; lost when nobody listens or the way is full."""
    _outbox.put(Notice(session_id, TOKENS, (frame,)))


def publish_change(session_id: str) -> None:
    """Something about this session changed outside the journal: whoever shows it looks again."""
    _outbox.put(Notice(session_id, UNKNOWN))


def flush(timeout_seconds: float = 1.0) -> bool:
    return _outbox.flush(timeout_seconds)


def merge(pending: list[Notice], notice: Notice) -> None:
    """Add a notice to those that wait: joined to the newest of its session where no event is skipped."""
    if notice.size > conf.HINT_FRAME_BYTES:
        notice = notice.bare()
    looked_at = range(len(pending) - 1, max(-1, len(pending) - 1 - _LOOK_BACK), -1)
    last = next((index for index in looked_at if pending[index].session_id == notice.session_id), None)
    if last is not None and (joined := _joined(pending[last], notice)):
        pending[last] = joined
    elif notice.last_seq == TOKENS:
        _add_text(pending, notice)
    elif len(pending) < _LARGEST_BACKLOG:
        pending.append(notice)
    else:
        _shrink(pending, notice)


def _add_text(pending: list[Notice], notice: Notice) -> None:
    """Streamed text takes the place of older text where much waits, and never that of a hint."""
    if len(pending) >= _LARGEST_TEXT_BACKLOG:
        oldest = next((index for index, older in enumerate(pending) if older.last_seq == TOKENS), None)
        if oldest is None:
            return
        del pending[oldest]
    pending.append(notice)


def _joined(older: Notice, newer: Notice) -> Notice | None:
    fits = older.size + newer.size <= conf.HINT_FRAME_BYTES
    if TOKENS in (older.last_seq, newer.last_seq):
        both = older.last_seq == newer.last_seq and fits
        return Notice(newer.session_id, TOKENS, older.frames + newer.frames) if both else None
    if newer.last_seq == UNKNOWN:
        return older if older.last_seq == UNKNOWN else None
    if older.last_seq == UNKNOWN:
        return newer
    follows = newer.last_seq - len(newer.frames) == older.last_seq
    if follows and fits and older.frames and newer.frames:
        return Notice(newer.session_id, newer.last_seq, older.frames + newer.frames)
    return newer.bare()


def _shrink(pending: list[Notice], notice: Notice) -> None:
    """Too much waits: keep one bare hint a session."""
    newest = {item.session_id: item.bare() for item in [*pending, notice] if item.last_seq != TOKENS}
    pending[:] = newest.values()


def _deliver(notices: list[Notice]) -> None:
    if conf.redis_url():
        sender_loop().run(_send_to_layer(notices))
    else:
        _caller().send("web", pack(notices))


async def _send_to_layer(notices: list[Notice]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    for notice in notices:
        message = {"type": "stream.hint", "session": notice.session_id, "seq": notice.last_seq, "frames": notice.frames}
        await layer.group_send(session_group(notice.session_id), message)
    changed = sorted({notice.session_id for notice in notices if notice.last_seq != TOKENS})
    if changed:
        await layer.group_send(DASHBOARD_GROUP, {"type": "dashboard.hint", "sessions": changed})


class SenderLoop:
    """One event loop for all sends of this process: a new one for each would also mean a new connection each time."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="layer-sender", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        sending = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            sending.result(timeout=10)
        except TimeoutError:
            sending.cancel()  # a Redis that answers nothing must not collect what waits for it
            raise


_loops: dict[int, SenderLoop] = {}
_callers: dict[tuple[int, str], Caller] = {}


def sender_loop() -> SenderLoop:
    return _loops.setdefault(os.getpid(), _loops.get(os.getpid()) or SenderLoop())


def _caller() -> Caller:
    place = folder(conf.data_dir())
    key = (os.getpid(), str(place))
    return _callers.setdefault(key, _callers.get(key) or Caller(place))


_outbox: Outbox[Notice] = Outbox("stream-publisher", merge, _deliver)
