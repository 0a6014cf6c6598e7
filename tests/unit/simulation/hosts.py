"""The real engine host on virtual time: only its threads and its clocks are replaced."""

import asyncio
import queue
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from agents.runtime import NoDocuments
from sessions.engine import host as host_module
from sessions.engine import journal as journal_module
from sessions.engine.agent_host import LocalAgentHost
from sessions.engine.batch import Batch, Committed, Outcome
from sessions.engine.draft import Moment
from sessions.engine.host import EngineHost, HostOptions
from sessions.engine.inputs import StartAgent
from sessions.engine.journal import Journal, Notice
from sessions.engine.runner import SessionRunner
from sessions.engine.state import Session
from sessions.engine.store.base import WorkerIdentity
from sessions.policies import RetryPolicy
from tests.unit.simulation.actors import registry
from tests.unit.simulation.loop import VirtualLoop
from tests.unit.simulation.store import HostStore, Killed, Line, WatchedStore

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HOST: ContextVar["SimHost"] = ContextVar("simulated host")
LOOK_EVERY = 0.5


class ShiftedClock:
    """A wall clock that can be set forward and back."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.shift = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time() + self.shift)


class VirtualTime:
    """Stands for the module `time` in the engine."""

    def monotonic(self) -> float:
        return HOST.get().loop.time()

    def sleep(self, seconds: float) -> None:
        HOST.get().sleep(seconds)


class PlainQueue(queue.SimpleQueue[Any]):
    """A queue nobody waits at."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return super().get(block=False)


class SimJournal(Journal):
    """The journal without its thread: its own loop body, called when there is something to write or to renew."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._queue = PlainQueue()
        self._host = HOST.get()
        self._is_stepping = self._has_ended = False
        self._ended = self._host.loop.create_future()

    def start(self) -> None:
        self._turn()

    def stop(self) -> Any:
        """What the host waits for instead of joining a thread."""
        self._stopping = True
        self._queue.put(None)
        self._host.loop.call_soon(self._look)
        return self._ended

    def submit(self, batch: Batch) -> "asyncio.Future[Outcome]":
        future = super().submit(batch)
        self._host.loop.call_later(self._host.latency(), self._look)
        return future

    def _turn(self) -> None:
        if self._look():
            self._host.loop.call_later(LOOK_EVERY, self._turn)

    def _look(self) -> bool:
        """Whether the journal goes on."""
        if not self._host.is_alive or self._has_ended:
            return False
        if self._is_stepping:
            return True
        self._is_stepping = True
        try:
            goes_on = self._step()
            while goes_on and not self._queue.empty():
                goes_on = self._step()
        except Killed:
            return False
        finally:
            self._is_stepping = False
        if not goes_on:
            self._has_ended = True
            self._refuse_the_rest()
            self._ended.set_result(None)
        return goes_on

    def _write_until_known(self, batches: list[Batch]) -> list[Outcome]:
        outcomes = super()._write_until_known(batches)
        for batch, outcome in zip(batches, outcomes, strict=True):
            self._host.check_outcome(batch, outcome, has_lease=self.holds_lease)
        return outcomes


class SimAgents(LocalAgentHost):
    """The real agent host, watched."""

    def start(self, runner: SessionRunner, session: Session, effect: StartAgent) -> None:
        HOST.get().check_start(effect)
        super().start(runner, session, effect)


class NoWatchdog:
    """A loop of virtual time cannot be held up."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def start(self) -> None:
        """No thread."""

    def stop(self) -> None:
        """No thread."""


class InlineReaders:
    """Stands for the host's reader threads."""

    def __init__(self, *_: Any) -> None:
        pass

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, function, *args)

    def close(self) -> None:
        """No threads, no connections."""


