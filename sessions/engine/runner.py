"""One live session on the loop: takes in what happens, decides, has it committed, then acts."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Protocol

import structlog

from core.clock import Clock
from sessions.engine.batch import Batch, Outcome, Refused, Rejected
from sessions.engine.core import decide, give_up
from sessions.engine.draft import Decision, Moment
from sessions.engine.inputs import (
    CancelAgent,
    Claimed,
    CommandRead,
    DetachAgent,
    Effect,
    HandOver,
    Input,
    ParkAgent,
    Reply,
    RosterRead,
    SlotWanted,
    StartAgent,
    StartChild,
    Tick,
    WriteRejected,
)
from sessions.engine.slots import Slots
from sessions.engine.state import Session, is_executing
from sessions.engine.store.base import Claim
from sessions.engine.threads import happened_within
from sessions.policies import ENGINE_FAILURE_LIMIT
from sessions.routing_policy import AgentInfo

log = structlog.get_logger(__name__)

ChildStarter = Callable[[str, StartChild], Awaitable[Input]]
"""Makes the child a session's step asks for, or finds that it is there: what the session is then told."""

BACKLOG_LIMIT = 200
MAX_INPUTS_PER_STEP = 400


class AgentHost(Protocol):
    """Where agents run. All return at once. `places_elsewhere`: some run on the workers of queues."""

    @property
    def places_elsewhere(self) -> bool: ...

    def start(self, runner: "SessionRunner", session: Session, effect: StartAgent) -> None: ...

    def cancel(self, execution_id: str) -> None: ...

    def detach(self, execution_id: str) -> None: ...

    def park(self, execution_id: str) -> None: ...

    def reply(self, effect: Reply) -> None: ...


