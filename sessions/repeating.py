"""What a caller may change when a session is repeated, and how that is read from JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions import limits
from sessions.problems import Problems
from sessions.request_json import JsonObject, kind_of
from sessions.request_rules import check_json, check_text

RERUN_FIELDS = ("task", "input_data", "description", "agent", "configuration", "reuse_steps")
FORK_FIELDS = ("at", "task_description", "context")


@dataclass(frozen=True, slots=True)
class Rerun:
    """From which task to run again (its id or name), and with what; None keeps what it had.

    `configuration` holds settings over the agent's own, and needs `agent`.
    """

    task: str
    input_data: Mapping[str, Any] | None = None
    description: str | None = None
    agent: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    reuse_steps: bool = False
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fork:
    """Where to leave the earlier session: after an event (its seq), after a finished task (id or name), None: now.

    Another goal or context is for the tasks that run again.
    """

    at: str | int | None = None
    task_description: str | None = None
    context: Mapping[str, Any] | None = None
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_rerun(body: Any) -> Rerun:
    """What could not be read is in its `problems`."""
    problems = Problems()
    fields = JsonObject(body, RERUN_FIELDS, problems)
    return Rerun(
        task=fields.text("task"),
        input_data=fields.mapping("input_data") if fields.fields.get("input_data") is not None else None,
        description=fields.optional_text("description"),
        agent=fields.optional_text("agent"),
        configuration=fields.mapping("configuration"),
        reuse_steps=fields.flag("reuse_steps"),
        problems=problems.by_path,
    )


def read_fork(body: Any) -> Fork:
    """What could not be read is in its `problems`."""
    problems = Problems()
    fields = JsonObject(body, FORK_FIELDS, problems)
    at = fields.fields.get("at")
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | str)):
        problems.add(
            "at", f"This must be the id or name of a finished task, or the seq of an event, not {kind_of(at)}."
        )
        at = None
    return Fork(
        at=at,
        task_description=fields.optional_text("task_description"),
        context=fields.mapping("context") if fields.fields.get("context") is not None else None,
        problems=problems.by_path,
    )


def read_nothing(body: Any) -> None:
    """A retry changes nothing. Raises: InvalidSession for a body that would."""
    problems = Problems()
    JsonObject(body, (), problems)
    problems.raise_if_any()


def check_rerun(order: Rerun) -> Problems:
    """Everything wrong with it that can be told without looking at the session."""
    problems = Problems(order.problems)
    check_text(problems, "task", order.task, limits.MAX_NAME_CHARACTERS, required=True)
    check_text(problems, "description", order.description or "", limits.MAX_DESCRIPTION_CHARACTERS)
    check_json(problems, "input_data", order.input_data or {})
    check_json(problems, "configuration", order.configuration)
    if order.agent is not None:
        check_text(problems, "agent", order.agent, limits.MAX_NAME_CHARACTERS, required=True)
    elif order.configuration:
        problems.add("configuration", "Name the agent that these settings are for in `agent`.")
    return problems
