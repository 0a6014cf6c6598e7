"""Agents that misbehave, and one in each place an agent can run."""

import asyncio
import os
import sys
import time
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, AgentError


class ThreadAgent(BaseAgent):
    def run(self, ctx: Any) -> Any:
        ctx.progress(50, "half way")
        time.sleep(0.01)
        return {"titles": ctx.documents.titles(), "doubled": ctx.run_in_thread(lambda n: 2 * n, 21)}


class IsolatedAgent(BaseAgent):
    isolation = "process"

    async def run(self, ctx: AgentContext) -> Any:
        await ctx.progress(50, "half way")
        await ctx.send({"hello": 1})
        sys.stdout.write("this must not break the protocol\n")
        if ctx.task.input_data.get("hang"):
            time.sleep(60)
        if ctx.task.input_data.get("die"):
            os._exit(7)
        return {"goal": ctx.session.goal, "inbox": len(await ctx.inbox()), "titles": await ctx.documents.titles()}


class SteppingAgent(BaseAgent):
    """Pays once, then fails at its first attempt."""

    async def run(self, ctx: AgentContext) -> Any:
        paid = await ctx.step("pay", lambda call: ctx.task.attempt, inputs={"price": 1})
        return _second_time(ctx.task.attempt, paid)


class SteppingThreadAgent(BaseAgent):
    def run(self, ctx: Any) -> Any:
        return _second_time(ctx.task.attempt, ctx.step("pay", lambda call: ctx.task.attempt))


class SteppingProcessAgent(SteppingAgent):
    isolation = "process"


def _second_time(attempt: int, paid: int) -> dict[str, int]:
    if attempt == 1:
        raise AgentError("the first attempt fails")
    return {"paid": paid, "attempt": attempt}


class PlacedAgent(BaseAgent):
    """Pays once; then hangs (`hang` seconds; `hang_first`: at the first attempt only) or dies as ordered."""

    placement = "celery:gpu"

    async def run(self, ctx: AgentContext) -> Any:
        orders = ctx.task.input_data
        paid = await ctx.step("pay", lambda call: "once")
        await ctx.progress(50, "runs on the right machine")
        if orders.get("die"):
            os._exit(7)
        time.sleep(orders.get("hang", 0))
        if ctx.task.attempt == 1:
            time.sleep(orders.get("hang_first", 0))
        return {"paid": paid, "is_own_process": "agents.isolated" in " ".join(sys.orig_argv)}


class StillbornAgent(BaseAgent):
    async def initialize(self) -> None:
        raise SystemExit(3)


class OddAgent(BaseAgent):
    """Returns or raises whatever its input says."""

    async def run(self, ctx: AgentContext) -> Any:
        match ctx.task.input_data["odd"]:
            case "object":
                return object()
            case "nan":
                return float("nan")
            case "nul":
                return "a\x00b"
            case "surrogate":
                return "\ud800"
            case "huge":
                return "x" * 2_000_000
            case "exit":
                raise SystemExit(3)
            case "cancelled":
                raise asyncio.CancelledError
            case "interrupt":
                raise KeyboardInterrupt
            case "block":
                time.sleep(ctx.task.input_data["seconds"])
                await asyncio.sleep(ctx.task.input_data.get("then", 0))
            case "spin":
                await asyncio.create_task(_spin())
            case "stubborn":
                return await _never_give_up()
            case "tokens":
                await ctx.emit_token("to")
                await ctx.emit_token("ken")
                return "token"
            case "token flood":
                for number in range(20_000):
                    await ctx.emit_token(f"{number} ")
            case "usage":
                await ctx.add_usage(calls=1, tokens=20)
                await ctx.add_usage(calls=1)
            case "bad type":
                await ctx.send("hi", message_type="SHOUT")
            case "no receiver":
                await ctx.send("hi", message_type="REQUEST")
            case "bad content":
                await ctx.send({1, 2})
            case "bad usage":
                await ctx.add_usage(tokens="many")
            case "send":
                await ctx.send("hi", to="nobody-here")
            case "log":
                await ctx.log("x" * 100_000, level="shout", data={"at": 1.5})
                return [message.content for message in await ctx.inbox()]
        return None


async def _spin() -> None:
    while True:
        pass


async def _never_give_up() -> str:
    for _ in range(200):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "too late"


def register_agents(registry: AgentRegistry) -> None:
    registry.register(ThreadAgent, "thread")
    registry.register(IsolatedAgent, "isolated")
    registry.register(OddAgent, "odd")
    registry.register(PlacedAgent, "placed")
    registry.register(StillbornAgent, "stillborn")
    registry.register(SteppingAgent, "stepping")
    registry.register(SteppingThreadAgent, "stepping_thread")
    registry.register(SteppingProcessAgent, "stepping_process")
