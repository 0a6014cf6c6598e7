"""A `SessionRequest` from JSON: types are checked here, rules in `request_rules`. Nothing is guessed or coerced."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sessions.limits import MAX_NAME_CHARACTERS
from sessions.problems import Problems, listed, near
from sessions.request import DEFAULT_MAX_ATTEMPTS, DEFAULT_MAX_CONCURRENT_TASKS, SessionRequest, TaskRequest

SESSION_FIELDS = (
    "task_description",
    "context",
    "agents",
    "execution_mode",
    "tasks",
    "timeout",
    "priority",
    "title",
    "agent_configuration",
    "max_concurrent_tasks",
    "project_id",
)
TASK_FIELDS = (
    "name",
    "agent",
    "required_capabilities",
    "task_type",
    "description",
    "input_data",
    "depends_on",
    "priority",
    "timeout",
    "max_attempts",
)
AGENT_TASK_FIELDS = (
    "task_description",
    "input_data",
    "context",
    "task_type",
    "timeout",
    "priority",
    "max_attempts",
    "title",
    "configuration",
)
SINGLE_TASK_FIELDS = (
    "description",
    "type",
    "task_type",
    "name",
    "agent",
    "required_capabilities",
    "input_data",
    "context",
    "timeout",
    "priority",
    "max_attempts",
    "auto_execute",
    "project_id",
)
DEFAULT_TASK_NAME = "task"
ONLY_TASK = "tasks[0]."
OF_TASK = ("name", "agent", "required_capabilities", "task_type", "input_data", "max_attempts")


class JsonObject:
    """Reads the fields of one JSON object; what has the wrong type becomes a problem and the default is used.

    `null` means absent.
    """

    def __init__(self, value: Any, allowed: tuple[str, ...], problems: Problems, path: str = "") -> None:
        self.problems = problems
        self.prefix = f"{path}." if path else ""
        self.fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            problems.add(path or "body", f"This must be a JSON object, not {kind_of(value)}.")
        for name in self.fields:
            if problems.is_full:
                break
            if name not in allowed:
                problems.add(
                    self.prefix + printable(name),
                    f"There is no such field. {near(name, allowed)}The fields are {listed(allowed)}.",
                )

    def text(self, name: str, default: str = "") -> str:
        value: str = self._read(name, default, str, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        value: str | None = self._read(name, None, str, "a text")
        return value

    def integer(self, name: str, default: int) -> int:
        value: int = self._read(name, default, int, "a whole number")
        return value

    def number(self, name: str) -> float | None:
        value = self._read(name, None, (int, float), "a number")
        if value is None:
            return None
        try:
            return float(value)
        except OverflowError:
            return math.inf

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            self.problems.add(self.prefix + name, f"This must be true or false, not {kind_of(value)}.")
        return value is True

    def mapping(self, name: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self._read(name, {}, dict, "a JSON object")
        return value

    def items(self, name: str) -> list[Any]:
        value: list[Any] = self._read(name, [], list, "a list")
        return value

    def texts(self, name: str) -> list[str]:
        found = []
        for number, value in enumerate(self.items(name)):
            if isinstance(value, str):
                found.append(value)
            else:
                self.problems.add(f"{self.prefix}{name}[{number}]", f"This must be a text, not {kind_of(value)}.")
        return found

    def uuid(self, name: str) -> UUID | None:
        text = self.optional_text(name)
        if text is None:
            return None
        found = as_uuid(text)
        if found is None:
            self.problems.add(self.prefix + name, "This must be an id (a UUID).")
        return found

    def _read(self, name: str, default: Any, types: Any, expected: str) -> Any:
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, types) or (isinstance(value, bool)):
            self.problems.add(self.prefix + name, f"This must be {expected}, not {kind_of(value)}.")
            return default
        return value


def read_session_request(body: Any, *, idempotency_key: str | None = None) -> SessionRequest:
    """The request in a JSON body; what could not be read is in its `problems`."""
    problems = Problems()
    fields = JsonObject(body, SESSION_FIELDS, problems)
    return SessionRequest(
        task_description=fields.text("task_description"),
        context=fields.mapping("context"),
        agents=fields.texts("agents"),
        execution_mode=fields.optional_text("execution_mode"),
        tasks=[_read_task(value, problems, f"tasks[{n}]") for n, value in enumerate(fields.items("tasks"))],
        timeout=fields.number("timeout"),
        priority=fields.integer("priority", 0),
        title=fields.text("title"),
        agent_configuration=fields.mapping("agent_configuration"),
        max_concurrent_tasks=fields.integer("max_concurrent_tasks", DEFAULT_MAX_CONCURRENT_TASKS),
        project_id=fields.uuid("project_id"),
        idempotency_key=idempotency_key,
        problems=problems.by_path,
    )


def read_agent_task(body: Any, *, agent: str, idempotency_key: str | None = None) -> SessionRequest:
    """The request for a session of one task for one agent."""
    problems = Problems()
    fields = JsonObject(body, AGENT_TASK_FIELDS, problems)
    goal, configuration = fields.text("task_description"), fields.mapping("configuration")
    task_type = fields.text("task_type")
    task = TaskRequest(
        name=task_type.strip()[:MAX_NAME_CHARACTERS] or DEFAULT_TASK_NAME,
        agent=agent,
        task_type=task_type,
        description=goal,
        input_data=fields.mapping("input_data"),
        max_attempts=fields.integer("max_attempts", DEFAULT_MAX_ATTEMPTS),
    )
    return SessionRequest(
        task_description=goal,
        context=fields.mapping("context"),
        tasks=[task],
        timeout=fields.number("timeout"),
        priority=fields.integer("priority", 0),
        title=fields.text("title"),
        agent_configuration={agent: configuration} if configuration else {},
        idempotency_key=idempotency_key,
        problems=_as_of_task(problems),
    )


def read_single_task(body: Any, *, idempotency_key: str | None = None) -> tuple[SessionRequest, bool]:
    """The request for a task made alone, and whether it starts at once (`auto_execute`)."""
    problems = Problems()
    fields = JsonObject(body, SINGLE_TASK_FIELDS, problems)
    task_type = fields.text("type") or fields.text("task_type")
    goal = fields.text("description")
    task = TaskRequest(
        name=fields.text("name") or task_type.strip()[:MAX_NAME_CHARACTERS] or DEFAULT_TASK_NAME,
        agent=fields.optional_text("agent"),
        required_capabilities=fields.texts("required_capabilities"),
        task_type=task_type,
        description=goal,
        input_data=fields.mapping("input_data"),
        max_attempts=fields.integer("max_attempts", DEFAULT_MAX_ATTEMPTS),
    )
    request = SessionRequest(
        task_description=goal,
        context=fields.mapping("context"),
        tasks=[task],
        timeout=fields.number("timeout"),
        priority=fields.integer("priority", 0),
        project_id=fields.uuid("project_id"),
        idempotency_key=idempotency_key,
        problems={},
    )
    starts = fields.flag("auto_execute")
    return replace(request, problems=_as_of_task(problems)), starts


def read_reason(body: Any) -> str:
    """The `reason` of a command's body. Raises: InvalidSession."""
    problems = Problems()
    reason = JsonObject(body, ("reason",), problems).text("reason")
    problems.raise_if_any()
    return reason


