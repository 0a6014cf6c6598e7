"""Words in addresses."""

from agents.policies import OPERATOR_VERBS
from sessions.states import PEOPLES_COMMANDS, CommandKind


class CommandConverter:
    """A command for a session."""

    regex = "|".join(PEOPLES_COMMANDS)

    def to_python(self, value: str) -> CommandKind:
        return CommandKind(value)

    def to_url(self, value: str) -> str:
        return str(value)


class VerbConverter:
    """A lifecycle verb for an agent."""

    regex = "|".join(OPERATOR_VERBS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class NumberConverter:
    """The number of a version or a checkpoint: as many digits as the databases take."""

    regex = "[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)
