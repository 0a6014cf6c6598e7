"""Settings of the documents app."""

from django.conf import settings

from documents.parsing.types import Limits

TITLE_CHARACTERS = 300
ROWS_PER_TRANSACTION = 200
"""Passages written in one transaction: on SQLite a longer one would hold up the engine's journal."""


def parse_limits() -> Limits:
    """How much one uploaded file may ask of us."""
    return Limits(max_bytes=int(settings.MAX_UPLOAD_BYTES))
