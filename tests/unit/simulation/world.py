"""Plays a scenario to its end and says what was wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar

from sessions.engine.batch import Batch, Outcome
from sessions.engine.state import Session
from sessions.engine.store.base import StoreUnavailable
from tests.unit.simulation.hosts import HOST, ShiftedClock, SimHost, engine_patches
from tests.unit.simulation.loop import Stuck, VirtualLoop
from tests.unit.simulation.making import child_session, new_session
from tests.unit.simulation.scenario import Command, Fault, Scenario, SessionPlan
from tests.unit.simulation.store import Killed, Line, WatchedStore

T = TypeVar("T")

PATIENCE = 150.0
MAX_EVENTS = 400


def simulate(scenario: Scenario) -> list[str]:
    """What the run of the scenario broke; an empty list when all held."""
    return World(scenario).run()


class World:
    """Hosts over one store on one loop. The first complaint ends the run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.complaints: list[str] = []
        self.rng = Random(scenario.seed)
        self.loop = VirtualLoop(lambda: self.rng.uniform(0.0002, 0.02))
        self.store_clock = ShiftedClock(self.loop)
        self.store = WatchedStore(self.store_clock, self.complain)
        self.store.limits = {"workspace:workspace": scenario.workspace_places}
        self.hosts: list[SimHost] = []
        self.writes, self.reads, self.host_names = count(1), count(1), count(1)
        self.outage_until = self.bells_lost_until = 0.0
        self.is_calm = self.is_closing = False
        self._ids = count(1)

    def complain(self, text: str) -> None:
        self.complaints.append(f"{self.loop.time():.3f} s: {text}")

    def new_id(self) -> str:
        return f"id-{next(self._ids)}"

    def run(self) -> list[str]:
        self.loop.set_task_factory(self._make_task)
        self.loop.set_exception_handler(self._unexpected)
        try:
            with patched(engine_patches(self.complain, self.rng)):
                self.loop.run_until_complete(self._play())
        except Stuck as error:
            self.complain(f"stuck: {error}; {self._statuses()}")
        finally:
            self._tidy()
        return self.complaints

    def _tidy(self) -> None:
        for host in self.hosts:
            host.kill()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop._steps = 0
        with patched(engine_patches(lambda text: None, self.rng)):
            self.loop.run_until_complete(asyncio.sleep(1))
        self.loop.close()

    def _make_task(self, loop: Any, coroutine: Any, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, context=context)
        host = (context or copy_context()).get(HOST)
        if host is not None:
            host.remember(task)
        return task

    def _unexpected(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Killed | StoreUnavailable):
            self.complain(f"{context.get('message')}: {error!r}")

    async def _play(self) -> None:
        plan = self.scenario
        for _ in range(plan.hosts):
            self._add_host()
        for number, session in enumerate(plan.sessions):
            self.loop.call_at(session.submit_at, self._submit, number, session)
        for command in plan.commands:
            self.loop.call_at(command.at + 0.01, self._ask, command)
        for fault in plan.faults:
            self.loop.call_at(fault.at, self._strike, fault)
        if await self._until(lambda: self.loop.time() >= plan.calm_at):
            await self._calm_down()

    async def _until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Whether it came true, with nothing to complain about before."""
        end = self.loop.time() + patience
        while not self.complaints and self.loop.time() < end:
            if condition():
                return True
            await asyncio.sleep(0.25)
        return False

    async def _calm_down(self) -> None:
        """Faults have stopped: everything must come to its end."""
        self.is_calm = True
        self._add_host()
        if not await self._until(self._all_ended):
            self.complain(f"a session never ends: {self._statuses()}")
        elif not await self._until(lambda: set(self.store.outcomes) == self.store.asked, patience=60):
            self.complain(f"commands without an outcome: {self.store.asked - set(self.store.outcomes)}")
        elif not self.complaints:
            await self._stop_all()

    def _all_ended(self) -> bool:
        for key, session in self.store.sessions.items():
            if len(self.store.events[key]) > MAX_EVENTS:
                self.complain(f"{key} writes events without end")
            if session.is_paused and not any(owner == key for owner, _ in self.store._inbox.values()):
                self.store.ask(key, "resume")
        return all(session.is_finished for session in self.store.sessions.values())

    async def _stop_all(self) -> None:
        self.is_closing = True
        for host in self.hosts:
            host.stop(grace_seconds=0.5)
        if not await self._until(lambda: all(host.has_ended for host in self.hosts), patience=60):
            self.complain("a host does not stop")
        for host in self.hosts:
            if host.is_alive:
                host.check_rest()
        for session in self.scenario_sessions():
            self._check_blame(*session)
        for key in self.store.sessions:
            self._check_sleep(key)
        self.store.check_families()

    def _check_sleep(self, key: str) -> None:
        """A session falls asleep once for each reason to wait, not again and again."""
        words = Counter(event.type for event in self.store.events[key])
        awaits = words["step.waiting"] + words["step.answered"]
        reasons = awaits + words["task.retrying"] + self.store.tokens[key] // 2 + len(self.store.asked) + 2
        if words["session.waiting"] > reasons:
            self.complain(f"{key} falls asleep {words['session.waiting']} times")

    def scenario_sessions(self) -> Iterator[tuple[Session, SessionPlan]]:
        for number, plan in enumerate(self.scenario.sessions):
            yield self.store.sessions[f"session-{number}"], plan

    def _check_blame(self, session: Session, plan: SessionPlan) -> None:
        """Only a task that produced what cannot be stored may fail because of it."""
        for task in session.tasks.values():
            behaviours = dict(task.input_data)["behaviours"]
            guilty = any(end == "reject" or any(s == "bad_send" for s, _ in steps) for steps, end in behaviours)
            if task.error_code == "not_storable" and not guilty:
                self.complain(f"{session.id}: {task.name} fails for what another task produced")

    def _statuses(self) -> list[str]:
        return [
            f"{key} {session.status} {[f'{t.name} {t.status}' for t in session.tasks.values()]}"
            for key, session in self.store.sessions.items()
        ]

    def _add_host(self) -> None:
        if self.is_closing:
            return
        host = SimHost(
            f"host-{next(self.host_names)}",
            loop=self.loop,
            store=self.store,
            line=lambda owner: WorldLine(self, owner),
            rng=self.rng,
            places=self.scenario.places,
            new_id=self.new_id,
            others=lambda: self.hosts,
            complain=self.complain,
            ring=self._ring,
            make_child=self._make_child,
        )
        self.hosts.append(host)

    def _submit(self, number: int, plan: SessionPlan) -> None:
        session, events = new_session(f"session-{number}", plan, self.scenario, self.new_id)
        self.store.submit(session, events)
        self._ring(session.id)

    def _make_child(self, parent_id: str, step_id: str, request: Mapping[str, Any]) -> None:
        """As the services do it: once, and not for a step that waits no more."""
        step = self.store.steps[step_id]
        if step_id in self.store.sessions or step.status != "WAITING":
            return
        parent = self.store.sessions[parent_id]
        session, events = child_session(parent, step_id, request["tasks"], self.new_id)
        self.store.submit(session, events)
        self._ring(session.id)

    def _ask(self, command: Command) -> None:
        key = f"session-{command.session % len(self.scenario.sessions)}"
        if key in self.store.sessions and not self.store.sessions[key].is_finished:
            self.store.ask(key, command.kind)
            for _ in range(command.bells):
                self._ring(key)

    def _ring(self, session_id: str) -> None:
        if self.loop.time() >= self.bells_lost_until:
            for host in self.hosts:
                host.ring(session_id)

    def _strike(self, fault: Fault) -> None:
        host = self.hosts[fault.host % len(self.hosts)]
        now = self.loop.time()
        match fault.kind:
            case "crash":
                self.kill(host, fault.seconds)
            case "hand_over":
                host.stop(grace_seconds=fault.seconds / 4)
                self.loop.call_later(fault.seconds, self._add_host)
            case "outage":
                self.outage_until = max(self.outage_until, now + fault.seconds)
            case "host_clock":
                host.clock.shift += (fault.seconds - 5) * 6
            case "store_clock":
                self.store_clock.shift += (fault.seconds - 5) * 4
            case "bells_lost":
                self.bells_lost_until = now + fault.seconds

    def kill(self, host: SimHost, seconds: float = 1.0) -> None:
        """The host dies; another one starts later."""
        if host.is_alive:
            host.kill()
            self.loop.call_later(seconds, self._add_host)


class WorldLine(Line):
    """Between one host and the store, with the scenario's faults."""

    def __init__(self, world: World, host: SimHost) -> None:
        self._world, self._host = world, host
        self.has_change_mark = world.scenario.has_change_mark

    def _reach(self) -> None:
        if not self._host.is_alive:
            raise Killed
        if self._world.loop.time() < self._world.outage_until and not self._world.is_calm:
            raise StoreUnavailable("an outage")

    def call(self, action: Callable[[], T]) -> T:
        self._reach()
        fault = None if self._world.is_calm else dict(self._world.scenario.read_faults).get(next(self._world.reads))
        if fault == "lost_before":
            raise StoreUnavailable("lost on the way")
        result = action()
        if fault == "lost_after":
            raise StoreUnavailable("the answer was lost")
        if fault == "crash_after":
            self._world.kill(self._host)
            raise StoreUnavailable("dead")
        return result

    def write(self, batches: list[Batch]) -> list[Outcome]:
        self._reach()
        world, number = self._world, next(self._world.writes)
        planned = [(kind, seconds) for n, kind, seconds in world.scenario.write_faults if n == number]
        kind, seconds = planned[0] if planned and not world.is_calm else ("", 0.0)
        self._before(kind, seconds, batches)
        outcomes = world.store.write_group(batches)
        if kind == "lost_after":
            raise StoreUnavailable("the answer to COMMIT was lost")
        if kind == "crash_after":
            world.kill(self._host)
            raise Killed
        return outcomes

    def _before(self, kind: str, seconds: float, batches: list[Batch]) -> None:
        world = self._world
        if kind == "lost_before":
            raise StoreUnavailable("lost before COMMIT")
        if kind == "crash_before":
            world.kill(self._host)
            raise Killed
        if kind == "late":
            world.store.late.extend(batches)
            world.loop.call_later(seconds / 20, world.store.write_group, batches)
            raise StoreUnavailable("the COMMIT is still on its way")
        if kind == "stall":
            self._host.sleep(seconds)


@contextmanager
def patched(patches: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(module, name, getattr(module, name)) for module, name, _ in patches]
    for module, name, value in patches:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
