"""What the OpenAPI schema of all apps shares."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

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

OPERATIONS: dict[str, dict[str, Any]] = {}


def document(path: str, **operations: dict[str, Any]) -> None:
    """Describes a route that is no view of the REST framework: `document("/things", get={...})`, OpenAPI inside."""
    OPERATIONS[f"/api/v1{path}"] = operations


def only_version_one(endpoints: list[Endpoint], **kwargs: Any) -> list[Endpoint]:
    """The canonical routes; those under `/api/` without a version are the same ones again."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Adds the routes described by hand, and to every operation the one answer for refusals."""
    result["paths"] = dict(sorted({**result.get("paths", {}), **deepcopy(OPERATIONS)}.items()))
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR_SHAPE
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", {"description": "Refused.", "content": content})
    return result
