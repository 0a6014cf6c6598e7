"""Steps and durable awaits as an agent calls them: what is kept is answered, the rest is journaled before it counts."""

import asyncio
import hashlib
import inspect
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any

from agents.runtime import AgentError, OpenStep, StepCall, StepOutcomeUnknown
from core.canonical import canonical_json
from sessions.engine.gate import NotStorable, storable
from sessions.engine.inputs import Input, StepClosed, StepOpened, StepReused
from sessions.engine.state import Step, Task
from sessions.states import StepKind, StepStatus

MAX_KEY_CHARACTERS = 200
SHORT_SLEEP_SECONDS = 1.0
"""A shorter sleep is slept in place."""
BREATHS = 3
"""Turns of the loop in which the other branches of an agent come to their next call."""
_own_flights: ContextVar[int] = ContextVar("calls this call is made from", default=0)
LONGEST_SLEEP_SECONDS = 366 * 24 * 3600


class Parked(BaseException):
    """Ends the agent's coroutine at a context call; the same attempt runs again later."""


class StepCalls:
    """The steps of one attempt. `request(make)` puts the input `make(reply id)` and returns the engine's answer."""

    def __init__(
        self,
        task: Task,
        *,
        put: Callable[[Input], Awaitable[None]],
        request: Callable[[Callable[[str], Input]], Awaitable[Any]],
    ) -> None:
        self._task, self._put, self._request = task, put, request
        self._execution_id = task.execution.id if task.execution else ""
        self._steps = {(step.key, step.input_hash): step for step in task.steps}
        self._sleeps, self._spawns = count(1), count(1)
        self._in_flight = 0
        self._elsewhere: set[tuple[str, str]] = set()
        self._quiet = asyncio.Event()
        self.has_parked = False
        self.breath_seconds = 0.0

    async def step(
        self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False
    ) -> Any:
        with self.flight():
            opened = await self.open(key, inputs=inputs, once=once)
            if opened.is_known:
                return opened.result
            call = StepCall(opened.key, opened.idempotency_key)
            value = function(call)
            if inspect.isawaitable(value):
                value = await value
            return await self.close(opened, value, call.usage)

    async def open(self, key: str, *, inputs: Any = None, once: bool = False) -> OpenStep:
        """The step if it is kept, else the leave to do it. Raises: StepOutcomeUnknown, AgentError for a bad key."""
        digest = hash_inputs(key, inputs)
        step = self._steps.get((key, digest))
        opened = OpenStep(key, digest, self._idempotency_key(key, digest))
        if step is not None and step.status == StepStatus.COMPLETED:
            await self._note_reuse(step)
            return OpenStep(key, digest, opened.idempotency_key, is_known=True, result=step.result)
        if step is not None:
            raise StepOutcomeUnknown(key)
        if once:
            await self._open(StepKind.CALL, key, digest, {"once": True})
        return opened

    async def close(self, opened: OpenStep, value: Any, usage: dict[str, float]) -> Any:
        """The result, once it is committed (of two calls at the same time: the first one's)."""
        try:
            result, amounts = storable(value, what=f"the result of step {opened.key!r}"), storable(usage, what="usage")
        except NotStorable as error:
            raise AgentError(str(error), code="bad_step_result", permanent=True) from error
        if not all(isinstance(amount, int | float) for amount in amounts.values()):
            raise AgentError("usage amounts must be numbers", code="bad_usage", permanent=True)
        step: Step = await self._request(
            lambda reply: StepClosed(self._execution_id, reply, opened.key, opened.input_hash, result, amounts)
        )
        self._steps[(opened.key, opened.input_hash)] = step
        return step.result

    async def sleep(self, seconds: Any, *, key: str = "") -> None:
        """Raises: AgentError for what is no number of seconds."""
        if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds > LONGEST_SLEEP_SECONDS:
            text = f"a sleep takes a number of seconds up to {LONGEST_SLEEP_SECONDS:,}, not {seconds!r}"
            raise AgentError(text, code="bad_sleep", permanent=True)
        name = key or f"sleep {next(self._sleeps)}"
        if seconds <= SHORT_SLEEP_SECONDS:
            await asyncio.sleep(max(seconds, 0))
        else:
            await self.wait_for(StepKind.SLEEP, name, {"seconds": seconds}, seconds=seconds)

    async def wait_for(self, kind: StepKind, key: str, request: dict[str, Any], *, seconds: float | None = None) -> Any:
        """The answer, if it is there; else the agent ends here (`Parked`) until it is.

        Raises: AgentError with the answer's code when what is waited for has failed.
        """
        return await self._answer(kind, key, hash_inputs(key, request, kind), request, seconds)

    async def spawn_session(self, key: str, request: dict[str, Any]) -> Any:
        """`{session_id, status, result}` of the child, or its id when the request says not to wait."""
        digest = hash_inputs(key, request, StepKind.SESSION)
        self._check_repeatable(key, digest)
        return await self._answer(StepKind.SESSION, key, digest, request)

    async def spawn_tasks(self, specs: Sequence[Mapping[str, Any]], *, key: str, join: bool) -> Any:
        """The ids in the order of the specs, or with `join` the outputs by name. A key is carried out once, whatever
        a later attempt asks for under it."""
        name = key or f"tasks {next(self._spawns)}"
        digest = hash_inputs(name, None, StepKind.TASKS)
        try:
            request = {"tasks": storable(list(specs), what="the tasks"), "join": bool(join)}
        except NotStorable as error:
            raise AgentError(str(error), code="bad_tasks", permanent=True) from error
        return await self._answer(StepKind.TASKS, name, digest, request)

    def _check_repeatable(self, key: str, digest: str) -> None:
        """Run again from its start, an attempt must ask for the same children.

        Raises: AgentError.
        """
        for (other, other_digest), step in self._steps.items():
            is_same_run = step.kind == StepKind.SESSION and step.execution_id == self._execution_id
            if other == key and other_digest != digest and is_same_run:
                text = (
                    f"the session {key!r} was asked for in other words before; use a key for each, and put what "
                    "differs from run to run (a model's words, the time) into ctx.step"
                )
                raise AgentError(text, code="not_repeatable", permanent=True)

    async def _answer(
        self, kind: StepKind, key: str, digest: str, request: dict[str, Any], seconds: float | None = None
    ) -> Any:
        step = self._steps.get((key, digest))
        is_new = step is None
        if step is None:
            step = self._steps[(key, digest)] = await self._open(kind, key, digest, request, seconds)
        if step.status == StepStatus.WAITING:
            await self._park()
        if step.error_code:
            raise AgentError(step.error_message, code=step.error_code, permanent=True)
        if not is_new:
            await self._note_reuse(step)
        return step.result

    async def _park(self) -> None:
        """Raises `Parked` as soon as nothing that the attempt does beside this is under way: what is being paid for
        is not thrown away, and what else it wants to wait for has been asked for."""
        for _ in range(BREATHS):
            await asyncio.sleep(self.breath_seconds)
        while self._in_flight > _own_flights.get():
            self._quiet.clear()
            await self._quiet.wait()
        self.has_parked = True
        raise Parked

    @property
    def is_within_step(self) -> bool:
        """Whether the call at hand is made by the function of a step."""
        return _own_flights.get() > 0

    @contextmanager
    def flight(self) -> Iterator[None]:
        """What is done inside is let finish before the agent is stopped at a wait."""
        self._in_flight += 1
        token = _own_flights.set(_own_flights.get() + 1)
        try:
            yield
        finally:
            _own_flights.reset(token)
            self._in_flight -= 1
            self._quiet.set()

    def go_elsewhere(self, opened: OpenStep) -> None:
        """The function of the step runs in another process from now on, until it has come back."""
        name = (opened.key, opened.input_hash)
        if name not in self._elsewhere:
            self._elsewhere.add(name)
            self._in_flight += 1

    def come_back(self, opened: OpenStep) -> None:
        name = (opened.key, opened.input_hash)
        if name in self._elsewhere:
            self._elsewhere.discard(name)
            self._in_flight -= 1
            self._quiet.set()

    def call_from_within(self, count: int) -> None:
        """The calls of this task of the loop are made by the functions of so many steps themselves."""
        _own_flights.set(count)

    async def _open(
        self, kind: StepKind, key: str, digest: str, request: dict[str, Any], seconds: float | None = None
    ) -> Step:
        with self.flight():
            step: Step = await self._request(
                lambda reply: StepOpened(self._execution_id, reply, kind, key, digest, request, seconds)
            )
        return step

    async def _note_reuse(self, step: Step) -> None:
        if self._execution_id not in (step.execution_id, step.reused_in):
            await self._put(StepReused(self._execution_id, step.id))

    def _idempotency_key(self, key: str, digest: str) -> str:
        return hashlib.sha256(f"{self._task.lineage or self._task.id}:{key}:{digest}".encode()).hexdigest()[:32]


def hash_inputs(key: Any, inputs: Any, kind: StepKind = StepKind.CALL) -> str:
    """What tells a step from another of the same key: a plan may be paid for, and its tasks spawned, under one word.

    Raises: AgentError for a bad key or inputs that are not JSON.
    """
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS:
        text = f"a step's key is a text of 1 to {MAX_KEY_CHARACTERS} characters"
        raise AgentError(text, code="bad_step_key", permanent=True)
    try:
        kept = storable([key, inputs], what=f"the inputs of step {key!r}")
    except NotStorable as error:
        raise AgentError(str(error), code="bad_step_inputs", permanent=True) from error
    before = "" if kind == StepKind.CALL else f"{kind}:"
    return hashlib.sha256(f"{before}{canonical_json(kept[1])}".encode()).hexdigest()
