"""Values made short enough for an event. Pure."""

from typing import Any

from core.canonical import compact_json

MAX_EVENT_BYTES = 64 * 1024


def clip_text(text: str, limit: int = 4000) -> str:
    """The text without what cannot be stored, cut to `limit` characters with a mark where it was cut."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def clip_json(value: Any, limit: int = MAX_EVENT_BYTES // 2) -> Any:
    """The value, or a short note of its size where it is too large for an event."""
    size = len(compact_json(value).encode())
    return value if size <= limit else {"truncated": True, "bytes": size}
