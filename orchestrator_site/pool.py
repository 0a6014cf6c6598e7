"""Connections to the database that outlive the request that made them: taken for one, given back after it.

Only processes that ask for it keep any (`keep_connections`: the web process, whose threads come and go with its
requests). Elsewhere a connection belongs to its thread, as Django has it.
"""

import os
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import OperationalError

C = TypeVar("C")

WAIT_SECONDS = 5.0
IDLE_SECONDS = 60.0  # one that nobody took for so long is closed
LIFE_SECONDS = 600.0  # so that a new primary, or a server with less memory in use, is found in time
_LOOK_SECONDS = 0.1  # a thread that ends with its connection gives no notice


@dataclass(frozen=True, slots=True)
class Driver(Generic[C]):
    """What a pool needs to know of its connections; `is_alive` gets the seconds since it was used, and may ask."""

    is_alive: Callable[[C, float], bool]
    close: Callable[[C], None]


@dataclass(frozen=True, slots=True)
class _Loan:
    born: float
    thread: threading.Thread


@dataclass(frozen=True, slots=True)
class _Idle(Generic[C]):
    connection: C
    born: float
    since: float


class Pool(Generic[C]):
    """At most `limit` connections, in use and idle together. For all threads of one process."""

    def __init__(self, limit: int, driver: Driver[C]) -> None:
        self._limit = limit
        self._driver = driver
        self._lent: WeakKeyDictionary[C, _Loan] = WeakKeyDictionary()
        self._promised = 0
        self._idle: list[_Idle[C]] = []  # the one used last at the end
        self._changed = threading.Condition()

    @property
    def counts(self) -> tuple[int, int]:
        """How many are in use, and how many are idle."""
        with self._changed:
            return len(self._lent), len(self._idle)

    def take(self, connect: Callable[[], C]) -> C:
        """An idle one that is alive, or else a new one. Raises: OperationalError when none became free in time."""
        self._wait_for_place()
        try:
            found = self._alive()
            connection, born = (found.connection, found.born) if found else (connect(), time.monotonic())
            with self._changed:
                self._lent[connection] = _Loan(born, threading.current_thread())
        finally:
            with self._changed:
                self._promised -= 1
                self._changed.notify()
        return connection

    def give_back(self, connection: C) -> None:
        """For the next request: it is in no transaction, and works as far as one knows."""
        now = time.monotonic()
        with self._changed:
            loan = self._lent.pop(connection, None)
            self._idle.append(_Idle(connection, loan.born if loan else now, now))
            expired = [idle for idle in self._idle if now - idle.since > IDLE_SECONDS]
            self._idle = [idle for idle in self._idle if now - idle.since <= IDLE_SECONDS]
            self._changed.notify()
        self._close_all(expired)

    def forget(self, connection: C) -> None:
        """It is closed by whoever has it."""
        with self._changed:
            self._lent.pop(connection, None)
            self._changed.notify()

    def empty(self) -> None:
        """Closes those that are idle, or were left by a thread that has ended."""
        with self._changed:
            self._reclaim()
            idle, self._idle = self._idle, []
        self._close_all(idle)

    def _wait_for_place(self) -> None:
        end = time.monotonic() + WAIT_SECONDS
        with self._changed:
            while len(self._lent) + self._promised >= self._limit and not self._reclaim():
                if (left := end - time.monotonic()) <= 0:
                    raise OperationalError(f"All {self._limit} connections of this process are in use.")
                self._changed.wait(min(left, _LOOK_SECONDS))
            self._promised += 1

    def _reclaim(self) -> bool:
        """Whether a thread had ended without giving its connection back: Django uses one in its own thread only."""
        lost = [connection for connection, loan in self._lent.items() if not loan.thread.is_alive()]
        for connection in lost:
            del self._lent[connection]
            self._driver.close(connection)
        return bool(lost)

    def _alive(self) -> _Idle[C] | None:
        while idle := self._newest():
            now = time.monotonic()
            if now - idle.born > LIFE_SECONDS:
                self._close_all([idle])
            elif self._driver.is_alive(idle.connection, now - idle.since):
                return idle
            else:  # the server has gone, and the others with it: none of them is worth a try
                self._close_all([idle])
                self.empty()
        return None

    def _newest(self) -> _Idle[C] | None:
        with self._changed:
            return self._idle.pop() if self._idle else None

    def _close_all(self, idle: list[_Idle[C]]) -> None:
        for each in idle:
            self._driver.close(each.connection)


_limit = 0
_pools: dict[tuple[int, Hashable], Pool[object]] = {}
_making = threading.Lock()


def keep_connections(limit: int) -> None:
    """From now on this process keeps up to `limit` connections to each database; 0: none."""
    global _limit
    _limit = limit
    empty_pools()


def pool_of(database: Hashable, driver: Driver[C]) -> Pool[C] | None:
    """The pool of a database in this process; None where connections are not kept.

    A child of this process begins with none: a connection cannot be shared by two.
    """
    if not _limit:
        return None
    key = (os.getpid(), database)
    with _making:
        return _pools.setdefault(key, Pool(_limit, driver))  # type: ignore[arg-type, return-value]


def empty_pools() -> None:
    """Closes what is idle here, and begins anew; what is in use is closed after its use."""
    with _making:
        own = [_pools.pop(key) for key in list(_pools) if key[0] == os.getpid()]
    for pool in own:
        pool.empty()
