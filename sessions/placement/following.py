"""The engine's side of a run: offers it to the queue, answers its calls, notices when its worker is gone."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents.runtime import AgentError
from sessions.engine.context import ExecutionContext
from sessions.engine.inputs import StartAgent
from sessions.engine.isolation import SECOND_THOUGHT_SECONDS, RunLost, answer_call, outcome_of, start_line
from sessions.engine.side_by_side import WAITS, SideBySide
from sessions.placement.run import ALIVE_SECONDS, KEPT_SECONDS, OFFER_AGAIN_SECONDS, TASK_NAME, RunKeys

POLL_SECONDS = 1
LAST_WORD_SECONDS = 2.0
UNCOMMITTED_SECONDS = 3600
"""How long a result outlasts its run, in case this engine dies before it is committed."""


class QueuePlacer:
    """Runs agents on the workers of Celery queues; each run has a connection of its own, on which it waits."""

    is_elsewhere = True

    def __init__(self, redis_url: str, *, modules: Sequence[str]) -> None:
        self._redis_url, self._modules = redis_url, modules

    async def run(self, context: ExecutionContext, effect: StartAgent) -> Any:
        execution = effect.task.execution
        assert execution is not None
        async with Redis.from_url(self._redis_url, decode_responses=True) as redis:
            follower = _Follower(redis, RunKeys(execution.run_id), context, execution.queue)
            try:
                if effect.is_attached:
                    return await follower.go_on()
                return await follower.begin(start_line(context, self._modules))
            finally:
                if not context.is_detached:
                    await follower.end()


@dataclass(slots=True)
class _Follower:
    """One run, as the engine follows it."""

    redis: "Redis"
    keys: RunKeys
    context: ExecutionContext
    queue: str
    is_claimed: bool = False
    _calls: SideBySide = field(default_factory=SideBySide)
    _taken: set[str] = field(default_factory=set)
    _is_unsure: bool = False
    _offered_at: float = field(default_factory=time.monotonic)
    _silent_since: float | None = None

    async def begin(self, start: dict[str, Any]) -> Any:
        """Offer the run and follow it to its end. Raises: AgentError when the queue cannot be reached."""
        try:
            await self.redis.set(self.keys.start, json.dumps(start), ex=KEPT_SECONDS)
            await self._offer()
        except (RedisError, OperationalError, OSError) as error:
            text = f"the queue {self.queue} cannot be reached: {error}"
            raise AgentError(text, code="placement_unavailable") from error
        await self.context.progress(0, f"waits for a worker of the queue {self.queue}")
        return await self._follow()

    async def go_on(self) -> Any:
        """Follow a run another engine began; what that one was handling is handled again."""
        self._is_unsure = True
        return await self._follow()

    async def end(self) -> None:
        """Tell the worker that nobody waits any more; one that cannot be told finds its claim expired."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                async with self.redis.pipeline() as pipe:
                    pipe.set(self.keys.cancelled, "1", ex=KEPT_SECONDS)
                    pipe.delete(self.keys.start, self.keys.replies)
                    pipe.expire(self.keys.busy, UNCOMMITTED_SECONDS)
                    await pipe.execute()

    async def _offer(self) -> None:
        self._offered_at = time.monotonic()
        send = current_app.signature(TASK_NAME, args=[self.keys.run_id], queue=self.queue)
        await asyncio.to_thread(send.apply_async, retry=False)

    async def _follow(self) -> Any:
        self.context.give_time(SECOND_THOUGHT_SECONDS)
        try:
            while True:
                for line in await self._calls.until(self._read):
                    said = json.loads(line)
                    if _is_last(said):
                        await self._calls.finish()
                        return outcome_of(said)
                    self._taken.add(line)
                    self._calls.begin(self._handle(line, said), is_wait=said.get("call") in WAITS)
        finally:
            self._calls.cancel()

    async def _read(self) -> list[str]:
        """What was said; nothing after a while, or when Redis is away. A line whose reading failed may be taken."""
        try:
            if self._is_unsure:
                found = await self._as_list(self.redis.lrange(self.keys.busy, 0, -1))
                self._is_unsure = False
                return [line for line in found if line not in self._taken]
            line = await self._as_text(self.redis.blmove(self.keys.calls, self.keys.busy, POLL_SECONDS))
            if line is None:
                await self._look()
            return [] if line is None else [line]
        except (RedisError, OSError):  # says nothing about the worker
            self._silent_since, self._is_unsure = None, True
            await asyncio.sleep(POLL_SECONDS)
            return []

    async def _handle(self, line: str, said: dict[str, Any]) -> None:
        if "hello" in said:
            self.is_claimed = True
            await self.context.progress(0, f"runs on {said['hello']}")
            await self._settle(line)
        else:
            await self._settle(line, json.dumps(await answer_call(self.context, said)))

    async def _settle(self, line: str, reply: str | None = None) -> None:
        """As often as it takes: without an answer the agent waits for ever, and of two it takes the first."""
        while True:
            try:
                async with self.redis.pipeline() as pipe:
                    if reply is not None:
                        pipe.rpush(self.keys.replies, reply)
                        pipe.expire(self.keys.replies, KEPT_SECONDS)
                    pipe.lrem(self.keys.busy, 1, line)
                    await pipe.execute()
                self._taken.discard(line)
                return
            except (RedisError, OSError):
                await asyncio.sleep(POLL_SECONDS)

    async def _look(self) -> None:
        """Nothing was said: does the worker live? Has anybody taken the run?"""
        is_alive = bool(await self.redis.exists(self.keys.alive))
        self.is_claimed = self.is_claimed or is_alive or bool(await self.redis.exists(self.keys.claim))
        if self.is_claimed:
            self._count_silence(is_alive=is_alive)
        elif time.monotonic() - self._offered_at > OFFER_AGAIN_SECONDS:
            with contextlib.suppress(OperationalError):
                await self._offer()  # the queue may have lost the first one; a run is claimed once

    def _count_silence(self, *, is_alive: bool) -> None:
        """Raises: RunLost."""
        now = time.monotonic()
        if is_alive or not self.is_claimed:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > ALIVE_SECONDS:
            raise RunLost(f"The worker of the queue {self.queue} that ran this attempt is gone.")

    @staticmethod
    async def _as_list(answer: Any) -> list[str]:
        return list(await answer)

    @staticmethod
    async def _as_text(answer: Any) -> str | None:
        text: str | None = await answer
        return text


def _is_last(said: dict[str, Any]) -> bool:
    return "result" in said or "error" in said
