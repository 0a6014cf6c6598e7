"""How the built-in agents read their configuration: the schema's defaults, the agent's, then the task's."""

from collections.abc import Mapping
from typing import Any

from agents.runtime import AgentContext


def settings_of(ctx: AgentContext, schema: Mapping[str, Any]) -> dict[str, Any]:
    """One value per property of the schema; a task's `input_data` wins over the agent's configuration."""
    settings: dict[str, Any] = {}
    for name, rule in schema.get("properties", {}).items():
        value = ctx.task.input_data.get(name, ctx.configuration.get(name, rule.get("default")))
        settings[name] = _within(value, rule)
    return settings


def _within(value: Any, rule: Mapping[str, Any]) -> Any:
    """A whole number held between the rule's bounds; anything that is not a number becomes the default."""
    if rule.get("type") != "integer":
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = rule["default"]
    return max(rule.get("minimum", value), min(rule.get("maximum", value), int(value)))


def question_of(ctx: AgentContext) -> str:
    """What is asked: the task's own question, or the goal of the session, or the task's description."""
    asked = ctx.task.input_data.get("question")
    return str(asked or ctx.session.goal or ctx.task.description)


def texts_of(value: Any) -> list[str]:
    """A list of texts out of input that may be a text, a list, or nothing."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [str(entry) for entry in value if str(entry).strip()] if isinstance(value, list | tuple) else []
