"""Files to text: the kind is read from the bytes, then one parser makes clean text of them. No Django in here."""

from documents.parsing.parse import SUFFIXES, Parsed, parse_file
from documents.parsing.types import Kind, Limits

__all__ = ["SUFFIXES", "Kind", "Limits", "Parsed", "parse_file"]
