"""An event loop whose time is a number: sleeping costs nothing, and the same world runs the same way each time."""

import asyncio
from asyncio.events import Handle, TimerHandle
from collections.abc import Callable
from heapq import heappop
from typing import Any

MAX_STEPS = 400_000


class Stuck(BaseException):
    """Nothing is left that could happen, or far too much happens."""


class VirtualLoop(asyncio.BaseEventLoop):
    """One handle at a time; when none is ready, time jumps to the next timer.

    `pass_time` may be called inside a callback (not inside a task): the rest of the world goes on meanwhile. With it
    code written for a thread of its own, the journal, sleeps and is overtaken without there being a thread.
    """

    def __init__(self, latency: Callable[[], float]) -> None:
        super().__init__()
        self._now = 0.0
        self._steps = 0
        self._latency = latency
        self._ready: Any
        self._scheduled: list[TimerHandle]

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        until = self._now + seconds
        while self._run_next(until):
            pass
        self._now = max(self._now, until)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """The call takes place a little later, and its answer comes a little later still."""
        answer = self.create_future()
        self.call_later(self._latency(), self._call, answer, func, args)
        return answer

    def _call(self, answer: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001  (it belongs to who waits for the answer)
            self.call_later(self._latency(), _answer, answer, None, error)
            return
        if isinstance(result, asyncio.Future):
            result.add_done_callback(lambda done: _answer(answer, done.result(), None))
        else:
            self.call_later(self._latency(), _answer, answer, result, None)

    def _run_once(self) -> None:
        if not self._run_next(None):
            raise Stuck("nothing is left that could happen")

    def _run_next(self, until: float | None) -> bool:
        """Run what comes next, if it is due by `until`."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Stuck(f"more than {MAX_STEPS} steps by {self._now:.3f} s")
        if not self._ready and not self._advance(until):
            return False
        self._collect_due()
        handle: Handle = self._ready.popleft()
        if not handle.cancelled():
            handle._run()
        return True

    def _advance(self, until: float | None) -> bool:
        while self._scheduled and self._scheduled[0].cancelled():
            heappop(self._scheduled)
        if not self._scheduled or (until is not None and self._scheduled[0].when() > until):
            return False
        self._now = max(self._now, self._scheduled[0].when())
        return True

    def _collect_due(self) -> None:
        while self._scheduled and self._scheduled[0].when() <= self._now:
            self._ready.append(heappop(self._scheduled))

    def _process_events(self, event_list: Any) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def _answer(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
