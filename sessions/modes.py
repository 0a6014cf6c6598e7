"""A request as tasks: what each execution mode makes of agents and tasks. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions.agent_pool import AgentPool, PoolAgent
from sessions.limits import MAX_NAME_CHARACTERS
from sessions.request import DEFAULT_MAX_ATTEMPTS, SessionRequest, TaskRequest
from sessions.states import ExecutionMode

PLANNING = "planning"
SYNTHESIS = "synthesis"
VALIDATION = "validation"
PLAN_TASK_NAME = "plan"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task about to become a row. `depends_on` holds names; an agent is preset when it was asked for by name."""

    name: str
    task_type: str
    agent: PoolAgent | None = None
    assignment: Mapping[str, Any] = field(default_factory=dict)
    required_capabilities: Sequence[str] = ()
    description: str = ""
    input_data: Mapping[str, Any] = field(default_factory=dict)
    depends_on: Sequence[str] = ()
    priority: int = 0
    timeout_seconds: float | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS


def plan_tasks(request: SessionRequest, pool: AgentPool) -> list[PlannedTask]:
    """The tasks of a checked request, in order: every word in it names an agent of the pool."""
    return MODES[ExecutionMode(request.mode)](request, pool)


def _sequential(request: SessionRequest, pool: AgentPool) -> list[PlannedTask]:
    """A chain in the given order."""
    tasks: list[PlannedTask] = []
    for name, word in zip(_task_names(request.agents, pool), request.agents, strict=True):
        tasks.append(_agent_task(name, word, pool, after=[tasks[-1].name] if tasks else []))
    return tasks


def _parallel(request: SessionRequest, pool: AgentPool) -> list[PlannedTask]:
    """All at once; synthesis joins all the others, and validation follows synthesis when both are named."""
    names = _task_names(request.agents, pool)
    kinds = [_named(pool, word).definition for word in request.agents]
    joins = [name for name, kind in zip(names, kinds, strict=True) if kind == SYNTHESIS]
    last = (SYNTHESIS, VALIDATION) if joins else (SYNTHESIS,)
    firsts = [name for name, kind in zip(names, kinds, strict=True) if kind not in last]
    after = {SYNTHESIS: firsts, VALIDATION: joins}
    return [
        _agent_task(name, word, pool, after=after.get(kind, []))
        for name, word, kind in zip(names, request.agents, kinds, strict=True)
    ]


def _dag(request: SessionRequest, pool: AgentPool) -> list[PlannedTask]:
    return [_given_task(task, pool) for task in request.tasks]


def _planned(request: SessionRequest, pool: AgentPool) -> list[PlannedTask]:
    """One task for the planning agent; its output becomes the other tasks while the session runs."""
    return [
        PlannedTask(
            name=PLAN_TASK_NAME,
            task_type=PLANNING,
            agent=_named(pool, PLANNING),
            assignment={"by": "mode", "reason": "The mode planned starts with the planning agent."},
            input_data=goal_of_plan(request),
        )
    ]


def goal_of_plan(request: SessionRequest) -> dict[str, Any]:
    """The input of the planning agent: the goal, and the documents in scope."""
    scope = {name: request.context[name] for name in ("document_ids", "collection_id") if request.context.get(name)}
    return {"goal": request.task_description, **scope}


MODES: Mapping[ExecutionMode, Callable[[SessionRequest, AgentPool], list[PlannedTask]]] = {
    ExecutionMode.SEQUENTIAL: _sequential,
    ExecutionMode.PARALLEL: _parallel,
    ExecutionMode.DAG: _dag,
    ExecutionMode.PLANNED: _planned,
}


def _agent_task(name: str, word: str, pool: AgentPool, *, after: Sequence[str]) -> PlannedTask:
    agent = _named(pool, word)
    return PlannedTask(
        name=name, task_type=agent.definition, agent=agent, assignment=asked_for(word, agent), depends_on=after
    )


def _given_task(task: TaskRequest, pool: AgentPool) -> PlannedTask:
    agent = _named(pool, task.agent) if task.agent is not None else None
    return PlannedTask(
        name=task.name,
        task_type=task.task_type or (agent.definition if agent else task.required_capabilities[0]),
        agent=agent,
        assignment=asked_for(task.agent, agent) if task.agent is not None and agent is not None else {},
        required_capabilities=list(dict.fromkeys(task.required_capabilities)),
        description=task.description,
        input_data=task.input_data,
        depends_on=list(dict.fromkeys(task.depends_on)),
        priority=task.priority,
        timeout_seconds=task.timeout,
        max_attempts=task.max_attempts,
    )


def asked_for(word: str, agent: PoolAgent) -> dict[str, Any]:
    """The stored reason for an agent that was named."""
    return {
        "by": "name",
        "asked_for": word,
        "agent": agent.name,
        "reason": f'The request names "{word}".',
    }


def _named(pool: AgentPool, word: str) -> PoolAgent:
    agent = pool.find(word)
    if agent is None:
        raise LookupError(f"{word} was not checked")
    return agent


def _task_names(words: Sequence[str], pool: AgentPool) -> list[str]:
    """The agents' names; an agent that comes again gets a number behind its name."""
    taken = {agent.name for agent in (_named(pool, word) for word in words)}
    seen: Counter[str] = Counter()
    names: list[str] = []
    for word in words:
        name = _named(pool, word).name
        seen[name] += 1
        names.append(name if seen[name] == 1 else _numbered(name, seen[name], taken))
        taken.add(names[-1])
    return names


def _numbered(name: str, number: int, taken: set[str]) -> str:
    while True:
        ending = f" {number}"
        candidate = name[: MAX_NAME_CHARACTERS - len(ending)] + ending
        if candidate not in taken:
            return candidate
        number += 1
