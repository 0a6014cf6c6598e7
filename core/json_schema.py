"""JSON Schema (2020-12): what a value breaks of a schema, and whether a schema is one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_SHOWN_ERRORS = 20
_SENTENCE = re.compile(r"(\$(?:[.\[][^:]*?)?): (.*)", re.DOTALL)
_MISSING = re.compile(r"'(.+)' is a required property")


def config_errors(schema: Mapping[str, Any], configuration: Any) -> list[str]:
    """What a configuration breaks of a JSON Schema (2020-12), each with its JSON path; [] when nothing."""
    from jsonschema import Draft202012Validator  # 4 MiB and 50 ms, and most processes never check a schema
    from referencing.exceptions import Unresolvable

    try:
        errors = sorted(Draft202012Validator(schema).iter_errors(configuration), key=lambda error: error.json_path)
    except Unresolvable as error:
        return [f"$: the schema of the definition refers to {error.ref!r}, which it does not hold; mend the class"]
    return [f"{error.json_path}: {_short(error.message)}" for error in errors[:MAX_SHOWN_ERRORS]]


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:297]}..."


def schema_problem(schema: Any) -> str:
    """Why this is no schema an agent may have; "" when it is one. References to elsewhere are refused."""
    from jsonschema import Draft202012Validator  # see config_errors
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {_short(error.message)}"
    foreign = [ref for ref in _references(schema) if not ref.startswith("#")]
    return f"$ref may only point inside the schema (start with #), not to {foreign[0]!r}" if foreign else ""


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _references(value)


def split_problem(sentence: str) -> tuple[str, str]:
    """A sentence of `config_errors` as path and message; what is missing is a problem of its own place."""
    found = _SENTENCE.fullmatch(sentence)
    if not found:
        return "$", sentence
    path, message = found[1], found[2]
    if missing := _MISSING.fullmatch(message):
        name = missing[1]
        return (f"{path}.{name}" if name.isidentifier() else f"{path}[{name!r}]"), "This is needed: give a value."
    return path, message
