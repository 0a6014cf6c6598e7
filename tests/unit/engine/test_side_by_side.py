"""The calls of an agent in another process, answered side by side."""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any

import pytest

from sessions.engine.side_by_side import MOST_CALLS, SideBySide
from tests.unit.engine.world import run


async def next_of(numbers: "count[int]") -> int:
    return next(numbers)


def test_of_a_flood_no_more_is_read_than_is_answered_and_a_wait_does_not_stop_it() -> None:
    async def flood() -> int:
        calls, numbers, gate = SideBySide(), count(1), asyncio.Event()

        async def answer() -> None:
            await gate.wait()

        calls.begin(answer(), is_wait=True)
        for _ in range(MOST_CALLS):
            await calls.until(lambda: next_of(numbers))
            calls.begin(answer(), is_wait=False)
        reading = asyncio.create_task(calls.until(lambda: next_of(numbers)))
        await asyncio.sleep(0.02)
        read_before = next(numbers) - 1
        gate.set()
        await reading
        await calls.finish()
        return read_before

    assert run(flood()) == MOST_CALLS


def test_what_ends_a_call_ends_the_reading() -> None:
    async def fails() -> None:
        raise LookupError("the agent is to stop")

    async def never() -> None:
        await asyncio.Event().wait()

    async def reads() -> None:
        calls = SideBySide()
        others: list[Coroutine[Any, Any, None]] = [never(), fails()]
        for call in others:
            calls.begin(call, is_wait=True)
        try:
            await calls.until(never)
        finally:
            calls.cancel()

    with pytest.raises(LookupError):
        run(reads())
