"""A real worker in the test process: the engine's host, rung by the real doorbell."""

from collections.abc import Iterator
from contextlib import contextmanager

from sessions.worker import Worker


@contextmanager
def running_engine() -> Iterator[Worker]:
    """What a worker process runs, in threads of this one. Needs a database that other threads see."""
    worker = Worker()
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(grace_seconds=0)
