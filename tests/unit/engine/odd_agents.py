"""Agents that misbehave, and one in each place an agent can run."""

import asyncio
import os
import sys
import threading
import time
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, AgentError

GATE = threading.Event()


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


class SpinningThreadAgent(BaseAgent):
    """Forks when ordered, else computes for ever."""

    def run(self, ctx: Any) -> Any:
        if ctx.task.input_data.get("fork") and (child := os.fork()):
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        while not ctx.task.input_data.get("fork"):
            pass
        return "the child must not say this"


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
            case "vast":
                return ["x" * 1_000_000] * 50
            case "deep":
                return _nested(100_000)
            case "endless":
                return _endless()
            case "recursion":
                return _nested_call(0)
            case "own exception":
                raise StrangeError
            case "generator exit":
                raise GeneratorExit
            case "stop the loop":
                asyncio.get_running_loop().stop()
                await asyncio.sleep(0.01)
            case "cancel everything":
                for one in asyncio.all_tasks():
                    one.cancel()
                await asyncio.sleep(0)
            case "exit in a task":
                leave = asyncio.create_task(_leave())
                await asyncio.sleep(0.01)
                return leave.done()
            case "fork":
                return await _status_of_child(os.fork())
            case "change what it was given":
                ctx.task.input_data["list"].append("mine")  # type: ignore[index]
                return len(ctx.task.input_data["list"])
            case "flood":
                await _flood(ctx)
            case "big steps":
                for number in range(20):
                    await ctx.step(f"big {number}", lambda call: "x" * 1_000_000)
            case "until the gate is open":
                while not GATE.is_set():
                    await ctx.progress(1)
                    await asyncio.sleep(0.01)
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


class StrangeError(BaseException):
    """No Exception."""


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def _endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def _nested_call(depth: int) -> int:
    return _nested_call(depth + 1)


async def _leave() -> None:
    raise SystemExit(3)


async def _status_of_child(pid: int) -> int:
    for _ in range(500):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        await asyncio.sleep(0.01)
    return -1


async def _flood(ctx: AgentContext) -> None:
    for number in range(100_000):
        await ctx.log("x" * 1000, data={"number": number})


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
    registry.register(SpinningThreadAgent, "spinning_thread")
    registry.register(StillbornAgent, "stillborn")
    registry.register(SteppingAgent, "stepping")
    registry.register(SteppingThreadAgent, "stepping_thread")
    registry.register(SteppingProcessAgent, "stepping_process")
