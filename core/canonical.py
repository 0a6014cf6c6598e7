"""JSON as text that can be hashed: sorted keys, no spaces, UTF-8, no NaN."""

import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """Raises: ValueError on NaN or infinity, TypeError on what JSON cannot hold."""
    return _ENCODER.encode(value)
