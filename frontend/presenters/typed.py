"""What people type into forms: how we keep it, and where we say what is wrong with it."""

from dataclasses import dataclass, field


def clean(text: str) -> str:
    """Line ends as we keep them, and without NUL, which PostgreSQL does not take."""
    return text.replace("\r\n", "\n").replace("\x00", "")


def trimmed(text: str) -> str:
    """The same without space at its ends."""
    return clean(text).strip()


@dataclass(slots=True, kw_only=True)
class Form:
    """`problems` maps field names to sentences; "" is for the whole form. What was typed is kept as it was typed."""

    problems: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, sentence: str) -> None:
        self.problems.setdefault(name, []).append(sentence)

    @property
    def other_problems(self) -> list[str]:
        """What belongs to no field that is shown."""
        return self.problems.get("", [])
