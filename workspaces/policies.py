"""Pure decisions of tenancy."""

from core.errors import Invalid

LONGEST_NAME = 100


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises: Invalid when nothing is left, or more than LONGEST_NAME characters."""
    stripped = name.strip()
    if not stripped or len(stripped) > LONGEST_NAME or "\x00" in stripped:
        sentence = f"Give a name of 1 to {LONGEST_NAME} characters."
        raise Invalid(f"name: {sentence}", details={"name": [sentence]})
    return stripped
