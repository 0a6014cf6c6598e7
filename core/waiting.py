"""Waiting for what another process does: its database is the truth, news of it only say when to look."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import BoundedSemaphore
from typing import Protocol

from django.db import connection

SHORTEST_LOOK_SECONDS = 0.001
LONGEST_LOOK_SECONDS = 0.05
EAR_SECONDS = 0.02  # for the first news: that there is somebody who listens
SAFETY_LOOK_SECONDS = 1.0  # while somebody listens, for news that are lost
MAX_WAITING_REQUESTS = 32

_places = BoundedSemaphore(MAX_WAITING_REQUESTS)


class News(Protocol):
    """Ends a pause when there may be something to see."""

    @property
    def is_heard(self) -> bool:
        """Whether all that happens from now on is told, as long as nothing is lost."""

    def pause(self, seconds: float) -> None:
        """Returns at the next news (or at those that came since the last pause), and after so many seconds."""


NO_NEWS: AbstractContextManager[News | None] = nullcontext()


def wait_until(is_so: Callable[[], bool], seconds: float, news: AbstractContextManager[News | None] = NO_NEWS) -> bool:
    """Whether it became so in time. With too many requests waiting in this process it looks once and answers.

    Without news it looks often at first and less often the longer it takes: the answer is late by a tenth of the wait
    at most. Outside of any transaction.
    """
    if seconds <= 0 or not _places.acquire(blocking=False):
        return is_so()
    try:
        end = time.monotonic() + seconds
        with news as teller:
            return _looked_until(is_so, end) if teller is None else _heard_until(is_so, end, teller)
    finally:
        _places.release()


def _looked_until(is_so: Callable[[], bool], end: float) -> bool:
    started = time.monotonic()
    while not is_so():
        now = time.monotonic()
        if now >= end:
            return False
        _lend_connection()
        time.sleep(min(_usual_pause(now - started), end - now))
    return True


def _heard_until(is_so: Callable[[], bool], end: float, news: News) -> bool:
    started = time.monotonic()
    news.pause(min(EAR_SECONDS, end - started))
    while not is_so():
        now = time.monotonic()
        if now >= end:
            return False
        _lend_connection()
        news.pause(min(SAFETY_LOOK_SECONDS if news.is_heard else _usual_pause(now - started), end - now))
    return True


def _usual_pause(waited: float) -> float:
    return min(max(waited / 10, SHORTEST_LOOK_SECONDS), LONGEST_LOOK_SECONDS)


def _lend_connection() -> None:
    """Whoever waits needs no connection: where they are kept in a pool, another request may have it meanwhile."""
    if getattr(connection, "is_kept", False) and not connection.in_atomic_block:
        connection.close()
