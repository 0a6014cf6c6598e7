"""The scripted agent: does exactly what its input orders. For tests, demos and benchmarks."""

import asyncio
import time
from typing import Any, ClassVar

from agents.base import BaseAgent
from agents.runtime import AgentContext, AgentError, StepCall


class ScriptedAgent(BaseAgent):
    """Orders in `input_data`: `say` (any JSON), `sleep` (seconds), `fail_times` (attempts that fail first),
    `permanent` (the failure is final), `events` (progress events), `block` (seconds of CPU), `send` (a message,
    `to` one agent), `steps` (calls that are paid for once, each counted as `calls`), `nap` (seconds of durable sleep).
    Answers `{"said": …, "attempt": n}`."""

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
        return {"said": orders.get("say"), "attempt": ctx.task.attempt}

    async def _flood(self, ctx: AgentContext, count: int) -> None:
        for number in range(1, count + 1):
            await ctx.progress(100 * number / count, f"event {number} of {count}")


def _pay(call: StepCall) -> str:
    call.add_usage(calls=1)
    return call.idempotency_key


def _burn(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
