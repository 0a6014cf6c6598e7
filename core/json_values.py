"""JSON values that come from outside: whether they are JSON at all, small enough and flat enough to work with."""

import math
from collections.abc import Mapping
from typing import Any

from core.canonical import compact_json
from core.differences import json_path
from core.json_bounds import HALF_PAIR

MAX_DEPTH = 32


def json_problem(value: Any, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> str:
    """Why a value cannot be kept, with its JSON path; "" when it can: plain JSON, at most `max_bytes` as compact text,
    nested at most `max_depth` deep, without what PostgreSQL cannot hold (NUL, half a surrogate pair)."""
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    least = 0  # bytes that what was met so far takes at least: a huge value is refused before it is looked through
    while waiting:
        one, steps = waiting.pop()
        least += len(one) if isinstance(one, str) else 2 * len(one) if isinstance(one, Mapping | list) else 0
        if least > max_bytes:
            return _too_large(f"more than {max_bytes:,}", max_bytes)
        if problem := _own_problem(one):
            return f"{json_path(steps)}: {problem}"
        if isinstance(one, Mapping | list) and len(steps) >= max_depth:
            return f"{json_path(steps[:3])}: nested more than {max_depth} deep. Flatten it"
        if isinstance(one, Mapping):
            waiting.extend((part, (*steps, key)) for key, part in one.items())
        elif isinstance(one, list):
            waiting.extend((part, (*steps, index)) for index, part in enumerate(one))
    size = len(compact_json(value).encode())
    return _too_large(f"{size:,}", max_bytes) if size > max_bytes else ""


def _too_large(size: str, max_bytes: int) -> str:
    return f"$: {size} bytes, and at most {max_bytes:,} are kept. Make it smaller"


def _own_problem(value: Any) -> str:
    """What is wrong with a value itself, whatever is inside it."""
    if isinstance(value, str):
        return "" if _storable(value) else "holds a NUL character or half of a surrogate pair. Remove it"
    if isinstance(value, Mapping):
        bad = next((key for key in value if not isinstance(key, str) or not _storable(key)), None)
        return "" if bad is None else f"the key {bad!r} is not a text that JSON can hold. Put it in quotes"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "JSON has no infinite numbers and no NaN"
    known = value is None or isinstance(value, list | int)
    return "" if known else f"a {type(value).__name__} is no JSON value. Put it in quotes"


def _storable(text: str) -> bool:
    return "\x00" not in text and not HALF_PAIR.search(text)
