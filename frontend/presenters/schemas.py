"""A form from a JSON Schema, and the values back from what was posted. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from frontend.presenters.schema_shapes import plainer
from frontend.presenters.schema_words import kind_of, range_of

Posted = Mapping[str, str]
CLEARED = object()  # what was emptied


@dataclass(frozen=True, slots=True)
class Option:
    """One of several that may be ticked together."""

    input: str
    label: str
    value: Any
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One input: `kind` is text, long (a text of several lines), integer, number, boolean, choice, several (ticked
    `options`), list (one entry a line), json, or group (an object with `fields` of its own).

    `path` is the JSON path of its value; `values` are what the `choices` stand for.
    """

    name: str
    input: str
    label: str
    kind: str
    value: Any
    help: str = ""
    placeholder: str = ""
    choices: Sequence[str] = ()
    error: str = ""
    path: str = ""
    required: bool = False
    values: Sequence[Any] = ()
    options: Sequence[Option] = ()
    fields: "Sequence[Field]" = ()
    entries: str = ""  # of a list: the kind of its entries


def fields_of(
    schema: Mapping[str, Any], values: Mapping[str, Any], *, prefix: str, nested: bool = False, path: str = "$"
) -> list[Field]:
    """The inputs of an object schema, filled with `values`; a property without a value shows its default.

    With `nested`, objects among the properties become groups, one level deep; else, and deeper, they are JSON.
    """
    schema = plainer(schema) if path == "$" else schema
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return []
    wanted = schema.get("required")
    required = set(map(str, wanted)) if isinstance(wanted, list) else set()
    return [
        replace(
            _field(name, rules if isinstance(rules, Mapping) else {}, values, prefix, nested, path),
            required=name in required,
        )
        for name, rules in properties.items()
    ]


def read_fields(
    fields: Sequence[Field], posted: Posted, *, clearing: bool = False
) -> tuple[list[Field], dict[str, Any]]:
    """The fields with what was posted (and what is wrong with it), and the values of those that differ from before.

    With `clearing`, the values are a merge patch: what was emptied is null.
    """
    read = [_read(field, posted, clearing) for field in fields]
    changed = {
        field.name: None if value is CLEARED else value
        for before, (field, value) in zip(fields, read, strict=True)
        if _counts(before, field, value, clearing)
    }
    return [field for field, _ in read], changed


def any_error(fields: Sequence[Field]) -> bool:
    return any(field.error or any_error(field.fields) for field in fields)


def _counts(before: Field, field: Field, value: Any, clearing: bool) -> bool:
    if field.kind == "group":
        return bool(value)
    if field.error or (value is CLEARED and not clearing):
        return False
    if field.kind == "several":
        return field.options != before.options
    return bool(field.value != before.value)


def _field(
    name: str, rules: Mapping[str, Any], values: Mapping[str, Any], prefix: str, nested: bool, path: str
) -> Field:
    kind = kind_of(rules, nested=nested)
    value = values.get(name, rules.get("default"))
    field = Field(
        name=name,
        input=f"{prefix}{name}",
        label=str(rules.get("title") or name.replace("_", " ").capitalize()),
        kind=kind,
        value="",
        help=str(rules.get("description") or ""),
        placeholder=range_of(rules),
        path=f"{path}.{name}" if name.isidentifier() else f"{path}[{name!r}]",
    )
    if kind == "group":
        inner = value if isinstance(value, Mapping) else {}
        return replace(field, fields=fields_of(rules, inner, prefix=f"{field.input}.", path=field.path))
    if kind == "several":
        return replace(field, options=_options(field.input, rules, value))
    if kind == "choice":
        return _with_choices(field, rules, value)
    entries = kind_of(rules["items"]) if kind == "list" else ""
    return replace(field, value=_shown(kind, value), entries=entries)


def _with_choices(field: Field, rules: Mapping[str, Any], value: Any) -> Field:
    values = list(rules["enum"]) if isinstance(rules.get("enum"), list) else [rules.get("const")]
    choices = [_word(choice) for choice in values]
    if value is None and None not in values:
        return replace(field, value="", choices=["", *choices], values=[CLEARED, *values])
    return replace(field, value=_word(value), choices=choices, values=values)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _options(name: str, rules: Mapping[str, Any], value: Any) -> list[Option]:
    chosen = value if isinstance(value, list) else []
    return [
        Option(f"{name}:{number}", _word(entry), entry, entry in chosen)
        for number, entry in enumerate(rules["items"]["enum"])
    ]


def _shown(kind: str, value: Any) -> Any:
    if kind == "boolean":
        return bool(value)
    if value is None:
        return ""
    if kind == "list" and isinstance(value, list):
        return "\n".join(str(entry) for entry in value)
    return json.dumps(value, ensure_ascii=False) if kind in ("json", "list") else str(value)


def _read(field: Field, posted: Posted, clearing: bool) -> tuple[Field, Any]:
    if field.kind == "group":
        inner, changed = read_fields(field.fields, posted, clearing=clearing)
        return replace(field, fields=inner), changed
    if field.kind == "several":
        options = [replace(option, chosen=option.input in posted) for option in field.options]
        return replace(field, options=options), [option.value for option in options if option.chosen]
    if field.kind == "boolean":
        value = field.input in posted
        return replace(field, value=value), value
    text = posted.get(field.input, str(field.value)).replace("\r\n", "\n").strip()
    shown = replace(field, value=text)
    if not text and field.kind != "choice":
        return shown, [] if field.kind == "list" and field.value else CLEARED
    try:
        return shown, _parse(field, text)
    except (ValueError, RecursionError):
        return replace(shown, error=_MENDING[field.kind]), CLEARED


_MENDING = {
    "integer": "Give a whole number.",
    "number": "Give a number.",
    "choice": "Choose one of these.",
    "list": "Give one number a line.",
    "json": "Give valid JSON; texts need double quotes.",
}


def _parse(field: Field, text: str) -> Any:
    if field.kind == "choice":
        return field.values[list(field.choices).index(text)]
    if field.kind == "list":
        return [_parse_one(field.entries, line.strip()) for line in text.split("\n") if line.strip()]
    return _parse_one(field.kind, text)


def _parse_one(kind: str, text: str) -> Any:
    if kind == "integer":
        return int(text)
    if kind == "number":
        return json.loads(text, parse_constant=_refuse) if text[:1] in "-0123456789" else _refuse(text)
    return json.loads(text, parse_constant=_refuse) if kind == "json" else text


def _refuse(word: str) -> Any:
    raise ValueError(word)
