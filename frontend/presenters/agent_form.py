"""The forms of an agent: what was filled in, what is wrong with it, field by field. Nothing typed is lost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.models import Agent
from core.canonical import indented_json
from core.errors import Invalid, OrchestratorError
from core.merging import patch_between
from frontend.presenters.schemas import Field, fields_of, read_fields
from frontend.presenters.typed import Form, trimmed

LONGEST = {"name": 100, "description": 10_000, "prompt_template": 100_000, "endpoint": 500}
MOST_CAPABILITIES = 100
LONGEST_CAPABILITY = 100
LARGEST_NUMBER = 1000
_NUMBERS = ("max_concurrent_tasks", "weight")
_TEXTS = (*LONGEST, *_NUMBERS, "capabilities")
_SAID_OF = {"type": "definition", **{name: name for name in (*_TEXTS, "configuration", "variables", "definition")}}
_LISTS = ("definitions", "types")  # what there is, not what is wrong
WHOLE = ""
"""Name of the one field that is a whole configuration."""


@dataclass(slots=True)
class AgentForm(Form):
    """The facts of an agent as texts; capabilities one a line."""

    name: str = ""
    description: str = ""
    prompt_template: str = ""
    capabilities: str = ""
    max_concurrent_tasks: str = "4"
    weight: str = "1"
    endpoint: str = ""

    def add_error(self, error: OrchestratorError) -> None:
        """Sorts the sentences of an error to the fields they are about; those of `type` to `definition`."""
        for path, sentences in error.by_field.items():
            if path in _SAID_OF or (isinstance(error, Invalid) and path not in _LISTS):
                for sentence in sentences:
                    self.add(_SAID_OF.get(path, ""), sentence)
        if not self.problems:
            self.add("", error.message)

    def values(self) -> dict[str, Any]:
        """What was typed, as the services want it; what cannot be read becomes a problem and is left out."""
        for name, longest in LONGEST.items():
            if len(getattr(self, name)) > longest:
                self.add(name, f"Give at most {longest} characters.")
        found: dict[str, Any] = {name: getattr(self, name) for name in LONGEST}
        found["capabilities"] = self._words()
        for name in _NUMBERS:
            text = getattr(self, name).strip()
            if text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= LARGEST_NUMBER:
                found[name] = int(text)
            else:
                self.add(name, f"Give a whole number from 1 to {LARGEST_NUMBER}.")
        return {name: value for name, value in found.items() if name not in self.problems}

    def _words(self) -> list[str]:
        words = [word.strip() for word in re.split(r"[\n,]", self.capabilities) if word.strip()]
        if len(words) > MOST_CAPABILITIES or any(len(word) > LONGEST_CAPABILITY for word in words):
            self.add("capabilities", f"Give at most {MOST_CAPABILITIES} words of {LONGEST_CAPABILITY} characters each.")
        return list(dict.fromkeys(words))


def read_form(posted: Mapping[str, str]) -> AgentForm:
    form = AgentForm()
    for name in _TEXTS:
        setattr(form, name, trimmed(posted.get(name, getattr(form, name))))
    return form


def form_of(agent: Agent) -> AgentForm:
    return AgentForm(
        name=agent.name,
        description=agent.description,
        prompt_template=agent.prompt_template,
        capabilities="\n".join(agent.capabilities),
        max_concurrent_tasks=str(agent.max_concurrent_tasks),
        weight=str(agent.weight),
        endpoint=agent.endpoint,
    )


def configuration_fields(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Field]:
    """The inputs of a configuration: by its schema, or one for the whole as JSON where the schema names no property."""
    whole = Field(
        name=WHOLE,
        input="configuration",
        label="Configuration",
        kind="json",
        value=indented_json(values) if values else "",
        help="A JSON object; the definition does not say what may be in it.",
        path="$",
    )
    return fields_of(schema, values, prefix="config-", nested=True) or [whole]


def read_configuration(
    fields: Sequence[Field], posted: Mapping[str, str], present: Mapping[str, Any]
) -> tuple[list[Field], dict[str, Any]]:
    """The fields with what was posted and what is wrong with it, and what that changes of the `present` configuration,
    as a merge patch (RFC 7396)."""
    read, changed = read_fields(fields, posted, clearing=True)
    if any(field.name != WHOLE for field in fields):
        return read, changed
    if WHOLE not in changed:
        return read, {}
    value = changed[WHOLE] if changed[WHOLE] is not None else {}
    if not isinstance(value, dict):
        return [replace(field, error='Give a JSON object, like {"depth": 3}.') for field in read], {}
    return read, patch_between(present, value)
