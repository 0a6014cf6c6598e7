"""The journal: one thread that commits the batches of all runners together, keeps the lease, and tells the news."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from sessions.engine.batch import Batch, Committed, Outcome, Refused
from sessions.engine.store.base import Store, StoreUnavailable

log = structlog.get_logger(__name__)

RENEW_EVERY_SECONDS = 2.0
SAFETY_SECONDS = 1.0
MAX_GROUP = 200
LONGEST_ROOM_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Notice:
    """A session's log has grown: the new frames, as they are stored."""

    session_id: str
    last_seq: int
    frames: tuple[str, ...]


class Publisher(Protocol):
    """Tells the web processes. Neither method may raise or wait."""

    def publish(self, notices: Sequence[Notice]) -> None: ...

    def publish_token(self, session_id: str, frame: str) -> None: ...


@dataclass(slots=True)
class _Submission:
    batch: Batch
    future: "asyncio.Future[Outcome]"


class Journal:
    """Started and stopped by the host. `submit` is called on the loop; all else happens in the thread.

    `is_ticking` says whether the loop is alive: a host whose loop hangs must lose its sessions.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        loop: asyncio.AbstractEventLoop,
        *,
        worker_id: str,
        lease_seconds: float,
        is_ticking: Callable[[], bool],
        on_lost: Callable[[], None],
        close_connections: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._publisher, self._loop = store, publisher, loop
        self._worker_id, self._lease_seconds = worker_id, lease_seconds
        self._is_ticking, self._on_lost = is_ticking, on_lost
        self._close_connections = close_connections
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._lease_until = time.monotonic() + lease_seconds
        self._renew_at = self._write_again_at = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine-journal", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Write what is there, then end; returns at once."""
        self._stopping = True
        self._queue.put(None)

    def stop(self) -> None:
        """As `end`, and waits for it."""
        self.end()
        self._thread.join(timeout=10)

    def submit(self, batch: Batch) -> "asyncio.Future[Outcome]":
        """The outcome of the batch, once it is known."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._queue.put(_Submission(batch, future))
        return future

    @property
    def holds_lease(self) -> bool:
        """Whether this host may still write, by its own clock, with a margin."""
        return time.monotonic() < self._lease_until - SAFETY_SECONDS

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception:
            log.exception("engine.journal_ended")
            self._lease_until = 0.0
            self._tell_lost()
        finally:
            self._refuse_the_rest()
            self._close_connections()

    def _refuse_the_rest(self) -> None:
        """Nobody waits for a journal that has ended."""
        while not self._queue.empty():
            submission = self._queue.get_nowait()
            refused: list[Outcome] = [Refused()]
            if submission is not None:
                self._loop.call_soon_threadsafe(_resolve, [submission], refused)

    def _step(self) -> bool:
        self._keep_lease()
        group = self._take()
        if not group:
            return not self._stopping
        started = time.monotonic()
        self._write(group)
        self._write_again_at = time.monotonic() + min((time.monotonic() - started) / 2, LONGEST_ROOM_SECONDS)
        return True

    def _take(self) -> list[_Submission]:
        try:
            first = self._queue.get(timeout=min(0.5, RENEW_EVERY_SECONDS))
        except queue.Empty:
            return []
        self._leave_room()
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                group.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return [submission for submission in group if submission is not None]

    def _leave_room(self) -> None:
        """Where one writer keeps all others out they get a third of the time: a request that finds the database
        locked looks again after milliseconds, and would find it locked for seconds otherwise."""
        left = self._write_again_at - time.monotonic()
        if left > 0 and self._store.is_exclusive:
            time.sleep(left)

    def _keep_lease(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + RENEW_EVERY_SECONDS
        if not self._is_ticking():
            log.warning("engine.loop_hangs", worker=self._worker_id)
        elif self._renewed():
            return
        if not self.holds_lease:
            self._tell_lost()

    def _renewed(self) -> bool:
        asked_at = time.monotonic()
        try:
            if self._store.renew(self._worker_id, self._lease_seconds):
                self._lease_until = asked_at + self._lease_seconds
                return True
            self._lease_until = 0.0
        except StoreUnavailable as error:
            log.warning("engine.lease_not_renewed", error=str(error))
            self._renew_at = time.monotonic() + 0.2
        return False

    def _tell_lost(self) -> None:
        if not self._stopping:
            self._loop.call_soon_threadsafe(self._on_lost)

    def _write(self, group: list[_Submission]) -> None:
        batches = [submission.batch for submission in group]
        try:
            outcomes = self._write_until_known(batches)
        except Exception:
            log.exception("engine.journal_failed", batches=len(batches))
            outcomes = [Refused() for _ in batches]
            self._lease_until = 0.0
            self._tell_lost()
        notices = [
            Notice(batch.session_id, batch.session.last_seq, tuple(event.payload for event in batch.events))
            for batch, outcome in zip(batches, outcomes, strict=True)
            if isinstance(outcome, Committed) and batch.events
        ]
        self._loop.call_soon_threadsafe(_resolve, group, outcomes)
        self._publish(notices)

    def _publish(self, notices: list[Notice]) -> None:
        """News are hints: whoever misses one reads the log, so no trouble of theirs may stop the writing."""
        if not notices:
            return
        try:
            self._publisher.publish(notices)
        except Exception:
            log.exception("engine.publisher_failed", notices=len(notices))

    def _write_until_known(self, batches: list[Batch]) -> list[Outcome]:
        """Write, and after a lost connection find out what took place, for as long as the lease lasts."""
        known: dict[int, Outcome] = {}
        is_unsure = False
        while self.holds_lease:
            try:
                if is_unsure:
                    self._read_back(batches, known)
                left = [batch for batch in batches if id(batch) not in known]
                if left:
                    known.update(zip(map(id, left), self._store.write_group(left), strict=True))
                return [known[id(batch)] for batch in batches]
            except StoreUnavailable as error:
                log.warning("engine.write_again", error=str(error), batches=len(batches))
                is_unsure = True
                time.sleep(0.05)
                self._keep_lease()
        return [known.get(id(batch), Refused()) for batch in batches]

    def _read_back(self, batches: list[Batch], known: dict[int, Outcome]) -> None:
        """A COMMIT whose answer was lost may have taken place: the row says so. Nothing is written before it has."""
        positions = self._store.positions([batch.session_id for batch in batches])
        for batch in batches:
            token, seq = positions.get(batch.session_id, (-1, -1))
            if token == batch.session.token and seq == batch.session.last_seq != batch.base_seq:
                known[id(batch)] = Committed()
            elif token != batch.session.token or seq != batch.base_seq:
                known[id(batch)] = Refused()


def _resolve(group: list[_Submission], outcomes: list[Outcome]) -> None:
    for submission, outcome in zip(group, outcomes, strict=True):
        if not submission.future.done():
            submission.future.set_result(outcome)
