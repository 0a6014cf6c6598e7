"""Pure decisions of tenancy."""

from core.errors import Invalid

LONGEST_NAME = 100
LONGEST_RETENTION_DAYS = 36_500


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises: Invalid when nothing is left, or more than LONGEST_NAME characters."""
    stripped = name.strip()
    if not stripped or len(stripped) > LONGEST_NAME or "\x00" in stripped:
        sentence = f"Give a name of 1 to {LONGEST_NAME} characters."
        raise Invalid(f"name: {sentence}", details={"name": [sentence]})
    return stripped


def checked_retention(days: int | None) -> int | None:
    """None: for ever. Raises: Invalid for less than a day or more than LONGEST_RETENTION_DAYS."""
    if days is not None and not 1 <= days <= LONGEST_RETENTION_DAYS:
        sentence = f"Give a whole number of days from 1 to {LONGEST_RETENTION_DAYS:,}, or nothing to keep all for ever."
        raise Invalid(f"retention_days: {sentence}", details={"retention_days": [sentence]})
    return days
