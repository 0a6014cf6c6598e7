"""The engine host of a worker process: claims sessions, runs them on one loop, and lets go of them in good order."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

import structlog

from core.clock import SYSTEM_CLOCK, Clock
from sessions.engine.gate import clip_text
from sessions.engine.inputs import ChildRefused, ChildStarted, Input, StartChild
from sessions.engine.journal import Journal, Publisher
from sessions.engine.runner import AgentHost, SessionRunner
from sessions.engine.slot_keeper import SlotKeeper
from sessions.engine.slots import Slots
from sessions.engine.state import Session
from sessions.engine.store.base import Claim, Store, StoreUnavailable, WorkerIdentity
from sessions.engine.threads import ReaderPool, happened_within
from sessions.engine.watchdog import LOOP_THREADS, Blocked, LoopWatchdog, make_task
from sessions.policies import ENGINE_FAILURE_LIMIT, takes_the_oldest

log = structlog.get_logger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 1.0
CHANGE_LOOK_SECONDS = 0.25
BREATH_SECONDS = 0.005
"""Between two looks, so that a storm of doorbells costs one look and not one each."""
ORPHANS_SECONDS = 5.0
ROSTER_SECONDS = 2.0
"""How soon a change of an agent (its maintenance, its configuration) is known where tasks wait."""
DEAD_SECONDS = 2.0
"""How soon a killed process is noticed by another one of its machine, without waiting for its lease to end."""
DRAIN_LOOK_SECONDS = 0.25
RETURN_SECONDS = 1.5
"""After a lost lease: longer than the second after which every host that lives tries to register again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there can be no child session."""

    code: str
    message: str


ChildMaker = Callable[[str, str, Mapping[str, Any]], Refusal | None]
"""Makes the child session of (parent's id, step's id, request) unless it is there; None when it is. Blocks.

It makes none when the parent waits for it no more. Raises: StoreUnavailable, and is tried again then.
"""


def no_children(parent_id: str, step_id: str, request: Mapping[str, Any]) -> Refusal | None:
    return Refusal("no_child_sessions", "This engine starts no child sessions.")


class LocalAgents(AgentHost, Protocol):
    @property
    def running_count(self) -> int: ...

    def close(self) -> None: ...

    def tell_blocked(self, blocked: Blocked) -> None: ...


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Limits and times of a host."""

    max_sessions: int = 200
    max_executions: int = 64
    lease_seconds: float = 7.0


