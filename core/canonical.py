"""JSON as text: the canonical form that can be hashed (sorted keys, no spaces, UTF-8, no NaN), and the compact one."""

import json
from collections.abc import Callable
from json import encoder
from typing import Any


def _writer(*, sort_keys: bool) -> Callable[[Any], str]:
    """`JSONEncoder.encode`, which makes its encoder in C anew for each value; here it is made once."""
    plain = json.JSONEncoder(sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:  # an interpreter whose json has no part in C
        return plain.encode
    chunks = make(None, plain.default, encoder.encode_basestring, None, ":", ",", sort_keys, False, False)
    return lambda value: "".join(chunks(value, 0))


_canonical, _compact = _writer(sort_keys=True), _writer(sort_keys=False)


def canonical_json(value: Any) -> str:
    """Raises: ValueError on NaN or infinity, TypeError on what JSON cannot hold, RecursionError on too deep a nest."""
    return _canonical(value)


def compact_json(value: Any) -> str:
    """The same with the keys in their own order: not for hashing."""
    return _compact(value)


def indented_json(value: Any) -> str:
    """The same for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def quoted(text: str) -> str:
    """The text as JSON."""
    return encoder.encode_basestring(text)
