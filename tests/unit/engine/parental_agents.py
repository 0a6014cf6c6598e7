"""Agents that wait for child sessions in every way Python offers."""

import asyncio
from contextlib import suppress
from itertools import count
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, StepCall

_numbers = count(1)
_paid: list[str] = []


class GroupAgent(BaseAgent):
    """In a TaskGroup, which wraps what ends it."""

    async def run(self, ctx: AgentContext) -> Any:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(ctx.spawn_session("g", key=key)) for key in ("a", "b")]
        return [call.result()["status"] for call in calls]


class GreedyAgent(BaseAgent):
    """Catches whatever comes out of its calls, the end of itself included."""

    async def run(self, ctx: AgentContext) -> Any:
        calls = (ctx.spawn_session("g", key=key) for key in ("a", "b"))
        found = await asyncio.gather(*calls, return_exceptions=True)
        return [one["status"] if isinstance(one, dict) else "?" for one in found]


class ThreadAgent(BaseAgent):
    def run(self, ctx: Any) -> Any:
        return [ctx.spawn_session("g", key=key)["status"] for key in ("a", "b")]


class ProcessAgent(BaseAgent):
    isolation = "process"

    async def run(self, ctx: AgentContext) -> Any:
        calls = (ctx.spawn_session("g", key=key) for key in ("a", "b"))
        return [child["status"] for child in await asyncio.gather(*calls)]


class PayingAgent(BaseAgent):
    """Pays for a slow call while it waits for a child."""

    async def run(self, ctx: AgentContext) -> Any:
        _, child = await asyncio.gather(ctx.step("pay", self._pay), ctx.spawn_session("g", key="a"))
        return {"paid": len(_paid), "child": child["status"]}

    async def _pay(self, call: StepCall) -> str:
        _paid.append(call.key)
        await asyncio.sleep(0.05)
        return "paid"


class PayingProcessAgent(BaseAgent):
    """Pays for slow calls while it waits: one goes well, one fails, and one sleeps itself."""

    isolation = "process"

    async def run(self, ctx: AgentContext) -> Any:
        calls = [self._pay(ctx, "well"), self._pay(ctx, "badly"), ctx.step("asleep", lambda call: ctx.sleep(1.2))]
        *_, child = await asyncio.gather(*calls, ctx.spawn_session("g", key="a"))
        return {"child": child["status"]}

    async def _pay(self, ctx: AgentContext, how: str) -> None:
        async def pay(call: StepCall) -> str:
            await ctx.log(f"paid {how}")
            await asyncio.sleep(0.5)
            if how == "badly":
                raise ValueError(how)
            return "paid"

        with suppress(ValueError):
            await ctx.step(how, pay)


class PayingPlacedAgent(PayingProcessAgent):
    isolation = "loop"
    placement = "celery:gpu"


class FickleAgent(BaseAgent):
    """Asks for something else each time it runs."""

    async def run(self, ctx: AgentContext) -> Any:
        return await ctx.spawn_session(f"goal {next(_numbers)}", key="a")


def register_agents(registry: AgentRegistry) -> None:
    registry.register(GroupAgent, "parental_group")
    registry.register(GreedyAgent, "parental_greedy")
    registry.register(ThreadAgent, "parental_thread")
    registry.register(ProcessAgent, "parental_process")
    registry.register(PayingAgent, "parental_paying")
    registry.register(PayingProcessAgent, "parental_paying_process")
    registry.register(PayingPlacedAgent, "parental_paying_placed")
    registry.register(FickleAgent, "parental_fickle")
