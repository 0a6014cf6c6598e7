"""What the OpenAPI schema of all apps shares."""

from collections.abc import Callable
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


def only_version_one(endpoints: list[Endpoint], **kwargs: Any) -> list[Endpoint]:
    """The canonical routes; those under `/api/` without a version are the same ones again."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def with_error_shape(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Gives every operation the one answer for refusals."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR_SHAPE
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", {"description": "Refused.", "content": content})
    return result
