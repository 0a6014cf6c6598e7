"""Checking with a JSON Schema that may be anybody's: bounded in time, and nothing is fetched.

Patterns run on RE2, whose time is linear in the text; every keyword looks at a budget of processor time (references
that fan out are exponential).
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from itertools import islice
from typing import Any

from core.canonical import canonical_json

CHECK_SECONDS = 1.0
"""Processor time one check may take."""

MAX_FOUND_ERRORS = 200
MAX_NAMED_KEYS = 20
MAX_UNEVALUATED = 5000
"""Entries of what has an `unevaluatedItems` or `unevaluatedProperties`: the library looks each up in a list."""

_ends: ContextVar[float] = ContextVar("_ends")


class TooCostly(Exception):
    """The check took more than CHECK_SECONDS of processor time."""


def found_errors(schema: Mapping[str, Any], value: Any) -> list[Any]:
    """The jsonschema library's errors, in order of their paths. Raises: TooCostly, Unresolvable, RecursionError."""
    from jsonschema_specifications import REGISTRY  # with jsonschema 4 MiB and 50 ms, and most processes never check

    token = _ends.set(time.thread_time() + CHECK_SECONDS)
    try:
        found = _checker()(schema, registry=REGISTRY).iter_errors(value)
        return sorted(islice(found, MAX_FOUND_ERRORS), key=lambda error: error.json_path)
    finally:
        _ends.reset(token)


def meta_errors(schema: Any) -> list[Any]:
    """What a value breaks of the rules of JSON Schema itself; [] when it is a schema. Raises: as `found_errors`."""
    from jsonschema import Draft202012Validator  # see found_errors

    return found_errors(Draft202012Validator.META_SCHEMA, schema)


def is_pattern(pattern: str) -> bool:
    """Whether RE2 or Python can read it."""
    try:
        return is_linear(pattern) or bool(re.compile(pattern))
    except re.error:
        return False


def is_linear(pattern: str) -> bool:
    """Whether RE2 takes this pattern: no look-around, no back-references, nothing that grows without bound."""
    return _linear(pattern) is not None


@cache
def _options() -> Any:
    import re2  # only where a schema has a pattern

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return options


@cache
def _checker() -> Any:
    """The validator class of 2020-12 with every keyword bounded."""
    from jsonschema import Draft202012Validator, validators  # see found_errors

    keywords = {**Draft202012Validator.VALIDATORS, **_OWN_KEYWORDS}
    keywords |= {word: _of_few(keywords[word]) for word in ("unevaluatedItems", "unevaluatedProperties")}
    checker = validators.extend(Draft202012Validator, {word: _bounded(rule) for word, rule in keywords.items()})
    checker.evolve = _stay_bounded
    return checker


def _stay_bounded(validator: Any, **changes: Any) -> Any:
    """The library's own leaves our class for its plain one at every subschema that has a `$schema`."""
    from attrs import evolve  # see found_errors

    return evolve(validator, **changes)


def _bounded(rule: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _look_at_the_clock()
        yield from rule(validator, value, instance, schema) or ()

    return check


def _of_few(rule: Callable[..., Any]) -> Callable[..., Any]:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if isinstance(instance, list | dict) and len(instance) > MAX_UNEVALUATED:
            raise TooCostly
        return rule(validator, value, instance, schema)

    return check


def _look_at_the_clock() -> None:
    """Raises: TooCostly."""
    if time.thread_time() > _ends.get():
        raise TooCostly


def _linear(pattern: str) -> Any:
    """The pattern compiled by RE2; None when it is not one of RE2's."""
    import re2  # see _options

    try:
        return re2.compile(pattern, _options())
    except re2.error:
        return None


def _matches(pattern: str, text: str) -> bool:
    """Schemas in code may use all of Python's patterns: they are their author's own, like the code.

    One keyword may match thousands of keys with thousands of patterns. Raises: TooCostly.
    """
    _look_at_the_clock()
    return bool((_linear(pattern) or re.compile(pattern)).search(text))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # see found_errors

    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, rules: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in rules.items():
            for key, value in instance.items():
                if _matches(pattern, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """The library's own matches with Python's patterns."""
    from jsonschema.exceptions import ValidationError  # see found_errors

    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", ())
    extras = [key for key in instance if key not in named and not any(_matches(p, key) for p in patterns)]
    if rule is False and extras:
        verb = "was" if len(extras) == 1 else "were"
        shown = ", ".join(map(repr, extras[:MAX_NAMED_KEYS]))
        yield ValidationError(f"Additional properties are not allowed ({shown} {verb} unexpected)")
    elif isinstance(rule, Mapping):
        for key in extras:
            yield from validator.descend(instance[key], rule, path=key)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Any]:
    """The library's own compares each with each other when the items cannot be sorted."""
    from jsonschema.exceptions import ValidationError  # see found_errors

    if not wanted or not validator.is_type(instance, "array"):
        return
    if len({canonical_json(_plain(item)) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _plain(value: Any) -> Any:
    """The same value with 1.0 as 1: JSON Schema knows one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


_OWN_KEYWORDS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
