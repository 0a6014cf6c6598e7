"""A real engine host in the test process, rung by the real doorbell."""

from collections.abc import Iterator
from contextlib import contextmanager

from sessions.dispatch import DoorbellListener
from sessions.engine.host import EngineHost
from sessions.engine.wiring import build_host
from sessions.streaming import publisher


@contextmanager
def running_engine() -> Iterator[EngineHost]:
    """The host of a worker process, in threads of this one. Needs a database that other threads see."""
    host = build_host(publisher)
    bell = DoorbellListener(host.poke)
    bell.start()
    host.start()
    try:
        yield host
    finally:
        bell.stop()
        host.stop(grace_seconds=0)
