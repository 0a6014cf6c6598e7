"""A request's thread hears of one session, from the hub of the loop that serves the request."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from core.waiting import News
from sessions.streaming.frames import TOKENS, Notice, is_terminal
from sessions.streaming.hub import Hub, running_hub

_serving: ContextVar[tuple[asyncio.AbstractEventLoop, Hub] | None] = ContextVar("serving", default=None)


def serve_listeners() -> None:
    """What is called from here on, also in threads of `sync_to_async`, can listen by the running loop."""
    _serving.set((asyncio.get_running_loop(), running_hub()))


@contextmanager
def news_of_end(session_id: UUID) -> Iterator[News | None]:
    """Tells when the session may have ended; None where no loop serves the caller (a command, a plain test)."""
    serving = _serving.get()
    if serving is None:
        yield None
        return
    loop, hub = serving
    ear = _Ear()
    listening = asyncio.run_coroutine_threadsafe(_listen(hub, str(session_id), ear), loop)
    try:
        yield ear
    finally:
        listening.cancel()


async def _listen(hub: Hub, session_id: str, ear: "_Ear") -> None:
    async with hub.listen(session_id, ear.hear):
        ear.open()
        await asyncio.get_running_loop().create_future()  # until it is cancelled


class _Ear:
    """Hears on the loop what a thread waits for."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self.is_heard = False

    def open(self) -> None:
        self.is_heard = True
        self._told.set()  # for what came before

    def hear(self, notice: Notice) -> None:
        if may_be_end(notice):
            self._told.set()

    def pause(self, seconds: float) -> None:
        self._told.wait(seconds)
        self._told.clear()


def may_be_end(notice: Notice) -> bool:
    """Whether the session has ended, as far as the notice tells: a bare one may hide anything, text nothing."""
    if notice.last_seq == TOKENS:
        return False
    return not notice.frames or any(is_terminal(frame) for frame in notice.frames)
