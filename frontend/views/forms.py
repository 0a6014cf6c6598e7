"""Reading form values."""

from uuid import UUID


def optional_uuid(text: str | None) -> UUID | None:
    """None for anything that is no id: a filter that means nothing filters nothing."""
    try:
        return UUID((text or "").strip())
    except ValueError:
        return None
