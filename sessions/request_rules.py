"""The rules a request for a session must keep that need no database. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from core.canonical import canonical_json
from core.json_bounds import json_problem, text_problem
from sessions import limits
from sessions.graph import find_cycle
from sessions.problems import Problems, listed, near
from sessions.request import SessionRequest, TaskRequest
from sessions.request_json import as_uuid
from sessions.states import ExecutionMode

MODES = tuple(str(mode) for mode in ExecutionMode)


def check_request(request: SessionRequest) -> Problems:
    """Everything wrong with the request as far as it can be told without looking at agents and documents."""
    problems = Problems(request.problems)
    _check_goal(request, problems)
    _check_mode(request, problems)
    _check_number(problems, "priority", request.priority, -limits.MAX_PRIORITY, limits.MAX_PRIORITY)
    _check_number(problems, "max_concurrent_tasks", request.max_concurrent_tasks, 1, limits.MAX_CONCURRENT_TASKS)
    _check_timeout(problems, "timeout", request.timeout)
    _check_agents(request, problems)
    _check_context(request, problems)
    _check_configuration(request, problems)
    check_tasks(request.tasks, problems)
    if request.idempotency_key is not None:
        check_idempotency_key(request.idempotency_key, problems)
    return problems


def check_text(problems: Problems, path: str, text: str, longest: int, *, required: bool = False) -> None:
    if problems.has(path):
        return
    if required and not text.strip():
        problems.add(path, "This must not be empty.")
    elif len(text) > longest:
        problems.add(path, f"This has {len(text):,} characters; at most {longest:,} are allowed.")
    elif problem := text_problem(text):
        problems.add(path, problem)


def check_json(problems: Problems, path: str, value: Any) -> None:
    """A JSON value that every database can hold: no NUL, no lone surrogates, finite numbers, not too deep or big."""
    if problems.has(path):
        return
    problem = json_problem(value)
    if not problem and len(canonical_json(value).encode()) > limits.MAX_JSON_BYTES:
        problem = (
            f"This is bigger than {limits.MAX_JSON_BYTES // 1024} KiB; "
            "upload big texts as documents and name their ids instead."
        )
    if problem:
        problems.add(path, problem)


def check_idempotency_key(key: str, problems: Problems) -> None:
    longest = limits.MAX_IDEMPOTENCY_KEY_CHARACTERS
    if not key or len(key) > longest or not key.isascii() or not key.isprintable():
        problems.add("Idempotency-Key", f"This header must be 1 to {longest} printable ASCII characters.")


def check_tasks(tasks: Sequence[TaskRequest], problems: Problems) -> None:
    if len(tasks) > limits.MAX_TASKS:
        problems.add("tasks", f"There are {len(tasks):,} tasks; a session can have at most {limits.MAX_TASKS}.")
        return
    edges = sum(len(task.depends_on) for task in tasks)
    if edges > limits.MAX_DEPENDENCIES:
        problems.add("tasks", f"There are {edges:,} dependencies; at most {limits.MAX_DEPENDENCIES:,} are allowed.")
        return
    for number, task in enumerate(tasks):
        if not problems.has(f"tasks[{number}]"):
            _check_task(task, f"tasks[{number}]", problems)
    _check_names(tasks, problems)
    _check_dependencies(tasks, problems)


def _check_goal(request: SessionRequest, problems: Problems) -> None:
    if problems.has("body"):
        return
    check_text(problems, "task_description", request.task_description, limits.MAX_GOAL_CHARACTERS, required=True)
    check_text(problems, "title", request.title, limits.MAX_TITLE_CHARACTERS)


def _check_mode(request: SessionRequest, problems: Problems) -> None:
    mode, path = request.mode, "execution_mode"
    if any(request.is_unreadable(name) for name in (path, "tasks", "agents")):
        return
    if mode not in MODES:
        problems.add(path, f"There is no such mode. {near(mode, MODES)}The modes are {listed(MODES)}.")
    elif request.tasks and request.agents:
        problems.add("agents", "Give either tasks, each with its agent, or agents; not both.")
    elif request.tasks and mode != ExecutionMode.DAG:
        problems.add(path, f"Tasks of your own run in the mode dag; in the mode {mode} leave tasks out.")
    elif mode == ExecutionMode.DAG and not request.tasks:
        problems.add("tasks", "The mode dag needs at least one task; give tasks, or choose another mode.")
    elif mode == ExecutionMode.PLANNED and request.agents:
        problems.add(
            "agents", "In the mode planned the planner chooses the agents; leave agents out, or choose another mode."
        )
    elif mode in (ExecutionMode.SEQUENTIAL, ExecutionMode.PARALLEL) and not request.agents:
        problems.add("agents", f"The mode {mode} needs at least one agent; name some, or choose the mode planned.")


def _check_agents(request: SessionRequest, problems: Problems) -> None:
    if len(request.agents) > limits.MAX_AGENTS:
        problems.add("agents", f"There are {len(request.agents):,} agents; at most {limits.MAX_AGENTS} are allowed.")
        return
    for number, agent in enumerate(request.agents):
        check_text(problems, f"agents[{number}]", agent, limits.MAX_NAME_CHARACTERS, required=True)


def _check_configuration(request: SessionRequest, problems: Problems) -> None:
    if len(request.agent_configuration) > limits.MAX_TASKS:
        problems.add("agent_configuration", f"At most {limits.MAX_TASKS} agents can be configured.")
    check_json(problems, "agent_configuration", request.agent_configuration)


def _check_context(request: SessionRequest, problems: Problems) -> None:
    check_json(problems, "context", request.context)
    _check_document_ids(request.context.get("document_ids"), problems)
    collection = request.context.get("collection_id")
    if collection is not None and (not isinstance(collection, str) or as_uuid(collection) is None):
        problems.add("context.collection_id", "This must be the id (a UUID) of a collection.")


def _check_document_ids(value: Any, problems: Problems) -> None:
    path = "context.document_ids"
    if value is None:
        return
    if not isinstance(value, list):
        problems.add(path, "This must be a list of document ids.")
    elif len(value) > limits.MAX_DOCUMENTS:
        problems.add(
            path, f"There are {len(value):,} ids; at most {limits.MAX_DOCUMENTS:,}. Put them into a collection."
        )
    else:
        for number, item in enumerate(value):
            if not isinstance(item, str) or as_uuid(item) is None:
                problems.add(f"{path}[{number}]", "This must be the id (a UUID) of a document.")


def _check_task(task: TaskRequest, path: str, problems: Problems) -> None:
    check_text(problems, f"{path}.name", task.name, limits.MAX_NAME_CHARACTERS, required=True)
    check_text(problems, f"{path}.task_type", task.task_type, limits.MAX_NAME_CHARACTERS)
    check_text(problems, f"{path}.description", task.description, limits.MAX_DESCRIPTION_CHARACTERS)
    check_json(problems, f"{path}.input_data", task.input_data)
    _check_number(problems, f"{path}.priority", task.priority, -limits.MAX_PRIORITY, limits.MAX_PRIORITY)
    _check_number(problems, f"{path}.max_attempts", task.max_attempts, 1, limits.MAX_ATTEMPTS)
    _check_timeout(problems, f"{path}.timeout", task.timeout)
    if task.agent is not None:
        check_text(problems, f"{path}.agent", task.agent, limits.MAX_NAME_CHARACTERS, required=True)
    _check_capabilities(task, path, problems)


def _check_capabilities(task: TaskRequest, path: str, problems: Problems) -> None:
    capabilities = f"{path}.required_capabilities"
    unreadable = any(found.startswith((f"{path}.agent", capabilities)) for found in problems.by_path)
    if len(task.required_capabilities) > limits.MAX_CAPABILITIES:
        problems.add(capabilities, f"At most {limits.MAX_CAPABILITIES} capabilities are allowed.")
    elif task.agent is None and not task.required_capabilities and not unreadable:
        problems.add(f"{path}.agent", "Name an agent, or give required_capabilities so that one can be chosen.")
    for number, capability in enumerate(task.required_capabilities):
        check_text(problems, f"{capabilities}[{number}]", capability, limits.MAX_NAME_CHARACTERS, required=True)


def _check_names(tasks: Sequence[TaskRequest], problems: Problems) -> None:
    first: dict[str, int] = {}
    for number, task in enumerate(tasks):
        if task.name and task.name in first:
            problems.add(
                f"tasks[{number}].name",
                f'tasks[{first[task.name]}] has the name "{_short(task.name)}" too; give each task its own name.',
            )
        first.setdefault(task.name, number)


def _check_dependencies(tasks: Sequence[TaskRequest], problems: Problems) -> None:
    names = [task.name for task in tasks if task.name]
    known = set(names)
    for number, task in enumerate(tasks):
        for name in task.depends_on:
            if name not in known and not problems.is_full:
                problems.add(
                    f"tasks[{number}].depends_on",
                    f'There is no task named "{_short(name)}" here. {near(name, names)}'
                    f"The tasks are {listed(_short(known_name) for known_name in names)}.",
                )
    cycle = find_cycle({task.name: task.depends_on for task in reversed(tasks)})
    if cycle:
        number = next(n for n, task in enumerate(tasks) if task.name == cycle[0])
        ring = " -> ".join(_short(name) for name in cycle)
        problems.add(
            f"tasks[{number}].depends_on", f"These tasks wait for each other: {ring}. Remove one of these dependencies."
        )


def _check_number(problems: Problems, path: str, value: int, least: int, most: int) -> None:
    if not problems.has(path) and not least <= value <= most:
        problems.add(path, f"This must be a whole number from {least} to {most}.")


def _check_timeout(problems: Problems, path: str, seconds: float | None) -> None:
    if seconds is None or problems.has(path):
        return
    if math.isnan(seconds) or not 0 < seconds <= limits.MAX_TIMEOUT_SECONDS:
        problems.add(
            path,
            f"This must be more than 0 and at most {limits.MAX_TIMEOUT_SECONDS:,.0f} seconds (7 days); "
            "leave it out for no limit.",
        )


def _short(name: str) -> str:
    """A name as it can be said in a sentence of an answer."""
    clean = name.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return clean if len(clean) <= 60 else f"{clean[:57]}..."
