"""What people type into forms, as we keep it."""


def clean(text: str) -> str:
    """Line ends as we keep them, and without NUL, which PostgreSQL does not take."""
    return text.replace("\r\n", "\n").replace("\x00", "")


def trimmed(text: str) -> str:
    """The same without space at its ends."""
    return clean(text).strip()
