"""Keeps a host's places in step with the other hosts': asks for what tasks wait for, gives back what others do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from sessions.engine.slots import Slots
from sessions.engine.store.base import Store, StoreUnavailable
from sessions.engine.threads import happened_within

log = structlog.get_logger(__name__)

HUNGRY_SECONDS = 0.05
"""Between two looks while a task waits for places that other hosts hold."""
SHARED_SECONDS = 0.25
"""Between two looks at what others wait for, while there are other hosts."""
ALONE_SECONDS = 1.0


class SlotKeeper:
    """One per host and life. It is the only one who asks the store for the host's places."""

    def __init__(self, slots: Slots, store: Store, worker_id: str, *, read: Callable[..., Awaitable[Any]]) -> None:
        self._slots, self._store, self._worker_id, self._read = slots, store, worker_id, read
        self._worker_count = 1
        self._look_at = 0.0

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            self._slots.lack.clear()
            try:
                await self._step()
            except StoreUnavailable as error:
                log.warning("engine.slots_not_asked", error=str(error))
                await asyncio.sleep(SHARED_SECONDS)
            except Exception:  # without places nothing would start any more
                log.exception("engine.slots_failed")
                await asyncio.sleep(ALONE_SECONDS)
            await happened_within(self._slots.lack, self._pause())

    async def _step(self) -> None:
        await self._look()
        ask = self._slots.ask()
        if ask is None:
            return
        try:
            shares = await self._read(self._store.take_slots, self._worker_id, ask)
        except BaseException:
            self._slots.failed(ask)
            raise
        self._worker_count = shares.worker_count
        self._look_at = min(self._look_at, asyncio.get_running_loop().time() + self._interval)
        self._slots.take_in(shares)

    async def _look(self) -> None:
        """At all known scopes in regular intervals; between them at those in which a task waits for others' places."""
        now = asyncio.get_running_loop().time()
        names = {name for want in self._slots.hungry() for name in want.scopes}
        if now >= self._look_at:
            self._look_at = now + self._interval
            names |= set(self._slots.scopes)
        known = sorted(name for name in names if self._slots.scopes[name].is_known)
        if known:
            self._slots.look(await self._read(self._store.look_at_slots, self._worker_id, known), at=now)

    def _pause(self) -> float:
        return HUNGRY_SECONDS if self._slots.hungry() else self._interval

    @property
    def _interval(self) -> float:
        return SHARED_SECONDS if self._worker_count > 1 else ALONE_SECONDS
