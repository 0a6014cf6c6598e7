"""JSON Schema (2020-12): what a value breaks of a schema, and whether a schema is one."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.bounded_schema import CHECK_SECONDS, TooCostly, found_errors, is_linear, is_pattern, meta_errors
from core.json_bounds import json_problem

logger = logging.getLogger(__name__)

MAX_SHOWN_ERRORS = 20
MAX_SCHEMA_BYTES = 64 * 1024
MAX_SCHEMA_DEPTH = 32
MAX_PATTERN_LENGTH = 500

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SENTENCE = re.compile(r"(\$(?:[.\[][^:]*?)?): (.*)", re.DOTALL)
_MISSING = re.compile(r"'(.+)' is a required property")


def config_errors(schema: Mapping[str, Any], configuration: Any) -> list[str]:
    """What a configuration breaks of a JSON Schema (2020-12), each with its JSON path; [] when nothing."""
    from referencing.exceptions import Unresolvable  # most processes never check a schema: see found_errors

    try:
        errors = found_errors(schema, configuration)
    except Unresolvable as error:
        return [f"$: the schema refers to {error.ref!r}, which it does not hold; mend the schema"]
    except TooCostly:
        return [f"$: checking takes more than {CHECK_SECONDS:g} s with this schema; make the schema simpler"]
    except RecursionError:
        return ["$: nested too deeply, or the schema refers to itself without end"]
    except Exception:  # the checker trusts schemas, and where a reference leads to is anybody's
        logger.warning("a schema cannot be used", exc_info=True)
        return ["$: the schema cannot be used, a reference of it may lead to something that is no schema; mend it"]
    return [f"{error.json_path}: {_short(error.message)}" for error in errors[:MAX_SHOWN_ERRORS]]


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:297]}..."


def schema_problem(schema: Any) -> str:
    """Why this is no schema an agent may have; "" when it is one. References to elsewhere are refused."""
    if problem := json_problem(schema, max_bytes=MAX_SCHEMA_BYTES, max_depth=MAX_SCHEMA_DEPTH):
        return problem
    try:
        errors = meta_errors(schema)
    except TooCostly:
        return f"$: checking it takes more than {CHECK_SECONDS:g} s. Make it smaller"
    if errors:
        return f"{errors[0].json_path}: {_short(errors[0].message)}"
    if isinstance(schema, Mapping) and schema.get("$schema", DIALECT).rstrip("#") != DIALECT:
        return f"$.$schema: only {DIALECT} is known here, not {schema['$schema']!r}"
    problems = (_reference_problem(node) or _unreadable_pattern(node) for node in _nodes(schema))
    return next(filter(None, problems), "")


def object_schema_problem(schema: Any) -> str:
    """Why this cannot be the schema of a configuration somebody writes; "" when it can.

    Stricter than `schema_problem`: the root describes an object, references find what they point at, and patterns are
    those of RE2 (no look-around, no back-references), so that none can run away.
    """
    if not isinstance(schema, Mapping):
        return '$: give an object such as {"type": "object", "properties": {}}'
    if problem := schema_problem(schema):
        return problem
    if schema and schema.get("type") != "object":
        return '$.type: a configuration is an object, so the schema\'s root needs "type": "object"'
    try:
        resolver = _resolver_of(schema)
    except ValueError as error:
        return f"$.$id: this is no address ({_short(str(error))}). Leave it out"
    problems = (_pattern_problem(node) or _lost_reference(node, resolver) for node in _nodes(schema))
    words = {word for node in _nodes(schema) for word in ("patternProperties", "unevaluatedProperties") if word in node}
    if len(words) == 2:
        return "$: patternProperties and unevaluatedProperties do not go together here; use additionalProperties"
    return next(filter(None, problems), "")


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every object inside a schema, itself included."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _references(node: Mapping[str, Any]) -> Iterator[str]:
    return (ref for key in ("$ref", "$dynamicRef") if isinstance(ref := node.get(key), str))


def _reference_problem(node: Mapping[str, Any]) -> str:
    foreign = next((ref for ref in _references(node) if not ref.startswith("#")), None)
    return f"$ref may only point inside the schema (start with #), not to {foreign!r}" if foreign else ""


def _resolver_of(schema: Mapping[str, Any]) -> Any:
    """Finds what the references of a schema point at. It reads the schema once, and not for each of them.

    Raises: ValueError for an `$id` that cannot be read.
    """
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY  # see config_errors

    resource = DRAFT202012.create_resource(schema)
    place = resource.id() or ""
    return EMPTY_REGISTRY.with_resource(place, resource).crawl().resolver(base_uri=place)


def _lost_reference(node: Mapping[str, Any], resolver: Any) -> str:
    from referencing.exceptions import Unresolvable  # see config_errors

    for ref in _references(node):
        try:
            found = resolver.lookup(ref).contents
        except (Unresolvable, ValueError, TypeError):
            return f"$ref points to {ref!r}, and the schema has nothing there"
        if not isinstance(found, Mapping | bool):
            return f"$ref points to {ref!r}, and what is there is no schema"
    return ""


def _patterns(node: Mapping[str, Any]) -> list[str]:
    keyed = node.get("patternProperties")
    found = [node.get("pattern"), *(keyed if isinstance(keyed, Mapping) else ())]
    return [pattern for pattern in found if isinstance(pattern, str)]


def _unreadable_pattern(node: Mapping[str, Any]) -> str:
    bad = next((pattern for pattern in _patterns(node) if not is_pattern(pattern)), None)
    return "" if bad is None else f"the pattern {_short(bad)!r} cannot be read: it is no regular expression"


def _pattern_problem(node: Mapping[str, Any]) -> str:
    for pattern in _patterns(node):
        if len(pattern) > MAX_PATTERN_LENGTH or not is_linear(pattern):
            return (
                f"the pattern {_short(pattern)!r} cannot be used: at most {MAX_PATTERN_LENGTH} characters, "
                "without look-around and back-references"
            )
    return ""


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
