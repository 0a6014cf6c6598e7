"""The threads in which a hub reads the database, each with a connection that stays open.

Django closes its connections after each request (CONN_MAX_AGE is 0 under ASGI, where threads come and go). These
threads stay; with a new connection for each read a thousand followers who came at once waited 15 s on PostgreSQL.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 2
SQLITE_CACHE_KIB = 1000


class Readers:
    """Belongs to one event loop, which a slow query here does not stop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="stream-reader")

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns, or raises, in one of the threads."""

        def work() -> R:
            _keep_connection()
            return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Ends the threads and their connections."""
        together = threading.Barrier(THREADS)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, _end_thread, together) for _ in range(THREADS)))
        self._threads.shutdown()


def _keep_connection() -> None:
    """One that is kept is also asked whether it is alive before it is used again (CONN_HEALTH_CHECKS).

    On SQLite it keeps little of the file in memory: a log is read once, from front to back.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close_at = None
    connection.close_if_unusable_or_obsolete()
    if connection.connection is None and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")


def _end_thread(together: threading.Barrier) -> None:
    connections.close_all()
    together.wait(timeout=2)  # otherwise one idle thread would do it all, and the other keep its connection
