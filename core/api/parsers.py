"""JSON bodies: bounded, strict, and free of what the databases cannot hold."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from core.errors import PayloadTooLarge
from core.json_bounds import text_problem


class JSONParser(BaseParser):
    """Reads a JSON body.

    Raises: PayloadTooLarge over DATA_UPLOAD_MAX_MEMORY_SIZE; ParseError (400) for text that is not UTF-8 or not JSON,
    for NaN and infinite numbers, and for NUL characters and lone surrogates, which PostgreSQL cannot store.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = _bounded(stream)
        try:
            value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_float=_finite)
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8 text. Send JSON encoded as UTF-8.") from error
        except RecursionError as error:
            raise ParseError("The JSON in the body is nested too deeply. Flatten it.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
        if b"\\u" in raw:
            _refuse_unstorable(value)
        return value


def _bounded(stream: IO[bytes]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes. Send less, or upload long texts as documents.")
    return raw


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _refuse_unstorable(value: Any) -> None:
    for text in _texts(value):
        if text_problem(text):
            raise ParseError("The JSON holds a NUL character or half of a surrogate pair. Remove it.")


def _texts(value: Any) -> Iterator[str]:
    """All strings of a JSON value, keys included; without recursion, as the nesting is the caller's."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
