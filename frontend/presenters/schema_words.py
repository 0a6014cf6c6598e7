"""What a JSON Schema says of one value, in words. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontend.presenters.schema_shapes import plainer

Rules = Mapping[str, Any]
_WORDS = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "text"}
_FORMATS = {
    "date": "a date, as 2030-01-31",
    "date-time": "a time, as 2030-01-31T12:00:00Z",
    "time": "a time of day, as 12:00:00Z",
    "email": "an e-mail address",
    "uri": "an address, as https://example.org",
    "uuid": "a UUID",
    "regex": "a regular expression",
}
LONG = 200  # characters: a text that may be longer gets several lines
DEEPEST = 4


def kind_of(rules: Any, *, nested: bool = False) -> str:
    """The kind of input a value needs (see schemas.Field); json for what is anything else."""
    if not isinstance(rules, Mapping):
        return "json"
    if isinstance(rules.get("enum"), list) or "const" in rules:
        return "choice"
    declared = rules.get("type")
    if declared == "array":
        return _kind_of_array(rules.get("items"))
    if declared == "object":
        return "group" if nested and isinstance(rules.get("properties"), Mapping) and rules["properties"] else "json"
    if declared == "string" and isinstance(rules.get("maxLength"), int) and rules["maxLength"] > LONG:
        return "long"
    return _WORDS.get(declared, "json") if isinstance(declared, str) else "json"


def _kind_of_array(items: Any) -> str:
    if isinstance(items, Mapping) and isinstance(items.get("enum"), list):
        return "several"
    return "list" if kind_of(items) in ("text", "integer", "number") else "json"


def range_of(rules: Rules) -> str:
    """What a value must lie between or look like; "" when the schema does not say."""
    return "; ".join(part for part in (_numbers(rules), _lengths(rules), _looks(rules)) if part)


def _numbers(rules: Rules) -> str:
    low, high = rules.get("minimum"), rules.get("maximum")
    parts = [f"{low} to {high}" if low is not None and high is not None else ""]
    if not parts[0]:
        parts = [f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else ""]
    above, below, step = (rules.get(word) for word in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
    parts += [
        f"more than {above}" if above is not None else "",
        f"less than {below}" if below is not None else "",
        f"a multiple of {step}" if step is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _lengths(rules: Rules) -> str:
    for least, most, noun in (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "entries")):
        low, high = rules.get(least), rules.get(most)
        if low is not None and high is not None:
            return f"{low} to {high} {noun}"
        if low is not None or high is not None:
            return f"at least {low} {noun}" if low is not None else f"at most {high} {noun}"
    return ""


def _looks(rules: Rules) -> str:
    shape = _FORMATS.get(str(rules.get("format", "")), str(rules.get("format", "")))
    pattern = rules.get("pattern")
    return ", ".join(part for part in (shape, f"matches {pattern}" if isinstance(pattern, str) else "") if part)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table that shows a schema: `depth` is 0 at the top, `value` the template's default as text."""

    name: str
    path: str
    depth: int
    title: str
    type: str
    limits: str
    value: str
    required: bool
    help: str


def settings_of(schema: Any, defaults: Any, *, path: str = "$", depth: int = 0) -> list[Setting]:
    """The settings a schema knows, each followed by those inside it, with the default each has."""
    schema = plainer(schema) if depth == 0 else schema
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or depth > DEEPEST:
        return []
    wanted = schema.get("required")
    required = wanted if isinstance(wanted, list) else []
    found = []
    for name, rules in properties.items():
        rules = rules if isinstance(rules, Mapping) else {}
        here = f"{path}.{name}" if name.isidentifier() else f"{path}[{name!r}]"
        inside = _inside(defaults, name, rules)
        inner = settings_of(rules, inside, path=here, depth=depth + 1)
        found.append(_setting(name, here, depth, rules, "" if inner else _as_text(inside), name in required))
        found.extend(inner)
    return found


def _inside(defaults: Any, name: str, rules: Rules) -> Any:
    return defaults[name] if isinstance(defaults, Mapping) and name in defaults else rules.get("default")


def _setting(name: str, path: str, depth: int, rules: Rules, value: str, required: bool) -> Setting:
    return Setting(
        name=name,
        path=path,
        depth=depth,
        title=str(rules.get("title") or ""),
        type=type_words(rules),
        limits=_one_of(rules) or range_of(rules),
        value=value,
        required=required,
        help=str(rules.get("description") or ""),
    )


def type_words(rules: Rules) -> str:
    """`integer`, `list of text`, `text or nothing`."""
    declared = rules.get("type")
    if isinstance(declared, list):
        return " or ".join(_type_word(word, {}) for word in declared)
    if declared is None:
        return "choice" if "enum" in rules or "const" in rules else "anything"
    return _type_word(declared, rules)


def _type_word(word: Any, rules: Rules) -> str:
    if word == "array":
        items = rules.get("items")
        return f"list of {type_words(items)}" if isinstance(items, Mapping) and items.get("type") else "list"
    return {"string": "text", "null": "nothing", "boolean": "yes or no"}.get(str(word), str(word))


def _one_of(rules: Rules) -> str:
    choices = rules.get("enum")
    items = rules.get("items")
    if choices is None and isinstance(items, Mapping):
        choices = items.get("enum")
    return _joined(choices) if isinstance(choices, list) else ""


def _joined(choices: Sequence[Any]) -> str:
    return ", ".join(choice if isinstance(choice, str) else json.dumps(choice) for choice in choices)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
