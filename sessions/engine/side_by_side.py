"""The calls of an agent in another process, answered side by side: one that waits holds up no other."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

WAITS = ("sleep", "spawn_tasks", "spawn_session")
MOST_CALLS = 100
MOST_WAITS = 1_000
"""Waits are bounded apart: they may be for an answer that is still to be read."""


class SideBySide:
    """Calls under way. While there are too many nothing more is read, so that a flood stays where it comes from."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[None]] = set()
        self._waits: set[asyncio.Task[None]] = set()

    def begin(self, answer: Coroutine[Any, Any, None], *, is_wait: bool) -> None:
        call = asyncio.create_task(answer)
        call.add_done_callback(lambda done: done.cancelled() or done.exception())  # several may end it at once
        (self._waits if is_wait else self._calls).add(call)

    async def until(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What is read next, once there is room for it. Raises: what has ended one of the calls."""
        while len(self._calls) >= MOST_CALLS or len(self._waits) >= MOST_WAITS:
            await self._any_of(self._calls | self._waits)
        reading = asyncio.create_task(read())
        try:
            while not reading.done():
                await self._any_of({reading, *self._calls, *self._waits})
            return reading.result()
        finally:
            reading.cancel()

    async def _any_of(self, tasks: "set[asyncio.Task[Any]]") -> None:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for calls in (self._calls, self._waits):
            for call in done & calls:
                calls.discard(call)
                call.result()

    async def finish(self) -> None:
        """Until all are answered."""
        await asyncio.gather(*self._calls, *self._waits)

    def cancel(self) -> None:
        for call in (*self._calls, *self._waits):
            call.cancel()
