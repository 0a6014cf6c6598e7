"""The agents of the simulation: real ones, run by the real agent host, that do what their task's input says."""

import asyncio
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry, RegisteredAgent
from agents.runtime import AgentContext, AgentError
from sessions.routing_policy import AgentInfo
from tests.unit.simulation.scenario import Behaviour, SessionPlan, TaskPlan
from tests.unit.simulation.store import UNSTORABLE


class Actor(BaseAgent):
    """Plays the behaviour of the present attempt; later attempts than were written down go well."""

    async def run(self, ctx: AgentContext) -> Any:
        behaviours = ctx.task.input_data["behaviours"]
        steps, end = behaviours[ctx.task.attempt - 1] if ctx.task.attempt <= len(behaviours) else ((), "ok")
        for step, amount in steps:
            await self._step(ctx, step, amount)
        return await self._end(ctx, end)

    async def _step(self, ctx: AgentContext, step: str, amount: float) -> None:
        match step:
            case "sleep":
                await asyncio.sleep(amount)
            case "progress":
                await ctx.progress(amount * 10, "on the way")
            case "log":
                await ctx.log("so far so good")
            case "usage":
                await ctx.add_usage(tokens=1)
            case "send":
                await ctx.send({"amount": amount})
            case "bad_send":
                await ctx.send(UNSTORABLE)

    async def _end(self, ctx: AgentContext, end: str) -> Any:
        match end:
            case "ok":
                return ctx.task.input_data.get("plan") or {"answer": ctx.task.name}
            case "retryable" | "permanent":
                raise AgentError("planted", code="planted", permanent=end == "permanent")
            case "lies":
                raise AgentError("planted", code="worker_lost")
            case "raise":
                raise RuntimeError("planted")
            case "nan":
                return float("nan")
            case "reject":
                return UNSTORABLE
            case "hang":
                await asyncio.Event().wait()
            case "cancels_itself":
                raise asyncio.CancelledError
            case "exit":
                raise SystemExit(3)
        return None


def registry() -> AgentRegistry:
    return AgentRegistry({"actor": RegisteredAgent("actor", Actor, "", "")})


def roster(places: int) -> dict[str, AgentInfo]:
    agents = [
        _agent("ada", {"x"}, places),
        _agent("bob", {"x", "y"}, places),
        _agent("resting", {"fly"}, places, is_assignable=False, state="PAUSED"),
    ]
    return {agent.id: agent for agent in agents}


def _agent(name: str, capabilities: set[str], places: int, **fields: Any) -> AgentInfo:
    values: dict[str, Any] = {"weight": 1, "is_assignable": True, "state": "ACTIVE", **fields}
    return AgentInfo(name, name, "actor", frozenset(capabilities), {}, max_concurrent_tasks=places, **values)


def script(behaviours: tuple[Behaviour, ...]) -> dict[str, Any]:
    """The behaviours as a task's input."""
    return {"behaviours": [[[list(step) for step in one.steps], one.end] for one in behaviours]}


def earlier(plan: TaskPlan, position: int) -> list[int]:
    """Dependencies drawn at random point backwards only."""
    return sorted({place % position for place in plan.after} if position else ())


def plan_output(session: SessionPlan) -> dict[str, Any]:
    """What the planning agent of a planned session says."""
    specs = []
    for position, task in enumerate(session.tasks):
        word, _, skill = task.agent.partition(":")
        wanted = {"required_capabilities": [skill]} if skill else {"agent": word}
        specs.append(
            {
                "name": f"t{position}",
                "depends_on": [f"t{place}" for place in earlier(task, position)],
                "input_data": script(task.attempts),
                "max_attempts": task.max_attempts,
                "timeout": task.time_limit,
                "priority": task.priority,
                **wanted,
            }
        )
    if session.is_plan_broken:
        specs[0] = {**specs[0], "depends_on": ["nobody"]}
    return {"tasks": specs}
