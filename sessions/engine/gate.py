"""What may pass from an agent into the database: JSON, bounded, of characters every database can hold."""

import json
import math
from collections.abc import Mapping
from typing import Any

from sessions.clipping import MAX_EVENT_BYTES as MAX_EVENT_BYTES
from sessions.clipping import clip_json as clip_json
from sessions.clipping import clip_text as clip_text

MAX_OUTPUT_BYTES = 1024 * 1024
MAX_EVENTS_PER_EXECUTION = 2000
SMALLEST_PART_BYTES = 2  # a digit and its comma


class NotStorable(ValueError):
    """The value is not JSON, too large, or holds what a database cannot."""


def storable(value: Any, *, limit: int = MAX_OUTPUT_BYTES, what: str = "the output") -> Any:
    """The value as plain JSON types. Raises: NotStorable, saying what is wrong with it."""
    if _is_vast(value, limit):
        raise NotStorable(
            f"{what} has too many bytes to count; at most {limit:,} are kept. Return less, or store it elsewhere"
        )
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NotStorable(f"{what} holds a lone surrogate, which is no character; encode the text as UTF-8") from None
    except RecursionError:
        raise NotStorable(f"{what} is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise NotStorable(f"{what} is not JSON: {error}") from None
    if size > limit:
        raise NotStorable(f"{what} has {size:,} bytes; at most {limit:,} are kept. Return less, or store it elsewhere")
    if "\\u0000" in text and "\x00" in _strings(value):
        raise NotStorable(f"{what} holds a NUL character, which databases cannot store; remove it")
    return json.loads(text)


def _is_vast(value: Any, limit: int) -> bool:
    """Whether its JSON is longer than this for certain: told without writing it, which would hold everybody up."""
    left, parts = limit, [value]
    while parts and left >= 0:
        part = parts.pop()
        left -= len(part) if isinstance(part, str) else SMALLEST_PART_BYTES
        if isinstance(part, Mapping | list | tuple):
            if SMALLEST_PART_BYTES * len(part) > left:
                return True
            parts.extend(part)
        if isinstance(part, Mapping):
            parts.extend(part.values())
    return left < 0


def _strings(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "".join(_strings(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return "".join(_strings(part) for part in value)
    return ""


def percentage(value: float) -> float:
    """A progress figure forced into 0 to 100; 0 for what is no number."""
    return min(100.0, max(0.0, float(value))) if math.isfinite(value) else 0.0
