"""Tasks that a running task adds to its session, and the end of them all, for which it may wait."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from sessions import limits
from sessions.engine import steps
from sessions.engine.draft import Draft
from sessions.engine.gate import NotStorable, clip_text, storable
from sessions.engine.inputs import Reply, StepOpened
from sessions.engine.planning import InvalidPlan, add_tasks, read_tasks
from sessions.engine.state import Step, Task
from sessions.graph import find_cycle
from sessions.states import StepKind, StepStatus, TaskStatus


def spawn_tasks(draft: Draft, item: StepOpened) -> None:
    """Add the tasks an agent asks for, all or none, and keep as a step which they are; the agent is told."""
    task = draft.task_of(item.execution_id)
    if task is None:
        return
    step = steps.known_step(task, item.key, item.input_hash)
    if step is None:
        try:
            step = _spawn(draft, task, item)
        except InvalidPlan as error:
            steps.refuse(draft, item, error.code, str(error))
            return
    if step is not None:
        draft.effects.append(Reply(item.execution_id, item.reply, value=step))


def _spawn(draft: Draft, parent: Task, item: StepOpened) -> Step | None:
    """Raises: InvalidPlan, before anything is added."""
    beside = {task.name: task.id for task in draft.tasks.values()}
    joins = bool(item.request.get("join"))
    _check_limits(draft, parent, item.request)
    tasks = read_tasks(draft, parent, item.request, beside=beside)
    _check_waits(draft, parent, tasks if joins else [])
    ids = {task.name: task.id for task in tasks}
    kept = replace(item, request={"join": joins, "tasks": ids})
    if joins:
        step = steps.begin_step(draft, parent, kept)
    else:
        step = steps.keep_step(draft, parent, kept, [ids[spec["name"]] for spec in item.request["tasks"]])
    if step is not None:
        add_tasks(draft, tasks)
    return step


def _check_limits(draft: Draft, parent: Task, request: Mapping[str, Any]) -> None:
    count = len(draft.tasks) + len(request.get("tasks") or ())
    if count > limits.MAX_TASKS:
        text = f"The session would have {count:,} tasks; at most {limits.MAX_TASKS} are allowed. Spawn fewer."
        raise InvalidPlan(text, code="too_many_tasks")
    if _generation(draft, parent) >= limits.MAX_TASK_DEPTH:
        text = (
            f"Task {parent.name!r} was itself spawned {limits.MAX_TASK_DEPTH} generations down, and no more are "
            "allowed; does it spawn a task like itself?"
        )
        raise InvalidPlan(text, code="too_deep")


def _generation(draft: Draft, task: Task) -> int:
    count, parent = 0, draft.tasks.get(task.parent_task_id or "")
    while parent is not None:
        count, parent = count + 1, draft.tasks.get(parent.parent_task_id or "")
    return count


def _check_waits(draft: Draft, parent: Task, joined: list[Task]) -> None:
    """Who waits for the tasks it spawns must not be what they wait for.

    Raises: InvalidPlan.
    """
    waits = {task.id: [*task.depends_on, *_joined(task)] for task in draft.tasks.values() if task.is_live}
    waits |= {task.id: list(task.depends_on) for task in joined}
    waits[parent.id] = [*waits[parent.id], *(task.id for task in joined)]
    cycle = find_cycle(waits)
    if cycle:
        names = {task.id: task.name for task in [*draft.tasks.values(), *joined]}
        ring = " -> ".join(names[key] for key in cycle)
        raise InvalidPlan(f"These tasks would wait for each other for ever: {ring}.")


def _joined(task: Task) -> list[str]:
    return [key for step in task.steps if _is_open(step) for key in step.request["tasks"].values()]


def _is_open(step: Step) -> bool:
    return step.kind == StepKind.TASKS and step.status == StepStatus.WAITING


def answer_joins(draft: Draft) -> None:
    """Give those who wait for tasks they have spawned the outputs, once all of these have ended."""
    for task in [task for task in draft.tasks.values() if task.steps and task.is_live]:
        for step in task.steps:
            if _is_open(step):
                found = {name: draft.tasks[key] for name, key in step.request["tasks"].items()}
                if not any(one.is_live for one in found.values()):
                    steps.put_answer(draft, draft.tasks[task.id], _answered(step, found))


def _answered(step: Step, found: Mapping[str, Task]) -> Step:
    failed = [f"{name} ({task.status})" for name, task in found.items() if task.status != TaskStatus.COMPLETED]
    if failed:
        text = clip_text(f"Of the tasks it has spawned these have not been completed: {', '.join(failed)}.")
        return replace(step, error_code="subtask_failed", error_message=text)
    try:
        outputs = storable({name: task.output for name, task in found.items()}, what="all outputs together")
    except NotStorable as error:
        text = f"{error}; let a task that depends on them read them instead."
        return replace(step, error_code="outputs_too_large", error_message=text)
    return replace(step, result=outputs)
