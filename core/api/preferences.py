"""`Prefer: wait=N` (RFC 7240): hold the answer back until the work is done, for at most N seconds."""

import re
import time
from collections.abc import Callable
from threading import BoundedSemaphore

from rest_framework.request import Request
from rest_framework.response import Response

MAX_WAIT_SECONDS = 60

SHORTEST_LOOK_SECONDS = 0.001
LONGEST_LOOK_SECONDS = 0.05
MAX_WAITING_REQUESTS = 32

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)
_places = BoundedSemaphore(MAX_WAITING_REQUESTS)


def preferred_wait(request: Request, default: int = 0) -> int:
    """The seconds the caller would wait, at most 60; a preference that cannot be read is ignored, as the RFC says."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else default


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


def say_applied(response: Response, seconds: int) -> None:
    """Tell the caller that the preference was heard."""
    if seconds:
        response["Preference-Applied"] = f"wait={seconds}"
