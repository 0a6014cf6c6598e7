"""Work handed to a background thread so that a door or the journal never waits for a socket."""

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Outbox(Generic[T]):
    """`put` and `put_all` never raise and never block.

    One thread per process (made on first use, anew after a fork) delivers.

    `merge(pending, item)` adds an item to what waits and keeps that bounded. What `deliver` raises is logged, at most
    once a minute, and the items are dropped: they are hints, the database is the truth.
    """

    def __init__(self, name: str, merge: Callable[[list[T], T], None], deliver: Callable[[list[T]], None]) -> None:
        self._name = name
        self._merge = merge
        self._deliver = deliver
        self._pid = 0
        self._complained_at = -60.0
        self._reset()

    def put(self, item: T) -> None:
        self.put_all([item])

    def put_all(self, items: Iterable[T]) -> None:
        if self._pid != os.getpid():
            self._start()
        with self._condition:
            for item in items:
                self._merge(self._pending, item)
            self._condition.notify()

    def flush(self, timeout_seconds: float = 1.0) -> bool:
        """Waits until all that was put is delivered; False when that takes longer."""
        if self._pid != os.getpid():
            return True
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending and not self._is_delivering, timeout_seconds)

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._pending: list[T] = []
        self._is_delivering = False

    def _start(self) -> None:
        with _starting:
            if self._pid == os.getpid():
                return
            self._reset()
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
            atexit.register(self.flush, 0.5)
            self._pid = os.getpid()

    def _run(self) -> None:
        condition = self._condition
        while True:
            with condition:
                condition.wait_for(lambda: self._pending)
                batch, self._pending = self._pending, []
                self._is_delivering = True
            try:
                self._deliver(batch)
            except Exception as error:  # noqa: BLE001  (the door of this thread: a lost hint must not end it)
                self._complain(error)
            with condition:
                self._is_delivering = False
                condition.notify_all()

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained_at >= 60:
            self._complained_at = time.monotonic()
            log.warning(
                "a hint was lost; streams and workers find the change by themselves", to=self._name, error=str(error)
            )


_starting = threading.Lock()
