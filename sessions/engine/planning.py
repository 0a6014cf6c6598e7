"""A planning agent's output becomes tasks of the running session."""

from collections.abc import Mapping
from typing import Any

from sessions import limits
from sessions.engine.draft import Draft
from sessions.engine.gate import clip_text
from sessions.engine.state import Task
from sessions.graph import CycleError, topological_order
from sessions.routing_policy import AgentInfo
from sessions.states import SessionStatus

MAX_PLANNED_TASKS = 200
MIN_TIMEOUT_SECONDS = 0.001


class InvalidPlan(ValueError):
    """The plan cannot be carried out; the text says which part of it."""


def add_planned_tasks(draft: Draft, plan: Task, output: Any) -> None:
    """Add the tasks of `{"tasks": [{name, agent? | required_capabilities?, …}]}` and let the session run.

    Raises: InvalidPlan, before anything is added.
    """
    try:
        tasks = _read_plan(draft, plan, output)
    except InvalidPlan:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidPlan(f"The plan cannot be read: {error}.") from None
    if draft.session.is_paused:
        draft.change(status_before_pause=SessionStatus.RUNNING)
    else:
        draft.move_session(SessionStatus.RUNNING)
    for task in tasks:
        draft.add_task(task)
        draft.emit("task.created", task_created_data(task), task)
    draft.emit("session.started", {"tasks": len(draft.tasks)})


def _read_plan(draft: Draft, plan: Task, output: Any) -> list[Task]:
    specs = _specs(output)
    taken = {task.name for task in draft.tasks.values()} & specs.keys()
    if taken:
        raise InvalidPlan(f"The session already has a task named {sorted(taken)[0]!r}.")
    order = _order(specs)
    ids = {name: draft.moment.new_id() for name in order}
    return [_task(draft, plan, specs[name], ids, ordinal) for ordinal, name in enumerate(order, start=1)]


def task_created_data(task: Task) -> dict[str, Any]:
    """The data of a `task.created` event."""
    return {
        "name": task.name,
        "task_type": task.task_type,
        "description": clip_text(task.description, 1000),
        "depends_on": list(task.depends_on),
        "priority": task.priority,
        "required_capabilities": list(task.required_capabilities),
        "agent": task.agent_id,
    }


def _specs(output: Any) -> dict[str, Mapping[str, Any]]:
    listed = output.get("tasks") if isinstance(output, Mapping) else None
    if not isinstance(listed, list) or not listed:
        raise InvalidPlan("The plan holds no tasks; it must be an object with a list `tasks`.")
    if len(listed) > MAX_PLANNED_TASKS:
        raise InvalidPlan(f"The plan holds {len(listed)} tasks; at most {MAX_PLANNED_TASKS} are allowed.")
    specs: dict[str, Mapping[str, Any]] = {}
    for spec in listed:
        name = spec.get("name") if isinstance(spec, Mapping) else None
        if not isinstance(name, str) or not name or len(name) > 100:
            raise InvalidPlan("Each planned task needs a `name` of 1 to 100 characters.")
        if name in specs:
            raise InvalidPlan(f"Two planned tasks have the name {name!r}.")
        specs[name] = spec
    return specs


def _order(specs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    graph = {name: list(spec.get("depends_on", [])) for name, spec in specs.items()}
    for name, earlier in graph.items():
        unknown = [other for other in earlier if other not in specs]
        if unknown:
            raise InvalidPlan(f"Task {name!r} depends on {unknown[0]!r}, which the plan does not hold.")
    try:
        return topological_order(graph)
    except CycleError as error:
        raise InvalidPlan(f"The planned tasks wait for each other: {error}.") from None


def _task(draft: Draft, plan: Task, spec: Mapping[str, Any], ids: Mapping[str, str], ordinal: int) -> Task:
    agent = _named_agent(draft, spec)
    capabilities = tuple(spec.get("required_capabilities", ()))
    if agent is None and not capabilities:
        raise InvalidPlan(f"Task {spec['name']!r} names neither an agent nor required capabilities.")
    return Task(
        id=ids[spec["name"]],
        name=spec["name"],
        task_type=str(spec.get("task_type") or (capabilities[0] if capabilities else agent and agent.definition)),
        ordinal=plan.ordinal + ordinal,
        description=str(spec.get("description", "")),
        input_data=dict(spec.get("input_data") or {}),
        required_capabilities=capabilities,
        depends_on=tuple(ids[name] for name in dict.fromkeys(spec.get("depends_on", []))),
        priority=int(_number(spec, "priority", -limits.MAX_PRIORITY, limits.MAX_PRIORITY) or 0),
        max_attempts=int(_number(spec, "max_attempts", 1, limits.MAX_ATTEMPTS) or 3),
        timeout_seconds=_number(spec, "timeout", MIN_TIMEOUT_SECONDS, limits.MAX_TIMEOUT_SECONDS),
        agent_id=agent.id if agent else None,
        parent_task_id=plan.id,
        assignment={"by": "plan", "reason": "named by the plan"} if agent else {},
    )


def _number(spec: Mapping[str, Any], field: str, least: float, most: float) -> float | None:
    """Raises: InvalidPlan for what is no number between the two; a plan is not checked again later."""
    value = spec.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidPlan(f"`{field}` of task {spec['name']!r} must be a number from {least:g} to {most:g}.")
    return value


def _named_agent(draft: Draft, spec: Mapping[str, Any]) -> AgentInfo | None:
    word = spec.get("agent")
    if not word:
        return None
    for agent in draft.session.roster.values():
        if word in (agent.id, agent.name, agent.definition):
            return agent
    raise InvalidPlan(f"Task {spec['name']!r} asks for the agent {word!r}, which the project does not have.")
