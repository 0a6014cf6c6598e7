"""Agents that read and write contexts as ordered, one in each place an agent can run."""

from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, AgentError


class ContextAgent(BaseAgent):
    """`orders`: a list of `[verb, {…}]`, done one after the other; answers what each came to. A verb is a call of
    `ctx.contexts`, or `nap` (a durable sleep), `fail` (at the first attempts), `step` (orders inside a step)."""

    async def run(self, ctx: AgentContext) -> Any:
        return [await self._do(ctx, verb, dict(how)) for verb, how in ctx.task.input_data["orders"]]

    async def _do(self, ctx: AgentContext, verb: str, how: dict[str, Any]) -> Any:
        match verb:
            case "nap":
                return await ctx.sleep(1.1)
            case "fail" if ctx.task.attempt <= how["times"]:
                raise AgentError("ordered to fail")
            case "fail":
                return None
            case "step":
                return await ctx.step("inside", lambda call: self._do(ctx, *how["order"]))
        try:
            return as_json(await getattr(ctx.contexts, verb)(**how))
        except AgentError as error:
            return error.code


class ContextProcessAgent(ContextAgent):
    isolation = "process"


class PlacedContextAgent(ContextAgent):
    placement = "celery:gpu"


class ContextThreadAgent(BaseAgent):
    """The same, plain."""

    def run(self, ctx: Any) -> Any:
        return [self._do(ctx, verb, dict(how)) for verb, how in ctx.task.input_data["orders"]]

    def _do(self, ctx: Any, verb: str, how: dict[str, Any]) -> Any:
        if verb == "nap":
            return ctx.sleep(1.1)
        if verb == "fail":
            if ctx.task.attempt <= how["times"]:
                raise AgentError("ordered to fail")
            return None
        if verb == "step":
            return ctx.step("inside", lambda call: self._do(ctx, *how["order"]))
        try:
            return as_json(getattr(ctx.contexts, verb)(**how))
        except AgentError as error:
            return error.code


def as_json(value: Any) -> Any:
    """Versions by their number and data, changes by path and kind."""
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if hasattr(value, "data"):
        return [value.version, value.data]
    if hasattr(value, "version"):
        return [value.version, value.description, value.author]
    return [value.path, value.kind] if hasattr(value, "kind") else value


def register_agents(registry: AgentRegistry) -> None:
    for slug, kind in (
        ("contexts", ContextAgent),
        ("contexts_thread", ContextThreadAgent),
        ("contexts_process", ContextProcessAgent),
        ("contexts_placed", PlacedContextAgent),
    ):
        registry.register(kind, slug, slug)
