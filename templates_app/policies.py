"""Decisions about templates: whether one holds together, what an agent of one would be configured with.

Pure: values in, values out. Problems are lists of sentences by field; inside a JSON value they start with its path.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from core.enums import TYPE_WORDS, agent_type
from core.json_bounds import json_problem
from core.json_schema import config_errors, object_schema_problem
from core.merging import merge_patch
from templates_app import prompts
from templates_app.hooks import DefinitionFacts
from templates_app.values import TemplateValues

MAX_CONFIGURATION_BYTES = 256 * 1024
MAX_NAME_LENGTH = 100
MAX_DESCRIPTION_LENGTH = 10_000
MAX_SLUG_LENGTH = 50
RESERVED_SLUGS = frozenset({"apply", "compare", "gallery", "import", "new", "validate"})
"""Words that stand in the place of a template's id in the addresses of API and pages."""

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

Problems = dict[str, list[str]]


def slug_of(name: str) -> str:
    """A slug for a name: `Senior reviewer!` as `senior-reviewer`; `template` when nothing of the name is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[: MAX_SLUG_LENGTH - 4].strip("-") or "template"
    return f"{slug}-1" if slug_problem(slug) else slug


def slug_problem(slug: str) -> str:
    """Why this cannot be a template's id; "" when it can."""
    if len(slug) > MAX_SLUG_LENGTH or not _SLUG.fullmatch(slug):
        return f"Give at most {MAX_SLUG_LENGTH} lower-case letters and digits with single - or _ between them."
    if slug in RESERVED_SLUGS:
        return f"{slug!r} has a meaning of its own in addresses. Give another id."
    return "An id may not look like a UUID. Give another." if uuid_of(slug) else ""


def uuid_of(text: str) -> UUID | None:
    """The UUID a text spells, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def typed(values: TemplateValues, definition: DefinitionFacts | None) -> TemplateValues:
    """The same values, with the definition's type where none is given."""
    return replace(values, agent_type=definition.agent_type) if definition and not values.agent_type else values


def template_problems(values: TemplateValues, definition: DefinitionFacts | None) -> Problems:
    """What is wrong with a template, by field; {} when nothing. `definition` is the one its slug names, if it does."""
    found: Problems = {
        "name": _name_problems(values.name),
        "description": _description_problems(values.description),
        "agent_type": _type_problems(values.agent_type),
        "definition": _definition_problems(values.definition, definition),
        "prompt_variables": prompts.variable_problems(values.prompt_variables),
    }
    if not found["prompt_variables"]:
        found["prompt_template"] = prompts.prompt_problems(values.prompt_template, values.prompt_variables)
    problem = object_schema_problem(values.configuration_schema)
    found["configuration_schema"] = [problem] if problem else []
    if not problem:
        found["default_configuration"] = configuration_problems(values, definition, values.default_configuration)
    return {name: sentences for name, sentences in found.items() if sentences}


def configuration_problems(
    values: TemplateValues, definition: DefinitionFacts | None, configuration: Mapping[str, Any]
) -> list[str]:
    """What a configuration breaks of the template's schema or of the definition's, each with its JSON path."""
    if problem := json_problem(configuration, max_bytes=MAX_CONFIGURATION_BYTES):
        return [problem]
    problems = config_errors(values.configuration_schema, configuration)
    if definition is not None:
        more = config_errors(definition.config_schema, configuration)
        problems += [each for each in more if each not in problems]
    return problems


def application_problems(
    values: TemplateValues,
    definition: DefinitionFacts | None,
    overrides: Mapping[str, Any],
    given: Mapping[str, Any] | None,
) -> Problems:
    """What is wrong with making an agent of a template with these overrides and values of the prompt's variables, by
    field; without `given` the variables are not looked at."""
    if problem := json_problem(overrides, max_bytes=MAX_CONFIGURATION_BYTES):
        return {"configuration": [problem]}
    found = {
        "configuration": configuration_problems(values, definition, configured(values, overrides)),
        "variables": [] if given is None else _variable_problems(values, given),
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def _variable_problems(values: TemplateValues, given: Mapping[str, Any]) -> list[str]:
    problems = prompts.value_problems(values.prompt_variables, given)
    return problems or prompts.length_problems(values.prompt_template, values.prompt_variables, given)


def configured(values: TemplateValues, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with the overrides laid over them (RFC 7396: null takes a key away)."""
    merged: dict[str, Any] = merge_patch(values.default_configuration, overrides)
    return merged


def _name_problems(name: str) -> list[str]:
    fits = name.strip() and len(name) <= MAX_NAME_LENGTH and not json_problem(name, max_bytes=1000)
    return [] if fits else [f"Give a name of 1 to {MAX_NAME_LENGTH} characters."]


def _description_problems(text: str) -> list[str]:
    fits = len(text) <= MAX_DESCRIPTION_LENGTH
    return [] if fits else [f"{len(text):,} characters, and {MAX_DESCRIPTION_LENGTH:,} are kept. Shorten it."]


def _type_problems(word: str) -> list[str]:
    return [] if agent_type(word) else [f"{word!r} is no type of agents. Give one of {', '.join(sorted(TYPE_WORDS))}."]


def _definition_problems(slug: str, definition: DefinitionFacts | None) -> list[str]:
    missing = bool(slug) and definition is None
    return [f"There is no agent definition {slug!r}. See GET /api/v1/definitions."] if missing else []
