"""`ctx.contexts` of a live attempt: reads pass through, writes are steps."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any

from agents.runtime import AgentError, ContextHead, ContextStore, ContextVersion, OpenStep
from core.differences import Change
from sessions.engine.gate import NotStorable, storable
from sessions.engine.step_calls import StepCalls

CONFLICT = "context_conflict"


class _Numbers:
    """Which write to a name this is, from 1. One that was refused gives its number back: counted are those made."""

    def __init__(self) -> None:
        self._next, self._free, self._calls = count(1), list[int](), count(1)

    def take(self) -> int:
        return heappop(self._free) if self._free else next(self._next)

    def give_back(self, number: int) -> None:
        heappush(self._free, number)

    def call(self) -> int:
        return next(self._calls)


class ContextCalls:
    """A `ContextStore` for an attempt that may run again from its start. What it wrote is answered from the kept steps,
    whatever it wants to write this time; a refusal is repeated within the attempt, and asked for anew in the next."""

    def __init__(self, store: ContextStore, steps: StepCalls, *, attempt: str, check: Callable[[], None]) -> None:
        self._store, self._steps, self._attempt, self._check = store, steps, attempt, check
        self._numbers: dict[str, _Numbers] = defaultdict(_Numbers)

    async def read(self, name: str, *, version: int | None = None, agent: str | None = None) -> ContextVersion:
        self._check()
        return await self._store.read(name, version=version, agent=agent)

    async def write(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        description: str = "",
        expected_version: int | None = None,
        key: str = "",
    ) -> int:
        kept = _kept(data)

        def make(write_key: str) -> Awaitable[int]:
            return self._store.write(
                name, kept, description=description, expected_version=expected_version, key=write_key
            )

        return await self._once("write", name, key, make)

    async def history(self, name: str, *, limit: int = 20, agent: str | None = None) -> list[ContextHead]:
        self._check()
        return await self._store.history(name, limit=limit, agent=agent)

    async def diff(self, name: str, before: int, after: int, *, agent: str | None = None) -> list[Change]:
        self._check()
        return await self._store.diff(name, before, after, agent=agent)

    async def rollback(self, name: str, version: int, *, reason: str = "", key: str = "") -> int:
        return await self._once("rollback", name, key, lambda _: self._store.rollback(name, version, reason=reason))

    async def names(self, *, agent: str | None = None) -> list[str]:
        self._check()
        return await self._store.names(agent=agent)

    async def _once(self, verb: str, name: str, key: str, make: Callable[[str], Awaitable[int]]) -> int:
        """What `make(write key)` answers, made once. Raises: AgentError, of conflicts also those of earlier runs."""
        self._check()
        if not key and self._steps.is_within_step:
            text = (
                f"give ctx.contexts.{verb} a key inside ctx.step: a kept step is not run, and so its writes not counted"
            )
            raise AgentError(text, code="bad_step_key", permanent=True)
        numbers = self._numbers[f"{verb} {name}"]
        refusal = await self._open(f"{verb} {name} refused {self._attempt} {numbers.call()}", name)
        if refusal.is_known:
            raise AgentError(refusal.result, code=CONFLICT)
        number = 0 if key else numbers.take()
        try:
            return await self._make(await self._open(f"{verb} {name} {key or number}", name), refusal, make)
        except AgentError:  # not when it was cancelled: it may have been made
            if number:
                numbers.give_back(number)
            raise

    async def _make(self, opened: OpenStep, refusal: OpenStep, make: Callable[[str], Awaitable[int]]) -> int:
        if opened.is_known:
            return int(opened.result)
        with self._steps.flight():
            try:
                done = await make(opened.idempotency_key)
            except AgentError as error:
                if error.code == CONFLICT:
                    await self._steps.close(refusal, str(error), {})
                raise
            return int(await self._steps.close(opened, done, {}))

    async def _open(self, key: str, name: str) -> OpenStep:
        return await self._steps.open(key, inputs={"context": name})


def _kept(data: Mapping[str, Any]) -> Any:
    """Plain JSON of its own: the agent may change its data while they are written. Raises: AgentError."""
    try:
        return storable(data, what="the data of a context")
    except NotStorable as error:
        raise AgentError(str(error), code="bad_context", permanent=True) from error
