"""The agents of the simulation: real ones, run by the real agent host, that do what their task's input says."""

import asyncio
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry, RegisteredAgent
from agents.runtime import AgentContext, AgentError
from sessions.routing_policy import AgentInfo
from tests.unit.simulation.scenario import DYNAMIC_STEPS, Behaviour, SessionPlan, TaskPlan
from tests.unit.simulation.store import UNSTORABLE


class Actor(BaseAgent):
    """Plays the behaviour of the present attempt; later attempts than were written down go well."""

    async def run(self, ctx: AgentContext) -> Any:
        behaviours = ctx.task.input_data["behaviours"]
        steps, end = behaviours[ctx.task.attempt - 1] if ctx.task.attempt <= len(behaviours) else ((), "ok")
        for position, (step, amount) in enumerate(steps):
            if step in DYNAMIC_STEPS:
                await self._dynamic_step(ctx, step, amount, f"{step} {position}")
            else:
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

    async def _dynamic_step(self, ctx: AgentContext, step: str, amount: float, key: str) -> None:
        specs = offspring_of(ctx, key)
        match step:
            case "nap":
                await ctx.sleep(amount * 4, key=key)
            case "call":
                await ctx.step(key, lambda call: call.add_usage(tokens=1))
            case "spawn" | "join":
                await ctx.spawn_tasks(specs, key=key, join=step == "join")
            case "child" | "detached":
                await ctx.spawn_session("g", key=key, tasks=specs, wait=step == "child")
            case "both":
                slow = ctx.step(key, lambda call: asyncio.sleep(amount))
                await asyncio.gather(slow, ctx.spawn_session("g", key=f"{key} child", tasks=specs))
            case "children":
                calls = (ctx.spawn_session("g", key=f"{key} {word}", tasks=specs) for word in "ab")
                await asyncio.gather(*calls)

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


def script(behaviours: tuple[Behaviour, ...], offspring: tuple[TaskPlan, ...] = ()) -> dict[str, Any]:
    """The behaviours as a task's input; `offspring` is what tasks it spawns and sessions it starts consist of."""
    said: dict[str, Any] = {"behaviours": [[[list(step) for step in one.steps], one.end] for one in behaviours]}
    if offspring:
        said["offspring"] = [task_spec("", task, []) for task in offspring]
    return said


def offspring_of(ctx: AgentContext, key: str) -> list[dict[str, Any]]:
    """Under names of their own; without any one that does nothing. They have no offspring but such ones."""
    specs = ctx.task.input_data.get("offspring") or [task_spec("", TaskPlan(), [])]
    return [{**spec, "name": f"{ctx.task.name}/{key}/{number}"} for number, spec in enumerate(specs)]


def task_spec(name: str, task: TaskPlan, after: list[str], offspring: tuple[TaskPlan, ...] = ()) -> dict[str, Any]:
    """The task as a plan and as a child session ask for it."""
    word, _, skill = task.agent.partition(":")
    wanted = {"required_capabilities": [skill]} if skill else {"agent": word}
    return {
        "name": name,
        "depends_on": after,
        "input_data": script(task.attempts, offspring),
        "max_attempts": task.max_attempts,
        "timeout": task.time_limit,
        "priority": task.priority,
        **wanted,
    }


def earlier(plan: TaskPlan, position: int) -> list[int]:
    """Dependencies drawn at random point backwards only."""
    return sorted({place % position for place in plan.after} if position else ())


def plan_output(session: SessionPlan) -> dict[str, Any]:
    """What the planning agent of a planned session says."""
    specs = [
        task_spec(f"t{position}", task, [f"t{place}" for place in earlier(task, position)], session.offspring)
        for position, task in enumerate(session.tasks)
    ]
    if session.is_plan_broken:
        specs[0] = {**specs[0], "depends_on": ["nobody"]}
    return {"tasks": specs}
