"""Waiting for what another process does, with its database as the only news."""

import time
from collections.abc import Callable
from threading import BoundedSemaphore

SHORTEST_LOOK_SECONDS = 0.001
LONGEST_LOOK_SECONDS = 0.05
MAX_WAITING_REQUESTS = 32

_places = BoundedSemaphore(MAX_WAITING_REQUESTS)


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it became so in time. With too many requests waiting in this process it looks once and answers."""
    if seconds <= 0 or not _places.acquire(blocking=False):
        return is_so()
    try:
        return _looked_until(is_so, time.monotonic() + seconds)
    finally:
        _places.release()


def _looked_until(is_so: Callable[[], bool], end: float) -> bool:
    """Looks often at first and less often the longer it takes: the answer is late by a tenth of the wait at most."""
    started = time.monotonic()
    while not is_so():
        now = time.monotonic()
        if now >= end:
            return False
        pause = min(max((now - started) / 10, SHORTEST_LOOK_SECONDS), LONGEST_LOOK_SECONDS)
        time.sleep(min(pause, end - now))
    return True
