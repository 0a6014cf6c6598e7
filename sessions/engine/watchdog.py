"""The watchdog: notices an agent that blocks the engine's loop, names it, and in time takes the loop back.

An agent on the loop must await. One that does not (a long computation, a blocking call) holds up every session of its
worker, and would cost the worker its lease. After `WARN_SECONDS` it is named in the log; after `INTERRUPT_SECONDS` it
is interrupted, which ends code that runs Python (`PyThreadState_SetAsyncExc`, CPython C API). Code that blocks inside
a C call cannot be interrupted: when the lease is over, `give_up` ends the process, and others take its sessions.
"""

import asyncio
import ctypes
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
WARN_SECONDS = 1.5
INTERRUPT_SECONDS = 5.0
GIVE_UP_SECONDS = 20.0
EXECUTION = "execution "
LOOP_THREADS: set[int] = set()
"""The threads that run an engine's loop."""
FRAMES = 3


def _end_if_forked_from_a_loop() -> None:
    """A copy of the process that an agent forked off the loop would read the loop's wake-ups in its place."""
    if threading.get_ident() in LOOP_THREADS:
        os._exit(1)


os.register_at_fork(after_in_child=_end_if_forked_from_a_loop)


class BlockedTheLoop(BaseException):
    """Raised inside an agent that held the engine's loop for too long."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An agent that holds (or held) the loop: of which execution, for how long, and where its code is."""

    execution_id: str
    seconds: float
    where: str


class GuardedTask(asyncio.Task[Any]):
    """A task that an agent can cancel only if it is its own."""

    def cancel(self, msg: Any = None) -> bool:
        caller = asyncio.current_task(self.get_loop())
        name = caller.get_name() if caller else ""
        if name.startswith(EXECUTION) and self.get_name() != name:
            log.warning("engine.cancel_refused", execution=name.removeprefix(EXECUTION))
            return False
        return super().cancel(msg)


def make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
    """A task factory: what an agent starts bears the name of its execution, too."""
    parent = asyncio.current_task(loop)
    task = GuardedTask(coroutine, loop=loop, **options)
    if parent is not None and (name := parent.get_name()).startswith(EXECUTION):
        task.set_name(name)
    return task


class LoopWatchdog:
    """Watches one loop from a thread of its own: asks it to answer, and counts how long it does not.

    `tell` is called on the loop, once it runs again. `give_up` must end the process.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        tell: Callable[[Blocked], None],
        give_up: Callable[[], None],
    ) -> None:
        self._loop, self._tell, self._give_up = loop, tell, give_up
        self._loop_thread = threading.get_ident()
        self._stopping = threading.Event()
        self._asked_at: float | None = None
        self._blocked: Blocked | None = None
        self._interrupt_at = INTERRUPT_SECONDS
        self._thread = threading.Thread(target=self._watch, name="engine-watchdog", daemon=True)

    def start(self) -> None:
        """Called on the loop's thread."""
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _watch(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            while not self._stopping.wait(LOOK_SECONDS):
                self._look()

    def _look(self) -> None:
        asked_at = self._asked_at
        if asked_at is None:
            self._end_report()
            self._asked_at = time.monotonic()
            self._loop.call_soon_threadsafe(self._answer)
        elif (held := time.monotonic() - asked_at) >= WARN_SECONDS:
            self._report(held)

    def _answer(self) -> None:
        """On the loop."""
        self._asked_at = None

    def _report(self, held: float) -> None:
        execution_id, where = self._culprit(), self._where()
        if self._blocked is None:
            self._interrupt_at = INTERRUPT_SECONDS
            log.warning("engine.loop_blocked", execution=execution_id, seconds=round(held, 1), where=where)
        if self._blocked is None or execution_id:
            self._blocked = Blocked(execution_id or "", held, where)
        if held >= GIVE_UP_SECONDS:
            log.critical("engine.loop_lost", execution=execution_id, seconds=round(held, 1), where=where)
            self._give_up()
        elif held >= self._interrupt_at and execution_id:
            self._interrupt_at = held + 1.0
            log.error("engine.agent_interrupted", execution=execution_id, seconds=round(held, 1), where=where)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._loop_thread), ctypes.py_object(BlockedTheLoop)
            )

    def _end_report(self) -> None:
        blocked, self._blocked = self._blocked, None
        if blocked is not None and blocked.execution_id:
            self._loop.call_soon_threadsafe(self._tell, blocked)

    def _culprit(self) -> str | None:
        """The execution whose code runs on the loop now; None when it is the engine's own."""
        task = asyncio.current_task(self._loop)
        name = task.get_name() if task else ""
        return name.removeprefix(EXECUTION) if name.startswith(EXECUTION) else None

    def _where(self) -> str:
        """The innermost lines of code the loop's thread is in."""
        frame = sys._current_frames().get(self._loop_thread)
        found = traceback.extract_stack(frame)[-FRAMES:] if frame else []
        return " > ".join(f"{line.filename.rpartition('/')[2]}:{line.lineno} {line.name}" for line in found)
