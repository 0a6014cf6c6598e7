"""JSON in a form of the admin: an editor that checks while one types, a plain textarea without scripts."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from core.canonical import indented_json
from core.json_schema import split_problem

SCRIPTS = ("vendor/ace/ace.js", "vendor/ace/mode-json.js")
SHEETS = ("vendor/ace/ace.css", "frontend/json-editor.css")


class JsonEditor(UnfoldAdminTextareaWidget):  # type: ignore[misc]
    """`check` is the address that is asked, while one types, what is wrong with the form (see json-editor.js)."""

    class Media:
        css = {"all": SHEETS}
        js = (
            *(forms.Script(path, defer=True) for path in SCRIPTS),
            forms.Script("frontend/json-editor.js", type="module"),
        )

    def __init__(self, check: str = "", attrs: dict[str, Any] | None = None) -> None:
        told = {"data-check": check} if check else {}
        super().__init__({"data-json": "", "rows": 12, "spellcheck": "false", **told, **(attrs or {})})


def as_problems(sentences: Iterable[str]) -> list[dict[str, str]]:
    """Sentences that start with a JSON path, as the editor wants them."""
    return [dict(zip(("path", "message"), split_problem(sentence), strict=True)) for sentence in sentences]


class JsonText(forms.CharField):
    """A JSON value as indented text: what cannot be read is kept as it was typed and said with its line."""

    widget = JsonEditor

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, **kwargs)
        self.empty = {} if empty is None else empty

    def prepare_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else indented_json(value)

    def to_python(self, value: Any) -> Any:
        if not str(value or "").strip():
            return self.empty
        try:
            return read_json(value)
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True


PLAIN_WORDS = {
    "Extra data": "there is something after the end of the value",
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Unterminated string starting at": "this text has no end",
    "Illegal trailing comma before end of object": "the comma before the end is one too many",
    "Illegal trailing comma before end of array": "the comma before the end is one too many",
}
"""What Python's reader of JSON says, for people who do not know it."""


def read_json(text: str) -> Any:
    """Raises: ValueError whose sentence names the line; also for NaN and the infinities, which JSON does not know."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("This is nested too deeply.") from error
    except json.JSONDecodeError as error:
        words = PLAIN_WORDS.get(error.msg, error.msg)
        raise ValueError(f"This is not JSON: line {error.lineno}, column {error.colno}: {words}.") from error


def _refuse(word: str) -> None:
    raise ValueError(f"This is not JSON: {word} is no number there; give one, or null.")
