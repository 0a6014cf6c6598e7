"""A form that writes JSON over a version that was read: what was typed, and what somebody else wrote meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.canonical import indented_json
from core.errors import OrchestratorError, PreconditionFailed
from core.json_editor import read_json
from frontend.presenters.differences import Differences, differences_of
from frontend.presenters.typed import trimmed

LONGEST_NUMBER = 18  # digits


@dataclass(slots=True)
class JsonForm:
    """`version` is the one the text was written over. After a conflict it is the present one, and `conflict` says in
    what the present value differs from what was typed."""

    text: str
    version: int
    description: str = ""
    problem: str = ""
    conflict: Differences | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        return 409 if self.conflict else 400 if self.problem else 200

    def value(self) -> Any:
        """What was typed; None when it cannot be read, which `problem` then says."""
        try:
            value = read_json(self.text or "{}")
        except ValueError as error:
            self.problem = str(error)
            return None
        if not isinstance(value, dict):
            self.problem = 'Give a JSON object, like {"step": 3}.'
            return None
        return value

    def refuse(self, error: OrchestratorError, present: Any, version: int) -> None:
        """Say what is wrong; `present` is the value as it is now, at `version`."""
        if isinstance(error, PreconditionFailed):
            self.conflict = differences_of(present, self.value())
            self.version = version
        else:
            self.problem = error.message


def json_form_of(value: Any, version: int) -> JsonForm:
    return JsonForm(indented_json(value), version)


def read_json_form(posted: Mapping[str, str]) -> JsonForm:
    """What was posted; without a readable version it is 0, which is older than what can have been read."""
    return JsonForm(
        posted.get("data", "").replace("\r\n", "\n"),
        whole_number(posted.get("version", "")),
        trimmed(posted.get("change_description", "")),
    )


def whole_number(text: str) -> int:
    """The number of a version; 0, which none has, for what is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else 0
