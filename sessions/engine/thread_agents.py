"""Plain agents in threads of the host: run there, and taken back from there when they will not stop."""

import asyncio
import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from sessions.engine.context import Revoked

STOP_SECONDS = 5.0
"""How long a cancelled agent may go on in its thread before it is interrupted there."""


async def run_in_thread(executor: Executor, function: Callable[[Any], Any], context: Any) -> Any:
    """What the function returns, from a thread. When this is cancelled, the thread is interrupted a little later:
    a thread that never came back would be missing to all others."""
    run = _ThreadRun(function, context)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(executor, run)
    except asyncio.CancelledError:
        loop.call_later(STOP_SECONDS, run.interrupt)
        raise


class _ThreadRun:
    """One call in a thread. (`PyThreadState_SetAsyncExc` of CPython's C API ends code that runs Python; code inside a
    C call is ended when that returns.)"""

    def __init__(self, function: Callable[[Any], Any], context: Any) -> None:
        self._function, self._context = function, context
        self._lock = threading.Lock()
        self._thread: int | None = None

    def __call__(self) -> Any:
        process, self._thread = os.getpid(), threading.get_ident()
        try:
            return self._function(self._context)
        finally:
            if os.getpid() != process:
                os._exit(0)  # the agent has forked, and this is the other process: it has no business here
            with self._lock:
                self._thread = None

    def interrupt(self) -> None:
        with self._lock:
            if self._thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Revoked))
