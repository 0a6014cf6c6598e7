"""Steps and durable awaits as an agent calls them: what is kept is answered, the rest is journaled before it counts."""

import asyncio
import hashlib
import inspect
import math
from collections.abc import Awaitable, Callable
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
        self._sleeps = count(1)

    async def step(
        self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False
    ) -> Any:
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
        digest = hash_inputs(key, request)
        step = self._steps.get((key, digest))
        if step is None:
            await self._open(kind, key, digest, request, seconds)
        if step is None or step.status == StepStatus.WAITING:
            raise Parked
        if step.error_code:
            raise AgentError(step.error_message, code=step.error_code, permanent=True)
        await self._note_reuse(step)
        return step.result

    async def _open(
        self, kind: StepKind, key: str, digest: str, request: dict[str, Any], seconds: float | None = None
    ) -> None:
        await self._request(lambda reply: StepOpened(self._execution_id, reply, kind, key, digest, request, seconds))

    async def _note_reuse(self, step: Step) -> None:
        if step.execution_id != self._execution_id:
            await self._put(StepReused(self._execution_id, step.id))

    def _idempotency_key(self, key: str, digest: str) -> str:
        return hashlib.sha256(f"{self._task.lineage or self._task.id}:{key}:{digest}".encode()).hexdigest()[:32]


def hash_inputs(key: Any, inputs: Any) -> str:
    """What tells a step from another of the same key. Raises: AgentError for a bad key or inputs that are not JSON."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS:
        text = f"a step's key is a text of 1 to {MAX_KEY_CHARACTERS} characters"
        raise AgentError(text, code="bad_step_key", permanent=True)
    try:
        kept = storable([key, inputs], what=f"the inputs of step {key!r}")
    except NotStorable as error:
        raise AgentError(str(error), code="bad_step_inputs", permanent=True) from error
    return hashlib.sha256(canonical_json(kept[1]).encode()).hexdigest()
