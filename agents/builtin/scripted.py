"""The scripted agent: does exactly what its input orders. For tests, demos and benchmarks."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from agents.base import BaseAgent
from agents.runtime import AgentContext, AgentError, StepCall


class ScriptedAgent(BaseAgent):
    """Orders in `input_data`: `say` (any JSON), `sleep` (seconds), `fail_times` (attempts that fail first),
    `permanent` (the failure is final), `events` (progress events), `block` (seconds of CPU), `send` (a message,
    `to` one agent), `steps` (calls that are paid for once, each counted as `calls`), `nap` (seconds of durable sleep),
    `spawn` (tasks to add), `spawn_join` (tasks to add and wait for), `spawn_session` (a child session `{goal, …}` or
    several at once), `again` (n: add n tasks like itself; "session": a child session like its own).
    Answers `{"said": …, "attempt": n}`, and what the spawned ones came to as `outputs` and `children`."""

    agent_type: ClassVar[str] = "CUSTOM"
    capabilities = ("scripted",)
    config_schema = {"type": "object", "properties": {"say": {}}, "additionalProperties": True}

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        orders = {**self.configuration, **ctx.task.input_data}
        if orders.get("send") is not None:
            await ctx.send(orders["send"], to=orders.get("to"))
        await self._flood(ctx, int(orders.get("events", 0)))
        for number in range(1, int(orders.get("steps", 0)) + 1):
            await ctx.step(f"call {number}", _pay, inputs=number)
        if orders.get("nap"):
            await ctx.sleep(float(orders["nap"]))
        came_to = await self._spawn(ctx, orders)
        if orders.get("sleep"):
            await asyncio.sleep(float(orders["sleep"]))
        if orders.get("block"):
            _burn(float(orders["block"]))
        if ctx.task.attempt <= int(orders.get("fail_times", 0)):
            raise AgentError(
                str(orders.get("error", f"ordered to fail (attempt {ctx.task.attempt})")),
                code="ordered_failure",
                permanent=bool(orders.get("permanent", False)),
            )
        return {"said": orders.get("say"), "attempt": ctx.task.attempt, **came_to}

    async def _spawn(self, ctx: AgentContext, orders: Mapping[str, Any]) -> dict[str, Any]:
        came_to: dict[str, Any] = {}
        if orders.get("spawn_join"):
            came_to["outputs"] = await ctx.spawn_tasks(orders["spawn_join"], key="spawn_join", join=True)
        if orders.get("spawn"):
            await ctx.spawn_tasks(orders["spawn"], key="spawn")
        wanted = orders.get("spawn_session")
        if wanted:
            several = wanted if isinstance(wanted, list) else [wanted]
            calls = (_child(ctx, number, child) for number, child in enumerate(several, start=1))
            came_to["children"] = list(await asyncio.gather(*calls))
        if orders.get("again"):
            await _again(ctx, orders["again"])
        return came_to

    async def _flood(self, ctx: AgentContext, count: int) -> None:
        for number in range(1, count + 1):
            await ctx.progress(100 * number / count, f"event {number} of {count}")


async def _child(ctx: AgentContext, number: int, child: Mapping[str, Any]) -> Any:
    options = dict(child)
    return await ctx.spawn_session(options.pop("goal"), **{"key": f"child {number}", **options})


async def _again(ctx: AgentContext, how: Any) -> None:
    like_me = {"required_capabilities": ["scripted"], "input_data": dict(ctx.task.input_data)}
    if how == "session":
        await ctx.spawn_session(ctx.session.goal, key="again", tasks=[{"name": ctx.task.name, **like_me}])
    else:
        specs = [{"name": f"{ctx.task.name}.{number}", **like_me} for number in range(1, int(how) + 1)]
        await ctx.spawn_tasks(specs, key="again")


def _pay(call: StepCall) -> str:
    call.add_usage(calls=1)
    return call.idempotency_key


def _burn(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
