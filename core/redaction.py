"""What must not be told, taken out of what is told."""

import re

_PASSWORD = re.compile(r"(?P<before>://[^/@\s:]*:)[^/@\s]+(?=@)")
_LONGEST = 500


def without_passwords(text: str) -> str:
    """The first line of the text, without the passwords of the addresses in it."""
    return _PASSWORD.sub(r"\g<before>***", text.partition("\n")[0])[:_LONGEST]
