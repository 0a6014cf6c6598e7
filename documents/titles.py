"""What a document is called when all we have is the name of a file."""

import re
import unicodedata
from pathlib import PurePosixPath

from documents.conf import TITLE_CHARACTERS

UNTITLED = "Untitled"
_KNOWN_SUFFIX = re.compile(r"\.(pdf|docx|html?|md|markdown|txt|text|log|csv|tsv)$", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def title_of_file(name: str) -> str:
    """The last part of the path without a suffix that we read, safe to show: nothing invisible, nothing endless."""
    base = PurePosixPath(name.replace("\\", "/")).name
    return clean_title(_KNOWN_SUFFIX.sub("", base)) or clean_title(base) or UNTITLED


def clean_title(text: str) -> str:
    """One line of visible characters; may be empty."""
    visible = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    return " ".join(visible.split())[:TITLE_CHARACTERS].strip()
