"""JSON the databases can hold, and how much of it: what is wrong with a value, as a sentence."""

import math
import re
from collections.abc import Mapping
from typing import Any

from core.canonical import canonical_json
from core.errors import Invalid, PayloadTooLarge

MAX_DEPTH = 50
HALF_PAIR = re.compile("[\ud800-\udfff]")
"""A lone surrogate: no character, and nothing that UTF-8 can hold."""


def json_fault(value: Any) -> str | None:
    """Why the value cannot be kept as JSON; None when it can. Walks without recursion: a deep value is no crash."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"This is nested more than {MAX_DEPTH} levels deep."
        fault = _fault_of_scalar(item)
        if fault:
            return fault
        if isinstance(item, Mapping):
            waiting.extend((inner, depth + 1) for pair in item.items() for inner in pair)
        elif isinstance(item, list | tuple):
            waiting.extend((inner, depth + 1) for inner in item)
    return None


def text_fault(text: str) -> str | None:
    """Why the text cannot be kept; None when it can."""
    if "\x00" in text:
        return "This holds a NUL character (\\u0000); remove it."
    if HALF_PAIR.search(text):
        return "This holds half of a surrogate pair (\\ud800 to \\udfff); send whole characters."
    return None


def require_object(value: Any, *, name: str, max_bytes: int) -> dict[str, Any]:
    """The value, which is a JSON object of at most so many bytes of UTF-8; `name` is the field's.

    Raises: Invalid, PayloadTooLarge.
    """
    if not isinstance(value, dict):
        raise _invalid(name, 'This must be a JSON object, like {"step": 3}.')
    fault = json_fault(value)
    if fault:
        raise _invalid(name, fault)
    size = len(canonical_json(value).encode())
    if size > max_bytes:
        raise PayloadTooLarge(
            f"{name} would be {size:,} bytes of JSON, and at most {max_bytes:,} are kept. "
            "Keep less in it, and long texts as documents.",
            details={"bytes": size, "max_bytes": max_bytes},
        )
    return value


def _invalid(name: str, fault: str) -> Invalid:
    return Invalid(f"{name}: {fault}", details={name: [fault]})


def _fault_of_scalar(item: Any) -> str | None:
    if isinstance(item, str):
        return text_fault(item)
    if isinstance(item, float) and not math.isfinite(item):
        return "Numbers must be finite; JSON knows no NaN and no infinity."
    if isinstance(item, int) and item.bit_length() > 256:
        return "This holds a whole number of more than 256 bits; send it as a text."
    if not isinstance(item, str | int | float | bool | Mapping | list | tuple | None):
        return f"This holds a {type(item).__name__}, which JSON cannot express."
    return None
