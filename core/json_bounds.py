"""JSON that comes from outside: what databases can hold, and how much of it. What is wrong is said as a sentence."""

import math
import re
from collections.abc import Mapping
from typing import Any

from core.canonical import canonical_json, compact_json
from core.differences import json_path
from core.errors import Invalid, PayloadTooLarge

MAX_DEPTH = 50
_HALF_PAIR = re.compile("[\ud800-\udfff]")
"""A lone surrogate: no character, and nothing that UTF-8 can hold."""

_Steps = tuple["_Steps", str | int] | None
"""The way to a place, the last step first: shared by all below it, so that a large value costs no copies."""


def json_problem(value: Any, *, max_bytes: int | None = None, max_depth: int = MAX_DEPTH) -> str:
    """Why a value cannot be kept as JSON, after the path of the place (`$.a[0]: …`); "" when it can.

    Objects and lists lie at most `max_depth` deep, and the compact text has at most `max_bytes`. Walks without
    recursion: a deep value is no crash; a huge one is refused before it is looked through.
    """
    waiting: list[tuple[Any, _Steps, int]] = [(value, None, 1)]
    least = 0  # bytes that what was met so far takes at least
    while waiting:
        one, steps, depth = waiting.pop()
        if max_bytes is not None:
            least += _least_bytes(one)
            if least > max_bytes:
                return _too_large(f"more than {max_bytes:,}", max_bytes)
        if problem := _own_problem(one):
            return f"{json_path(_path(steps))}: {problem}"
        inner = _inside(one)
        if inner is not None and depth > max_depth:
            return f"{json_path(_path(steps)[:3])}: This is nested more than {max_depth} deep. Flatten it."
        waiting.extend((part, (steps, step), depth + 1) for step, part in inner or ())
    size = 0 if max_bytes is None else len(compact_json(value).encode())
    return _too_large(f"{size:,}", max_bytes) if max_bytes is not None and size > max_bytes else ""


def text_problem(text: str) -> str:
    """Why the text cannot be kept; "" when it can."""
    if "\x00" in text:
        return "This holds a NUL character (\\u0000); remove it."
    if _HALF_PAIR.search(text):
        return "This holds half of a surrogate pair (\\ud800 to \\udfff); send whole characters."
    return ""


def require_object(value: Any, *, name: str, max_bytes: int) -> dict[str, Any]:
    """The value, which is a JSON object of at most so many bytes of UTF-8; `name` is the field's.

    Raises: Invalid, PayloadTooLarge.
    """
    if not isinstance(value, dict):
        raise _invalid(name, 'This must be a JSON object, like {"step": 3}.')
    if problem := json_problem(value):
        raise _invalid(name, problem)
    size = len(canonical_json(value).encode())
    if size > max_bytes:
        raise PayloadTooLarge(
            f"{name} would be {size:,} bytes of JSON, and at most {max_bytes:,} are kept. "
            "Keep less in it, and long texts as documents.",
            details={"bytes": size, "max_bytes": max_bytes},
        )
    return value


def _invalid(name: str, problem: str) -> Invalid:
    return Invalid(f"{name}: {problem}", details={name: [problem]})


def _too_large(size: str, max_bytes: int) -> str:
    return f"$: These are {size} bytes, and at most {max_bytes:,} are kept. Make it smaller."


def _least_bytes(one: Any) -> int:
    return len(one) if isinstance(one, str) else 2 * len(one) if isinstance(one, Mapping | list | tuple) else 0


def _inside(one: Any) -> Any:
    """The parts of a value, each with the step that leads to it; None for what has no parts."""
    if isinstance(one, Mapping):
        return one.items()
    return enumerate(one) if isinstance(one, list | tuple) else None


def _path(steps: _Steps) -> list[str | int]:
    found = []
    while steps is not None:
        steps, step = steps
        found.append(step)
    return found[::-1]


def _own_problem(one: Any) -> str:
    """What is wrong with a value itself, whatever is inside it."""
    if isinstance(one, str):
        return text_problem(one)
    if isinstance(one, Mapping):
        return next(filter(None, map(_key_problem, one)), "")
    if isinstance(one, float):
        return "" if math.isfinite(one) else "Numbers must be finite; JSON knows no NaN and no infinity."
    if isinstance(one, int):
        return "This is a whole number of more than 256 bits; send it as a text." if one.bit_length() > 256 else ""
    known = one is None or isinstance(one, list | tuple)
    return "" if known else f"This is a {type(one).__name__}, which JSON cannot express. Put it in quotes."


def _key_problem(key: Any) -> str:
    if not isinstance(key, str):
        return f"The key {key!r} is no text. Put it in quotes."
    problem = text_problem(key)
    return f"The key {key!r}: {problem}" if problem else ""