class Silence:
    """Stands for the engine's log: expected warnings are dropped, exceptions of the engine itself are complaints."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None

    def exception(self, event: str, **_: Any) -> None:
        import traceback

        self._complain(f"{event}: {traceback.format_exc()}")


class Deaf:
    """A publisher: the log is the truth."""

    def publish(self, notices: Sequence[Notice]) -> None:
        pass

    def publish_token(self, session_id: str, frame: str) -> None:
        pass


class SimHost:
    """One worker process. `kill` is the end of it between two steps."""

    def __init__(
        self,
        name: str,
        *,
        loop: VirtualLoop,
        store: WatchedStore,
        line: Callable[["SimHost"], Line],
        rng: Random,
        places: int,
        new_id: Callable[[], str],
        others: Callable[[], Sequence["SimHost"]],
        complain: Callable[[str], None],
        ring: Callable[[str], None],
        make_child: Callable[[str, str, Mapping[str, Any]], None],
    ) -> None:
        self.name, self.loop, self.store, self._rng = name, loop, store, rng
        self._new_id, self._others, self._complain = new_id, others, complain
        self.clock = ShiftedClock(loop)
        self.is_alive = True
        self.worker_id = ""
        self._tasks: list[asyncio.Task[Any]] = []
        own_line = line(self)
        self.engine = EngineHost(
            HostStore(store, own_line),
            Deaf(),
            self._agents,
            identify=self._identify,
            new_id=new_id,
            options=HostOptions(max_sessions=10, max_executions=places),
            clock=self.clock,
            ring=ring,
            make_child=lambda *asked: own_line.call(lambda: make_child(*asked)),
        )
        context = copy_context()
        context.run(HOST.set, self)
        self._life = loop.create_task(self.engine._live(), context=context)

    def _agents(self) -> LocalAgentHost:
        return SimAgents(registry(), lambda session: NoDocuments(), lambda session, frame: None, self._new_id)

    def _identify(self) -> WorkerIdentity:
        self.worker_id = f"{self.name}-{self._new_id()}"
        return WorkerIdentity(self.worker_id, self.name, 1)

    def latency(self) -> float:
        return self._rng.uniform(0.0002, 0.02)

    def sleep(self, seconds: float) -> None:
        """The journal of this host sleeps; the rest of the world does not."""
        self.loop.pass_time(seconds)
        if not self.is_alive:
            raise Killed

    def remember(self, task: asyncio.Task[Any]) -> None:
        self._tasks.append(task)
        if not self.is_alive:
            task.cancel()

    def ring(self, session_id: str) -> None:
        if self.is_alive and self.engine._loop is not None:
            self.engine.poke(session_id)

    def kill(self) -> None:
        self.is_alive = False
        for task in self._tasks:
            task.cancel()

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM."""
        self.engine._grace_seconds = grace_seconds
        if self.engine._loop is not None:
            self.engine._stopping.set()
        elif self.is_alive:
            self.loop.call_later(0.1, self.stop, grace_seconds)

    @property
    def has_ended(self) -> bool:
        return not self.is_alive or self._life.done()

    @property
    def executions(self) -> set[str]:
        """What this host's agents work on now."""
        return set(self.engine._agents._running) if self.is_alive and self.engine._loop else set()

    def check_start(self, effect: StartAgent) -> None:
        """An agent starts only on committed inputs, as a committed attempt, and alone."""
        task, execution = effect.task, effect.task.execution
        rows = self.store.task_rows[self._session_of(task.id)]
        if any(rows[earlier].status != "COMPLETED" for earlier in task.depends_on):
            self._complain(f"an agent started {task.name} before its inputs were committed")
        if execution is None or execution.id not in self.store.executions:
            self._complain(f"an agent started {task.name} before its attempt was committed")
        for other in self._others():
            both = other.executions & set(self.store.attempts.get(task.id, ()))
            if both and self.store._holds(other.worker_id):
                self._complain(f"{self.name} starts {task.name} while {other.name} works on {both}")

    def _session_of(self, task_id: str) -> str:
        return next(key for key, tasks in self.store.task_rows.items() if task_id in tasks)

    def check_outcome(self, batch: Batch, outcome: Outcome, *, has_lease: bool) -> None:
        applied = any(one is batch for one in self.store.applied)
        if isinstance(outcome, Committed) and not applied:
            self._complain(f"{self.name} was told that a batch is committed, and it is not")
        is_late = any(one is batch for one in self.store.late)
        was_let_go = batch.releases and self.store.tokens[batch.session_id] != batch.session.token
        if applied and has_lease and not (is_late or was_let_go) and not isinstance(outcome, Committed):
            self._complain(f"{self.name} was told {outcome} of a batch that is committed")

    def check_rest(self) -> None:
        """Nothing may be left of a host that ended in good order."""
        slots = self.engine._slots
        if slots.held or slots._waiting:
            self._complain(f"{self.name} still has places taken: {list(slots.held)}, waiting: {list(slots._waiting)}")
        if self.engine._agents.running_count:
            self._complain(f"{self.name} still runs {self.executions}")


def engine_patches(complain: Callable[[str], None], rng: Random) -> list[tuple[Any, str, Any]]:
    """(module, name, stand-in): what of the engine's surroundings is replaced."""
    from sessions.engine import agent_host, runner, slot_keeper

    silence, time = Silence(complain), VirtualTime()
    modules = (host_module, journal_module, runner, agent_host, slot_keeper)
    return [
        *((module, "log", silence) for module in modules),
        (host_module, "time", time),
        (journal_module, "time", time),
        (runner, "Moment", partial(Moment, retry=RetryPolicy(base_seconds=4.0))),  # long enough to sleep through
        (host_module, "ReaderPool", InlineReaders),
        (host_module, "Journal", SimJournal),
        (host_module, "LoopWatchdog", NoWatchdog),
        (host_module, "Random", lambda: Random(rng.random())),
    ]