class SessionRunner:
    """The one writer of a session. Everything here runs on the host's loop."""

    def __init__(
        self,
        claim: Claim,
        *,
        submit: Callable[[Batch], "asyncio.Future[Outcome]"],
        agents: AgentHost,
        slots: Slots,
        clock: Clock,
        rng: Random,
        new_id: Callable[[], str],
        start_child: ChildStarter,
        ring: Callable[[str], None] = lambda session_id: None,
    ) -> None:
        self.session = claim.session
        self._submit, self._agents, self._slots = submit, agents, slots
        self._clock, self._rng, self._new_id, self._ring = clock, rng, new_id, ring
        self._inputs: deque[Input] = deque([Claimed(claim.was_let_go), *claim.commands])
        self._known_commands = {command.id for command in claim.commands}
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._taken: list[Input] = []
        self._alone_count = 0
        self._wants: set[str] = set()
        self._started: set[str] = set()
        self._start_child = start_child
        self._births: set[asyncio.Task[None]] = set()
        self._lost = False
        self.failure = ""

    def put(self, item: Input) -> None:
        """Something happened."""
        self._inputs.append(item)
        self._something.set()
        if len(self._inputs) >= BACKLOG_LIMIT:
            self._room.clear()

    async def wait_for_room(self) -> None:
        """Returns when the runner has kept up: agents that flood are slowed to the journal's speed."""
        await self._room.wait()

    def put_commands(self, commands: tuple[CommandRead, ...]) -> None:
        """Commands read from the inbox; those already taken in are left out."""
        for command in commands:
            if command.id not in self._known_commands:
                self._known_commands.add(command.id)
                self.put(command)

    def put_roster(self, roster: Mapping[str, AgentInfo]) -> None:
        self.put(RosterRead(roster))

    def hand_over(self) -> None:
        """Let go of the session for another host."""
        self.put(HandOver())

    def lose(self) -> None:
        """The lease is gone: drop everything, write nothing."""
        self._lost = True
        self._something.set()

    async def run(self) -> None:
        """Until the session is finished, sleeps, or is lost."""
        try:
            while not self._lost:
                decision = self._decide()
                if not await self._commit(decision):
                    continue
                if decision.releases:
                    return
                await self._wait(decision)
        finally:
            self._drop()

    def _decide(self) -> Decision:
        limit = 1 if self._alone_count else MAX_INPUTS_PER_STEP
        self._alone_count = max(0, self._alone_count - 1)
        self._taken = [self._inputs.popleft() for _ in range(min(len(self._inputs), limit))]
        if len(self._inputs) < BACKLOG_LIMIT:
            self._room.set()
        moment = Moment(
            now=self._clock.now(),
            rng=self._rng,
            new_id=self._new_id,
            grant=self._grant,
            places_elsewhere=self._agents.places_elsewhere,
        )
        if self.session.engine_failures >= ENGINE_FAILURE_LIMIT:
            return give_up(self.session, moment)
        return decide(self.session, self._taken or [Tick()], moment)

    def _grant(self, want: SlotWanted) -> bool:
        self._wants.add(want.task_id)
        return self._slots.acquire(want, lambda _task_id: self.put(Tick()))

    async def _commit(self, decision: Decision) -> bool:
        """Whether the decision counts. A refused one ends the runner; of a rejected one the task fails."""
        if decision.batch is None:
            self._accept(decision)
            return True
        outcome = await self._submit(decision.batch)
        if isinstance(outcome, Refused):
            log.warning("session.lost", session=self.session.id)
            self._lost = True
            return False
        if isinstance(outcome, Rejected):
            self._reject(decision.batch, outcome.reason)
            return False
        self._accept(decision)
        for request in decision.batch.requests:
            self._ring(request.session_id)
        return True

    def _accept(self, decision: Decision) -> None:
        self.session = decision.session
        self._free_slots()
        for effect in decision.effects:
            self._carry_out(effect)

    def _reject(self, batch: Batch, reason: str) -> None:
        """Decide again on each input alone, so that nothing else is lost with the bad one; then blame its task."""
        log.error("session.write_rejected", session=self.session.id, reason=reason, inputs=len(self._taken))
        again = list(self._taken)
        if len(again) > 1:
            self._alone_count = len(again)
        elif again and isinstance(again[0], WriteRejected):
            self._lost = True  # memory is not what the rows say: drop it, and let the session be loaded anew
            self.failure = f"The database refused every way to go on: {reason}"
        else:
            blame = WriteRejected(self._suspects(batch), f"What the task produced cannot be stored: {reason}")
            again = [blame, *(item for item in again if isinstance(item, CommandRead | HandOver))]
        self._inputs.extendleft(reversed(again))
        self._free_slots()

    def _suspects(self, batch: Batch) -> tuple[str, ...]:
        """The task that spoke; when none did, those whose attempts changed; else all that are live."""
        spoke = {getattr(item, "execution_id", None) for item in self._taken}
        live = [task for task in self.session.tasks.values() if task.is_live]
        return (
            tuple(task.id for task in live if task.execution and task.execution.id in spoke)
            or tuple(write.task.id for write in batch.executions)
            or tuple(task.id for task in live)
        )

    def _free_slots(self) -> None:
        """Give back the places of what has stopped, and stop waiting for what will not start (now: in a pause)."""
        for task_id in list(self._wants):
            task = self.session.tasks.get(task_id)
            stopped = task is not None and task_id in self._started and not is_executing(task)
            resting = self.session.is_paused and task_id not in self._started
            if task is None or not task.is_live or stopped or resting:
                self._wants.discard(task_id)
                self._started.discard(task_id)
                self._slots.release(task_id)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case StartAgent():
                self._started.add(effect.task.id)
                self._agents.start(self, self.session, effect)
            case CancelAgent():
                self._agents.cancel(effect.execution_id)
            case DetachAgent():
                self._agents.detach(effect.execution_id)
            case ParkAgent():
                self._agents.park(effect.execution_id)
            case Reply():
                self._agents.reply(effect)
            case StartChild():
                birth = asyncio.get_running_loop().create_task(self._bear(effect))
                self._births.add(birth)
                birth.add_done_callback(self._births.discard)

    async def _bear(self, effect: StartChild) -> None:
        self.put(await self._start_child(self.session.id, effect))

    async def _wait(self, decision: Decision) -> None:
        if self._inputs:
            return
        self._something.clear()
        delay = None
        if decision.wake_at is not None:
            delay = max(0.0, (decision.wake_at - self._clock.now()).total_seconds())
        await happened_within(self._something, delay)

    def _drop(self) -> None:
        for birth in list(self._births):
            birth.cancel()
        for task in self.session.tasks.values():
            if task.execution is None:
                continue
            if task.execution.run_id:  # whoever takes the session over goes on with it
                self._agents.detach(task.execution.id)
            else:
                self._agents.cancel(task.execution.id)
        for task_id in self._wants:
            self._slots.release(task_id)
        self._wants.clear()
        self._room.set()
