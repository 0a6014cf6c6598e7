"""A form from a JSON Schema, and the values back from what was posted. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One input: `kind` is text, integer, number, boolean, choice, list (one entry a line) or json."""

    name: str
    input: str
    label: str
    kind: str
    value: Any
    help: str = ""
    placeholder: str = ""
    choices: Sequence[str] = ()
    error: str = ""


def fields_of(schema: Mapping[str, Any], values: Mapping[str, Any], *, prefix: str) -> list[Field]:
    """The inputs of an object schema, filled with `values`; a property without a value shows its default."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return []
    return [
        _field(name, rules if isinstance(rules, Mapping) else {}, values, prefix) for name, rules in properties.items()
    ]


def read_fields(fields: Sequence[Field], posted: Mapping[str, str]) -> tuple[list[Field], dict[str, Any]]:
    """The fields with what was posted (and what is wrong with it), and the values of those that differ from before."""
    read = [_read(field, posted) for field in fields]
    changed = {
        field.name: value
        for before, (field, value) in zip(fields, read, strict=True)
        if not field.error and field.value != before.value and value is not None
    }
    return [field for field, _ in read], changed


def _field(name: str, rules: Mapping[str, Any], values: Mapping[str, Any], prefix: str) -> Field:
    kind = _kind(rules)
    value = values.get(name, rules.get("default"))
    choices = [str(choice) for choice in rules.get("enum", [])]
    unset = value is None and kind == "choice"
    return Field(
        name=name,
        input=f"{prefix}{name}",
        label=str(rules.get("title") or name.replace("_", " ").capitalize()),
        kind=kind,
        value="" if unset else _shown(kind, value),
        help=str(rules.get("description") or ""),
        placeholder=_range(rules),
        choices=["", *choices] if unset else choices,
    )


def _kind(rules: Mapping[str, Any]) -> str:
    if isinstance(rules.get("enum"), list):
        return "choice"
    declared = rules.get("type")
    if declared == "array":
        items = rules.get("items")
        return "list" if isinstance(items, Mapping) and items.get("type") == "string" else "json"
    words = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "text"}
    return words.get(declared, "json") if isinstance(declared, str) else "json"


def _shown(kind: str, value: Any) -> Any:
    if kind == "boolean":
        return bool(value)
    if value is None:
        return ""
    if kind == "list" and isinstance(value, list):
        return "\n".join(str(entry) for entry in value)
    return json.dumps(value, ensure_ascii=False) if kind == "json" else str(value)


def _range(rules: Mapping[str, Any]) -> str:
    low, high = rules.get("minimum"), rules.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else ""


def _read(field: Field, posted: Mapping[str, str]) -> tuple[Field, Any]:
    if field.kind == "boolean":
        value = field.input in posted
        return replace(field, value=value), value
    text = posted.get(field.input, str(field.value)).replace("\r\n", "\n").strip()
    shown = replace(field, value=text)
    if not text:
        return shown, [] if field.kind == "list" and field.value else None
    try:
        return shown, _parse(field.kind, text)
    except ValueError:
        return replace(shown, error=_MENDING[field.kind]), None


_MENDING = {
    "integer": "Give a whole number.",
    "number": "Give a number.",
    "json": "Give valid JSON; texts need double quotes.",
}


def _parse(kind: str, text: str) -> Any:
    if kind == "integer":
        return int(text)
    if kind == "number":
        return float(text)
    if kind == "list":
        return [line.strip() for line in text.split("\n") if line.strip()]
    return json.loads(text) if kind == "json" else text