def _as_of_task(problems: Problems) -> dict[str, list[str]]:
    """Problems of fields that describe the only task, under the path they have in a request for a session."""
    return {
        f"{ONLY_TASK}{path}" if path.partition("[")[0] in OF_TASK else path: sentences
        for path, sentences in problems.by_path.items()
    }


def _read_task(value: Any, problems: Problems, path: str) -> TaskRequest:
    fields = JsonObject(value, TASK_FIELDS, problems, path)
    return TaskRequest(
        name=fields.text("name"),
        agent=fields.optional_text("agent"),
        required_capabilities=fields.texts("required_capabilities"),
        task_type=fields.text("task_type"),
        description=fields.text("description"),
        input_data=fields.mapping("input_data"),
        depends_on=fields.texts("depends_on"),
        priority=fields.integer("priority", 0),
        timeout=fields.number("timeout"),
        max_attempts=fields.integer("max_attempts", DEFAULT_MAX_ATTEMPTS),
    )


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def printable(name: str) -> str:
    """A field name as it can be answered: short, and nothing that UTF-8 or a database refuses."""
    return name[:100].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number with a fraction",
    str: "a text",
    list: "a list",
    dict: "a JSON object",
}


def kind_of(value: Any) -> str:
    return "null" if value is None else KINDS.get(type(value), "something else")
