"""Which agent does a task: pure, with the reason as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """An agent as the engine knows it. `is_assignable`: it may be given work now; `state` says why not.

    `is_away`: only for a while (maintenance, missed heartbeats), so that what needs it waits.
    `placement`: the queue on whose workers it runs (empty: in the engine's own process).
    """

    id: str
    name: str
    definition: str
    capabilities: frozenset[str]
    configuration: Mapping[str, Any]
    max_concurrent_tasks: int
    weight: int
    is_assignable: bool
    state: str
    placement: str = ""
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """The outcome of routing: the chosen agent (None: nobody can, or nobody can now and the task waits), and why."""

    agent_id: str | None
    reason: Mapping[str, Any]
    waits: bool = False


def candidates(roster: Sequence[AgentInfo], required: Sequence[str]) -> list[AgentInfo]:
    """The assignable agents that have every required capability."""
    needed = frozenset(required)
    return [agent for agent in roster if agent.is_assignable and needed <= agent.capabilities]


def choose_agent(roster: Sequence[AgentInfo], required: Sequence[str], load: Mapping[str, int]) -> Assignment:
    """The candidate with the least work per weight (`load`: tasks it has now); the first name among equals.

    An agent with fewer other capabilities is preferred at equal load: the specialist before the generalist.
    """
    able = candidates(roster, required)
    ranked = sorted(able, key=lambda agent: (_share(agent, load), len(agent.capabilities), agent.name, agent.id))
    scores = [
        {"agent": agent.id, "name": agent.name, "load": load.get(agent.id, 0), "score": round(_share(agent, load), 4)}
        for agent in ranked[:20]
    ]
    reason = {"by": "capability", "required": sorted(required), "candidates": scores}
    if not ranked and any(agent.is_away and frozenset(required) <= agent.capabilities for agent in roster):
        return Assignment(None, reason, waits=True)
    if not ranked:
        return Assignment(None, {**reason, "reason": "no agent of the project that is active has these capabilities"})
    chosen = ranked[0]
    why = f"{chosen.name} has the least work for its weight among {len(ranked)} able agents"
    return Assignment(chosen.id, {**reason, "reason": why})


def _share(agent: AgentInfo, load: Mapping[str, int]) -> float:
    return load.get(agent.id, 0) / max(agent.weight, 1)
