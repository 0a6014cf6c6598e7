"""Plain text: nothing to do but to find its encoding."""

from documents.parsing.charset import decode, decode_unmarked_utf16
from documents.parsing.types import Limits


def parse_plain(data: bytes, limits: Limits) -> str:
    return decode_unmarked_utf16(data) or decode(data)
