"""A few threads for blocking reads, whose database connections are closed with them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class ReaderPool:
    """At most `size` threads. `close_connections` is called in each of them at the end."""

    def __init__(self, name: str, size: int, close_connections: Callable[[], None] = lambda: None) -> None:
        self._size, self._close_connections = size, close_connections
        self._threads = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The function's result, from a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def close(self) -> None:
        """Close every thread's connections and end the threads; blocks for at most two seconds."""
        together = threading.Barrier(self._size)
        ends = [self._threads.submit(self._end_thread, together) for _ in range(self._size)]
        self._threads.shutdown(wait=False)
        for end in ends:
            end.exception(timeout=3)

    def _end_thread(self, together: threading.Barrier) -> None:
        self._close_connections()
        together.wait(timeout=2)


async def happened_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether the event came in time. (`asyncio.wait_for` of Python 3.11 can swallow a cancel.)"""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
