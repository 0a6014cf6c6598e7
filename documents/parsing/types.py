"""Words of parsing: the kinds of file we read, and the bounds within which we read them."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    HTML = "html"
    MD = "md"
    CSV = "csv"
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may ask of us; beyond any of these it fails with a sentence, nothing is cut silently."""

    max_bytes: int = 20 * 1024 * 1024
    max_unpacked_bytes: int = 200 * 1024 * 1024
    max_pages: int = 2000
    max_characters: int = 5_000_000
    max_seconds: float = 60.0
