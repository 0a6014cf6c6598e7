"""The forms of templates and what their pages show: nothing typed is lost, every problem stands at its field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from core.canonical import indented_json
from core.errors import OrchestratorError
from core.json_editor import read_json
from frontend.presenters.typed import Form, clean
from templates_app.models import AgentTemplate
from templates_app.selectors import current_values
from templates_app.values import TemplateValues

_VARIABLE = re.compile(r"(\{\{\s*(\w+)\s*\}\})")
_JSON: Mapping[str, Any] = {"configuration_schema": {}, "default_configuration": {}, "prompt_variables": []}
_SHAPES: Mapping[type, str] = {dict: "Give a JSON object, such as {}.", list: "Give a JSON list, such as []."}
_TEXTS = ("name", "description", "definition", "agent_type", "prompt_template")


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A piece of a prompt; `known` says of a variable whether it is declared."""

    text: str
    variable: bool = False
    known: bool = True


def prompt_parts(prompt: str, variables: Sequence[Mapping[str, Any]]) -> list[PromptPart]:
    declared = {variable.get("name") for variable in variables}
    parts: list[PromptPart] = []
    end = 0
    for found in _VARIABLE.finditer(prompt):
        parts.append(PromptPart(prompt[end : found.start()]))
        parts.append(PromptPart(found[1], variable=True, known=found[2] in declared))
        end = found.end()
    return [part for part in [*parts, PromptPart(prompt[end:])] if part.text]


@dataclass(slots=True)
class TemplateForm(Form):
    """A template being written, JSON as the text that was typed. `version` is the one the writer saw, None for a new
    template."""

    slug: str = ""
    name: str = ""
    description: str = ""
    definition: str = ""
    agent_type: str = ""
    configuration_schema: str = '{\n  "type": "object",\n  "properties": {}\n}'
    default_configuration: str = "{}"
    prompt_template: str = ""
    prompt_variables: str = "[]"
    change_description: str = ""
    version: int | None = None

    def values(self) -> dict[str, Any]:
        """What was typed; what is no JSON becomes a problem of its field."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        for name, empty in _JSON.items():
            text = getattr(self, name)
            try:
                found[name] = read_json(text) if text.strip() else empty
            except ValueError as error:
                self.add(name, str(error))
            else:
                if not isinstance(found[name], type(empty)):
                    self.add(name, _SHAPES[type(empty)])
        return found

    def add_error(self, error: OrchestratorError) -> None:
        """Sorts the sentences of an error to the fields."""
        for path, sentences in error.by_field.items():
            head = "slug" if path == "id" else path
            known = head if head in (*_TEXTS, *_JSON, "slug", "change_description") else ""
            self.problems.setdefault(known, []).extend(sentences)
        if not self.problems:
            self.add("", error.message)


def read_template_form(posted: QueryDict) -> TemplateForm:
    names = ("slug", *_TEXTS, *_JSON, "change_description")
    typed: dict[str, Any] = {name: clean(str(posted[name])) for name in names if name in posted}
    version = posted.get("version", "")
    known = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else None
    return TemplateForm(**typed, version=known)


def form_of_template(template: AgentTemplate) -> TemplateForm:
    now = current_values(template).snapshot()
    texts: dict[str, Any] = {name: now[name] for name in _TEXTS}
    texts |= {name: indented_json(now[name]) for name in _JSON}
    return TemplateForm(version=template.version, **texts)


def values_of_form(form: TemplateForm) -> TemplateValues:
    """What was typed as a template; what could not be read is empty, and a problem of the form."""
    values = form.values()
    readable = {name: value for name, value in values.items() if name not in form.problems}
    return TemplateValues(slug=form.slug.strip(), **{"name": "", **readable})


def sentences_of(error: OrchestratorError) -> list[str]:
    """Everything an error says, field by field; its headline when that is all."""
    said = [f"{name}: {sentence}" for name, sentences in error.by_field.items() for sentence in sentences]
    return said or [error.message]
