"""A planning agent's output becomes tasks of the running session."""

from collections.abc import Iterable, Mapping, Sequence
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

    def __init__(self, message: str, *, code: str = "invalid_plan") -> None:
        super().__init__(message)
        self.code = code


def add_planned_tasks(draft: Draft, plan: Task, output: Any) -> None:
    """Add the tasks of `{"tasks": [{name, agent? | required_capabilities?, …}]}` and let the session run.

    Raises: InvalidPlan, before anything is added.
    """
    tasks = [] if _has_spawned(draft, plan, output) else read_tasks(draft, plan, output)
    if draft.session.is_paused:
        draft.change(status_before_pause=SessionStatus.RUNNING)
    else:
        draft.move_session(SessionStatus.RUNNING)
    add_tasks(draft, tasks)
    draft.emit("session.started", {"tasks": len(draft.tasks)})


def _has_spawned(draft: Draft, plan: Task, output: Any) -> bool:
    """Whether the planner has made its tasks while it ran, and answers none."""
    answers_none = not isinstance(output, Mapping) or not output.get("tasks")
    return answers_none and any(task.parent_task_id == plan.id for task in draft.tasks.values())


def add_tasks(draft: Draft, tasks: Iterable[Task]) -> None:
    for task in tasks:
        draft.add_task(task)
        draft.emit("task.created", task_created_data(task), task)


def read_tasks(draft: Draft, parent: Task, output: Any, *, beside: Mapping[str, str] | None = None) -> list[Task]:
    """The tasks as `parent` asks for them; `beside` are others they may depend on, by name.

    Raises: InvalidPlan.
    """
    known = beside or {}
    try:
        specs = _specs(output)
        taken = {task.name for task in draft.tasks.values()} & specs.keys()
        if taken:
            raise InvalidPlan(f"The session already has a task named {sorted(taken)[0]!r}.")
        order = _order(specs, known)
        ids = {**known, **{name: draft.moment.new_id() for name in order}}
        first = max(task.ordinal for task in draft.tasks.values()) + 1
        return [_task(draft, parent, specs[name], ids, ordinal) for ordinal, name in enumerate(order, start=first)]
    except InvalidPlan:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidPlan(f"The plan cannot be read: {error}.") from None


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
        **({"parent": task.parent_task_id} if task.parent_task_id else {}),
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


def _order(specs: Mapping[str, Mapping[str, Any]], known: Mapping[str, str]) -> list[str]:
    graph = {name: _texts(spec, "depends_on") for name, spec in specs.items()}
    for name, earlier in graph.items():
        unknown = [other for other in earlier if other not in specs and other not in known]
        if unknown:
            raise InvalidPlan(f"Task {name!r} depends on {unknown[0]!r}, which the plan does not hold.")
    try:
        return topological_order(graph)
    except CycleError as error:
        raise InvalidPlan(f"The planned tasks wait for each other: {error}.") from None


def _task(draft: Draft, plan: Task, spec: Mapping[str, Any], ids: Mapping[str, str], ordinal: int) -> Task:
    agent = _named_agent(draft, spec)
    capabilities = tuple(_texts(spec, "required_capabilities"))
    if agent is None and not capabilities:
        raise InvalidPlan(f"Task {spec['name']!r} names neither an agent nor required capabilities.")
    return Task(
        id=ids[spec["name"]],
        name=spec["name"],
        task_type=_task_type(spec, capabilities, agent),
        ordinal=ordinal,
        description=clip_text(str(spec.get("description") or ""), limits.MAX_DESCRIPTION_CHARACTERS),
        input_data=dict(spec.get("input_data") or {}),
        required_capabilities=capabilities,
        depends_on=tuple(ids[name] for name in dict.fromkeys(_texts(spec, "depends_on"))),
        priority=int(_number(spec, "priority", -limits.MAX_PRIORITY, limits.MAX_PRIORITY) or 0),
        max_attempts=int(_number(spec, "max_attempts", 1, limits.MAX_ATTEMPTS) or 3),
        timeout_seconds=_number(spec, "timeout", MIN_TIMEOUT_SECONDS, limits.MAX_TIMEOUT_SECONDS),
        agent_id=agent.id if agent else None,
        parent_task_id=plan.id,
        assignment={"by": "plan", "reason": "named by the plan"} if agent else {},
    )


def _task_type(spec: Mapping[str, Any], capabilities: Sequence[str], agent: AgentInfo | None) -> str:
    word = spec.get("task_type") or (capabilities[0] if capabilities else agent and agent.definition)
    return clip_text(str(word), limits.MAX_NAME_CHARACTERS)


def _texts(spec: Mapping[str, Any], field: str) -> list[str]:
    """Raises: InvalidPlan for what is no list of texts."""
    value = spec.get(field) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidPlan(f"`{field}` of task {spec['name']!r} must be a list of texts.")
    return list(value)


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