class EngineHost:
    """One per worker process. `start`, `stop` and `poke` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        make_agents: Callable[[], LocalAgents],
        *,
        identify: Callable[[], WorkerIdentity],
        new_id: Callable[[], str],
        options: HostOptions | None = None,
        clock: Clock = SYSTEM_CLOCK,
        close_connections: Callable[[], None] = lambda: None,
        ring: Callable[[str], None] = lambda session_id: None,
        give_up: Callable[[], None] = lambda: os._exit(75),
        make_child: ChildMaker = no_children,
    ) -> None:
        self._store, self._publisher, self._make_agents = store, publisher, make_agents
        self._identify, self._new_id, self._clock = identify, new_id, clock
        self._options = options or HostOptions()
        self._close_connections, self._ring, self._make_child = close_connections, ring, make_child
        self._give_up = give_up
        self._thread = threading.Thread(target=self._main, name="engine-loop", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._grace_seconds = 10.0
        self._left: list[str] = []

    def start(self) -> None:
        """Begin to take sessions; returns when the loop runs."""
        self._thread.start()
        self._ready.wait(timeout=30)

    def poke(self, session_id: str | None = None) -> None:
        """Look now: something may have happened (to this session). Never blocks, never fails."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._look.set)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Take nothing new, let running agents finish within the grace, hand the rest over; waits for the end."""
        self._grace_seconds = grace_seconds
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=grace_seconds + 15)

    @property
    def session_count(self) -> int:
        return len(self._runners) if self._loop is not None else 0

    def _main(self) -> None:
        loop = asyncio.new_event_loop()
        loop.set_task_factory(make_task)
        LOOP_THREADS.add(threading.get_ident())
        try:
            self._live_on(loop)
            loop.run_until_complete(_end_leftovers())
        finally:
            LOOP_THREADS.discard(threading.get_ident())
            self._loop = None
            loop.set_exception_handler(lambda _loop, _context: None)  # abandoned agents end with the process
            loop.close()

    def _live_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whatever an agent does to the loop (stops it, exits in a task of its own): the host goes on."""
        life = loop.create_task(self._live())
        while not life.done():
            try:
                loop.run_until_complete(asyncio.wait([life]))
            except BaseException:  # not only Exception: SystemExit of a task ends the loop
                log.exception("engine.loop_harmed")

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping, self._look = asyncio.Event(), asyncio.Event()
        self._runners: dict[str, SessionRunner] = {}
        self._works: dict[str, asyncio.Task[None]] = {}
        self._claim_count = 0
        self._slots = Slots(self._options.max_executions, self._clock)
        self._rng = Random()
        self._readers = ReaderPool("engine-read", 4, self._close_connections)
        self._births = ReaderPool("engine-birth", 2, self._close_connections)
        self._agents = self._make_agents()
        self._tick_at = time.monotonic()
        watchdog = LoopWatchdog(self._loop, tell=self._agents.tell_blocked, give_up=self._give_up)
        watchdog.start()
        self._ready.set()
        try:
            while not self._stopping.is_set():
                try:
                    await self._one_life()
                except Exception:  # what fails now, the registration say, may work a second later
                    log.exception("engine.life_failed")
                    await happened_within(self._stopping, 1.0)
        finally:
            watchdog.stop()
            self._agents.close()
            self._readers.close()
            self._births.close()

    async def _one_life(self) -> None:
        """From the registration of a worker to its retirement, or to the loss of its lease."""
        worker = self._identify()
        if not await self._register(worker):
            return
        lost = self._lost = asyncio.Event()
        assert self._loop is not None
        self._worker_id = worker.id
        self._tick_at = time.monotonic()
        self._journal = Journal(
            self._store,
            self._publisher,
            self._loop,
            worker_id=worker.id,
            lease_seconds=self._options.lease_seconds,
            is_ticking=lambda: time.monotonic() - self._tick_at < self._options.lease_seconds,
            on_lost=lost.set,
            close_connections=self._close_connections,
        )
        self._journal.start()
        try:
            await self._run_until(worker, lost)
        finally:
            self._left.append(worker.id)
            self._journal.end()
        await asyncio.to_thread(self._journal.stop)
        with contextlib.suppress(StoreUnavailable):
            await self._let_go()

    async def _run_until(self, worker: WorkerIdentity, lost: asyncio.Event) -> None:
        """Take and run sessions, until this host is stopped or has lost its lease."""
        self._slots = Slots(self._options.max_executions, self._clock)
        keeper = SlotKeeper(self._slots, self._store, worker.id, read=self._read)
        works = (self._tick(), self._watch_changes(), self._work(worker), keeper.keep())
        helpers = [asyncio.create_task(work) for work in works]
        ends = [asyncio.create_task(event.wait()) for event in (self._stopping, lost)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        helpers[2].cancel()
        await self._drain(worker) if not lost.is_set() else self._lose_all(worker)
        for work in (*helpers, *ends):
            work.cancel()
        await asyncio.gather(*helpers, *ends, *self._works.values(), return_exceptions=True)

    async def _register(self, worker: WorkerIdentity) -> bool:
        try:
            await self._come_back()
            await self._read(self._store.register, worker, self._options.lease_seconds)
        except StoreUnavailable as error:
            log.warning("engine.database_away", error=str(error))
            await happened_within(self._stopping, 1.0)
            return False
        log.info("engine.started", worker=worker.id, pid=worker.pid)
        return True

    async def _come_back(self) -> None:
        """After an outage: say what this host has let go of, and give the others time to say so, before it claims.

        Else tasks would be blamed for the death of workers that are alive.
        """
        if self._left:
            await self._let_go()
            await happened_within(self._stopping, RETURN_SECONDS)

    async def _let_go(self) -> None:
        while self._left:
            await self._read(self._store.retire, self._left[0])
            del self._left[0]

    async def _tick(self) -> None:
        """Shows that the loop is alive; and stops all in time when the journal hangs in a call to the database."""
        while True:
            self._tick_at = time.monotonic()
            if not self._journal.holds_lease:
                self._lost.set()
            await asyncio.sleep(0.5)

    async def _work(self, worker: WorkerIdentity) -> None:
        """Claim and read inboxes when poked, and each second without."""
        orphans_at = time.monotonic() + ORPHANS_SECONDS
        rosters_at = time.monotonic() + ROSTER_SECONDS
        dead_at = time.monotonic()
        while True:
            self._look.clear()
            try:
                if time.monotonic() >= dead_at:
                    dead_at = time.monotonic() + DEAD_SECONDS
                    await self._read(self._store.expire_dead, worker)
                await self._claim(worker)
                await self._read_inboxes(worker)
                if time.monotonic() >= orphans_at:
                    orphans_at = time.monotonic() + ORPHANS_SECONDS
                    await self._keep_house(worker)
                if time.monotonic() >= rosters_at:
                    await self._refresh_rosters()
                    rosters_at = time.monotonic() + ROSTER_SECONDS
            except StoreUnavailable as error:
                orphans_at = 0.0  # a claim whose answer was lost leaves sessions that nobody runs
                log.warning("engine.look_failed", error=str(error))
            except Exception:  # a host that looks no more would keep its lease and do nothing
                orphans_at = 0.0
                log.exception("engine.look_failed")
            await asyncio.sleep(BREATH_SECONDS)
            await happened_within(self._look, LOOK_SECONDS * self._rng.uniform(0.9, 1.1))

    async def _claim(self, worker: WorkerIdentity) -> None:
        while (room := self._options.max_sessions - len(self._runners)) > 0:
            by_age = takes_the_oldest(self._claim_count)
            claims = await self._read(self._store.claim, worker.id, min(room, 50), by_age)
            self._claim_count += bool(claims)
            for claim in claims:
                self._begin(claim)
            if len(claims) < min(room, 50):
                return

    def _begin(self, claim: Claim) -> None:
        session_id = claim.session.id
        runner = SessionRunner(
            claim,
            submit=self._journal.submit,
            agents=self._agents,
            slots=self._slots,
            clock=self._clock,
            rng=self._rng,
            new_id=self._new_id,
            start_child=self._start_child,
            ring=self._ring,
        )
        previous = self._works.get(session_id)
        self._runners[session_id] = runner
        self._works[session_id] = asyncio.create_task(self._run(session_id, runner, previous))

    async def _run(self, session_id: str, runner: SessionRunner, previous: "asyncio.Task[None] | None") -> None:
        """Once an earlier runner of the session, which has let go of it but may not know yet, is out of the way."""
        try:
            if previous is not None:
                previous.cancel()
                await asyncio.wait([previous])
            await runner.run()
            if runner.failure:
                await self._note_failure(runner, runner.failure)
        except Exception as error:
            log.exception("session.runner_failed", session=session_id)
            await self._note_failure(runner, f"{type(error).__name__}: {error}")
        finally:
            if self._runners.get(session_id) is runner:
                del self._runners[session_id], self._works[session_id]
            self._look.set()

    async def _note_failure(self, runner: SessionRunner, reason: str) -> None:
        """Let the session be claimed again at once; one that cannot even be given up, when house is kept."""
        if runner.session.engine_failures < ENGINE_FAILURE_LIMIT:
            with contextlib.suppress(StoreUnavailable):
                text = clip_text(reason, 1000)
                await self._read(self._store.note_failure, self._worker_id, runner.session.id, text)

    async def _read_inboxes(self, worker: WorkerIdentity) -> None:
        if not self._runners:
            return
        found = await self._read(self._store.inbox, worker.id)
        for session_id, commands in found.items():
            runner = self._runners.get(session_id)
            if runner is not None:
                runner.put_commands(commands)

    async def _keep_house(self, worker: WorkerIdentity) -> None:
        """What nobody else would notice: sessions this host owns but does not run, and commands that came too late."""
        await self._read(self._store.release_orphans, worker.id, list(self._runners))
        await self._read(self._store.reject_stale_commands)

    async def _refresh_rosters(self) -> None:
        projects = {runner.session.project_id for runner in self._runners.values() if _needs_agents(runner.session)}
        for project_id in projects:
            roster = await self._read(self._store.roster, project_id)
            for runner in list(self._runners.values()):
                if runner.session.project_id == project_id and runner.session.roster != roster:
                    runner.put_roster(roster)

    async def _watch_changes(self) -> None:
        """Where the database has a cheap mark of change, look at it often: the safety net of lost doorbells."""
        reader = ReaderPool("engine-watch", 1, self._close_connections)
        seen: Any = None
        try:
            while True:
                with contextlib.suppress(StoreUnavailable):
                    mark = await reader.run(self._store.changes)
                    if mark is None:
                        return
                    if mark != seen:
                        seen = mark
                        self._look.set()
                await asyncio.sleep(CHANGE_LOOK_SECONDS)
        finally:
            reader.close()

    async def _drain(self, worker: WorkerIdentity) -> None:
        """Let what runs finish within the grace, and hear what is asked of it meanwhile; then hand over."""
        deadline = time.monotonic() + self._grace_seconds
        look_at = 0.0
        while self._agents.running_count and time.monotonic() < deadline:
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + DRAIN_LOOK_SECONDS
                with contextlib.suppress(StoreUnavailable):
                    await self._read_inboxes(worker)
            await asyncio.sleep(0.05)
        for runner in list(self._runners.values()):
            runner.hand_over()
        works = list(self._works.values())
        if works:
            await asyncio.wait(works, timeout=5)

    def _lose_all(self, worker: WorkerIdentity) -> None:
        log.error("engine.lease_lost", worker=worker.id, sessions=len(self._runners))
        for session_id, runner in list(self._runners.items()):
            runner.lose()
            self._works[session_id].cancel()

    async def _start_child(self, parent_id: str, effect: StartChild) -> Input:
        """Off the loop, and again until the database answers: once made, a child is found and not made anew."""
        while True:
            try:
                refusal = await self._births.run(self._make_child, parent_id, effect.step_id, effect.request)
            except StoreUnavailable as error:
                log.warning("engine.child_not_yet_made", parent=parent_id, step=effect.step_id, error=str(error))
                await asyncio.sleep(LOOK_SECONDS)
                continue
            except Exception as error:
                log.exception("engine.child_not_made", parent=parent_id, step=effect.step_id)
                refusal = Refusal("child_not_made", f"The child session could not be made: {error}")
            if refusal is None:
                return ChildStarted(effect.step_id, effect.execution_id, effect.reply)
            return ChildRefused(effect.step_id, refusal.code, refusal.message, effect.execution_id, effect.reply)

    async def _read(self, function: Callable[..., T], *args: Any) -> T:
        return await self._readers.run(function, *args)


async def _end_leftovers() -> None:
    """Let cancelled agents tidy up for a moment; code that ignores a cancel is not waited for."""
    leftovers = asyncio.all_tasks() - {asyncio.current_task()}
    if leftovers:
        _, leftovers = await asyncio.wait(leftovers, timeout=1)
    for work in leftovers:
        work.cancel()
    if leftovers:
        await asyncio.wait(leftovers, timeout=0.2)


def _needs_agents(session: Session) -> bool:
    return any(task.is_live and not task.is_running for task in session.tasks.values())
