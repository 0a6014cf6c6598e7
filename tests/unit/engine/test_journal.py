"""The journal when the database goes away, answers late, or has given the session to somebody else."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from core.clock import SYSTEM_CLOCK
from sessions.engine.batch import Batch, Committed, Outcome, Refused
from sessions.engine.core import decide
from sessions.engine.draft import Moment
from sessions.engine.inputs import Claimed
from sessions.engine.journal import Journal, Notice
from sessions.engine.state import Session
from sessions.engine.store.base import StoreUnavailable, WorkerIdentity
from sessions.engine.store.memory import MemoryStore
from tests.unit.engine.world import QuietPublisher, new_id, session, task

WORKER_ID = "00000000-0000-7000-8000-0000000000ff"


class MoodyStore(MemoryStore):
    """Fails when told to: before the commit, or after it."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.renewals: list[Any] = []
        self.reads: list[Exception] = []

    def positions(self, session_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        if self.reads:
            raise self.reads.pop()
        return super().positions(session_ids)

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        if self.before:
            raise self.before.pop()
        outcomes = super().write_group(batches)
        if self.after:
            raise self.after.pop()
        return outcomes

    def renew(self, worker_id: str, lease_seconds: float) -> bool:
        if self.renewals:
            mood = self.renewals.pop(0)
            if isinstance(mood, Exception):
                raise mood
            return bool(mood)
        return super().renew(worker_id, lease_seconds)


def claimed(store: MemoryStore) -> Session:
    store.add(session(task("only")))
    store.register(WorkerIdentity(WORKER_ID, "here", 1), 60)
    return store.claim(WORKER_ID, 1)[0].session


def first_batch(one: Session) -> Batch:
    moment = Moment(now=SYSTEM_CLOCK.now(), rng=Random(1), new_id=new_id, grant=lambda want: True)
    batch = decide(one, [Claimed()], moment).batch
    assert batch is not None
    return batch


async def write(store: MemoryStore, batch: Batch, *, lease_seconds: float = 60, alive: bool = True) -> tuple[Any, Any]:
    """(the outcome of the batch, whether the journal said that the lease is lost)."""
    lost = asyncio.Event()
    publisher = QuietPublisher()
    journal = make_journal(store, publisher, lost.set, lease_seconds=lease_seconds, alive=alive)
    journal.start()
    outcome = await asyncio.wait_for(journal.submit(batch), 20)
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.stop)
    return outcome, [notice.frames for notice in publisher.notices]


def make_journal(
    store: MemoryStore, publisher: QuietPublisher, on_lost: Callable[[], None], *, lease_seconds: float, alive: bool
) -> Journal:
    return Journal(
        store,
        publisher,
        asyncio.get_running_loop(),
        worker_id=WORKER_ID,
        lease_seconds=lease_seconds,
        is_ticking=lambda: alive,
        on_lost=on_lost,
    )


async def test_a_write_is_tried_again_until_the_database_is_back() -> None:
    store = MoodyStore()
    batch = first_batch(claimed(store))
    store.before = [StoreUnavailable("gone"), StoreUnavailable("gone")]
    outcome, frames = await write(store, batch)
    assert outcome == Committed()
    assert frames == [tuple(event.payload for event in batch.events)]


async def test_a_commit_whose_answer_was_lost_is_not_done_twice() -> None:
    store = MoodyStore()
    one = claimed(store)
    batch = first_batch(one)
    store.after = [StoreUnavailable("cut on the wire")]
    outcome, frames = await write(store, batch)
    assert outcome == Committed()
    assert [event.seq for event in store.events[one.id]] == [event.seq for event in batch.events]
    assert len(frames) == 1


async def test_a_lost_answer_is_looked_for_until_it_is_found() -> None:
    store = MoodyStore()
    one = claimed(store)
    batch = first_batch(one)
    store.after = [StoreUnavailable("cut on the wire")]
    store.reads = [StoreUnavailable("still cut")]
    outcome, _ = await write(store, batch)
    assert outcome == Committed()
    assert [event.seq for event in store.events[one.id]] == [event.seq for event in batch.events]


async def test_after_a_lost_answer_somebody_elses_session_is_refused() -> None:
    store = MoodyStore()
    one = claimed(store)
    batch = first_batch(one)
    store._leases[one.id].token += 1
    store.before = [StoreUnavailable("gone")]
    outcome, frames = await write(store, batch)
    assert outcome == Refused()
    assert frames == []


async def test_a_host_whose_lease_has_run_out_by_its_own_clock_writes_nothing() -> None:
    store = MoodyStore()
    one = claimed(store)
    store.renewals = [False]
    outcome, _ = await write(store, first_batch(one))
    assert outcome == Refused()
    assert one.id not in store.events


async def test_a_loop_that_hangs_loses_its_lease() -> None:
    store = MoodyStore()
    claimed(store)
    lost = asyncio.Event()
    journal = make_journal(store, QuietPublisher(), lost.set, lease_seconds=1.5, alive=False)
    journal.start()
    await asyncio.wait_for(lost.wait(), 20)
    assert not journal.holds_lease
    await asyncio.to_thread(journal.stop)


async def test_a_renewal_that_failed_is_tried_again_soon() -> None:
    store = MoodyStore()
    claimed(store)
    store.renewals = [StoreUnavailable("gone"), True]
    lost = asyncio.Event()
    journal = make_journal(store, QuietPublisher(), lost.set, lease_seconds=60, alive=True)
    journal.start()
    end = time.monotonic() + 20
    while store.renewals and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert store.renewals == []
    assert not lost.is_set()
    await asyncio.to_thread(journal.stop)


class CountingStore(MemoryStore):
    """Remembers how large each group was."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[int] = []

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        self.groups.append(len(batches))
        return super().write_group(batches)


@pytest.mark.parametrize("count", [1, 50])
async def test_batches_that_are_ready_together_are_committed_together(count: int) -> None:
    store = CountingStore()
    store.register(WorkerIdentity(WORKER_ID, "here", 1), 60)
    for _ in range(count):
        store.add(session(task("only")))
    batches = [first_batch(claim.session) for claim in store.claim(WORKER_ID, count)]
    journal = make_journal(store, QuietPublisher(), lambda: None, lease_seconds=60, alive=True)
    futures = [journal.submit(batch) for batch in batches]
    journal.start()
    outcomes = await asyncio.gather(*futures)
    await asyncio.to_thread(journal.stop)
    assert outcomes == [Committed()] * count
    assert store.groups == [count]


class BrokenPublisher(QuietPublisher):
    def publish(self, notices: Sequence[Notice]) -> None:
        raise RuntimeError("no way out")


async def test_a_publisher_that_breaks_does_not_stop_the_writing() -> None:
    store = MoodyStore()
    one = claimed(store)
    journal = make_journal(store, BrokenPublisher(), lambda: None, lease_seconds=60, alive=True)
    journal.start()
    assert await asyncio.wait_for(journal.submit(first_batch(one)), 20) == Committed()
    assert await asyncio.wait_for(journal.submit(first_batch(one)), 20) == Refused()
    await asyncio.to_thread(journal.stop)


async def test_a_store_that_breaks_loses_the_lease_instead_of_hanging() -> None:
    store = MoodyStore()
    batch = first_batch(claimed(store))
    store.before = [RuntimeError("a bug")]
    lost = asyncio.Event()
    journal = make_journal(store, QuietPublisher(), lost.set, lease_seconds=60, alive=True)
    journal.start()
    assert await asyncio.wait_for(journal.submit(batch), 20) == Refused()
    await asyncio.wait_for(lost.wait(), 20)
    await asyncio.to_thread(journal.stop)
