"""What the OpenAPI schema of all apps shares."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

Shape = TypeVar("Shape", bound=type)
Endpoint = tuple[str, str, str, Callable[..., Any]]
ERROR_SHAPE = {
    "type": "object",
    "description": "Every refusal. `message` says how to mend it; `details` is by field where fields are meant.",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object", "additionalProperties": True},
    },
    "required": ["code", "message", "details"],
}

TAGS = {
    "sessions": "Put agents to work at a goal, follow them, steer them, repeat what they did.",
    "tasks": "The parts of a session, and single tasks.",
    "agents": "Make agents, move them through their lifecycle, see how they fare.",
    "agent state": "What an agent keeps beside its configuration, and checkpoints to come back to.",
    "contexts": "Named data of an agent that outlive its sessions, in versions.",
    "communications": "Messages between agents, outside of sessions too.",
    "definitions": "What agents can be made of: classes that the server has loaded.",
    "templates": "Presets of agents, in versions: make, change, compare, restore, apply, export.",
    "documents": "What agents read: collections, files, passages, search.",
    "auth": "Get in: tokens, and tickets for WebSockets.",
    "me": "Who is calling.",
    "keys": "API keys for programs.",
    "workspaces": "Who belongs where, with which role; the audit log.",
    "projects": "The parts of a workspace.",
}
"""The groups of operations, in the order in which the docs show them."""

OPERATIONS: dict[str, dict[str, Any]] = {}


def document(path: str, **operations: dict[str, Any]) -> None:
    """Describes a route that is no view of the REST framework: `document("/things", get={...})`, OpenAPI inside."""
    OPERATIONS[f"/api/v1{path}"] = operations


def only_version_one(endpoints: list[Endpoint], **kwargs: Any) -> list[Endpoint]:
    """The canonical routes; those under `/api/` without a version are the same ones again."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def shown_with(value: dict[str, Any]) -> Callable[[Shape], Shape]:
    """Decorates the serializer of a request with a body that the docs offer to be tried."""
    return extend_schema_serializer(examples=[OpenApiExample("Try this", value=value, request_only=True)])


class WordedSchema(AutoSchema):
    """For a view that serves several routes: its `words` say what this one does, its docstring the rest."""

    def get_description(self) -> str:  # type: ignore[override]
        words = self.view.words  # type: ignore[attr-defined]
        return f"{words}\n\n{super().get_description()}"


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Adds the routes described by hand, the groups, and to every operation a line and the one answer for refusals."""
    result["paths"] = dict(sorted({**result.get("paths", {}), **deepcopy(OPERATIONS)}.items()))
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR_SHAPE
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", {"description": "Refused.", "content": content})
            operation.setdefault("summary", first_sentence(operation.get("description", "")))
    result["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    return result


def first_sentence(description: str) -> str:
    """What is listed of an operation before it is opened: up to the first full stop or semicolon, without it."""
    return re.split(r"[.;](?:\s|$)", " ".join(description.split()), maxsplit=1)[0]
