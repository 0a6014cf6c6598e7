"""Pure decisions of tenancy."""

from typing import Any

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


LARGEST_LIMIT = 1_000_000
MOST_CAPABILITY_LIMITS = 200


def checked_limit(name: str, value: int | None) -> int | None:
    """None: no limit. Raises: Invalid for what is no whole number from 1 to LARGEST_LIMIT."""
    if value is not None and not _is_limit(value):
        raise _invalid(name, f"Give a whole number from 1 to {LARGEST_LIMIT:,}, or nothing for no limit.")
    return value


def checked_capability_limits(limits: Any) -> dict[str, int]:
    """Raises: Invalid for anything but an object of capabilities and whole numbers from 1 to LARGEST_LIMIT."""
    if not isinstance(limits, dict) or not all(_is_limit(limit) for limit in limits.values()):
        sentence = f'Give an object like {{"translate": 2}}, with whole numbers from 1 to {LARGEST_LIMIT:,}.'
        raise _invalid("capability_limits", sentence)
    if len(limits) > MOST_CAPABILITY_LIMITS:
        raise _invalid("capability_limits", f"Name at most {MOST_CAPABILITY_LIMITS} capabilities.")
    if not all(0 < len(word) <= LONGEST_NAME and "\x00" not in word for word in limits):
        raise _invalid("capability_limits", f"The name of a capability has 1 to {LONGEST_NAME} characters.")
    return limits


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_LIMIT


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid(f"{name}: {sentence}", details={name: [sentence]})
