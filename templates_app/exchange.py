"""A template as a file: YAML that a person can read and edit, or the same keys as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Invalid, PayloadTooLarge
from core.json_bounds import json_problem
from templates_app.values import CONTENTS, TemplateValues
from templates_app.yaml_format import parsed, written

FORMAT = 1
MAX_FILE_BYTES = 512 * 1024
_ORDER = (
    "name",
    "description",
    "agent_type",
    "definition",
    "prompt_template",
    "prompt_variables",
    "default_configuration",
    "configuration_schema",
)
_KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("id", "name", "description", "agent_type", "definition", "prompt_template"), (str, "a text")),
    **dict.fromkeys(("configuration_schema", "default_configuration"), (dict, "an object")),
    "prompt_variables": (list, "a list"),
    "format": (int, "a number"),
}


def to_yaml(slug: str, snapshot: Mapping[str, Any]) -> str:
    """A template as a file; `from_yaml` reads it back the same."""
    return written({"format": FORMAT, "id": slug, **{name: snapshot.get(name) for name in _ORDER}})


def from_yaml(text: str) -> TemplateValues:
    """The template a file holds. Raises: PayloadTooLarge; Invalid, with the line, for what is no file of a template."""
    if len(text.encode(errors="replace")) > MAX_FILE_BYTES:
        raise PayloadTooLarge(f"The file is larger than {MAX_FILE_BYTES:,} bytes. A template is smaller than that.")
    document, lines = parsed(text)
    return values_of_document(document, lines)


def values_of_document(document: Mapping[str, Any], lines: Mapping[str, int] | None = None) -> TemplateValues:
    """The same from a JSON object with a file's keys; `lines` are where the keys stand, for the errors.

    Raises: Invalid, by field.
    """
    problems = dict(_document_problems(document))
    if problems:
        field, sentence = next(iter(problems.items()))
        where = f"line {lines[field]}: " if lines and field in lines else ""
        raise Invalid(
            f"{where}{field}: {sentence}",
            code="invalid_template",
            details={name: [sentence] for name, sentence in problems.items()},
        )
    known = {name: document[name] for name in CONTENTS if document.get(name) is not None}
    return TemplateValues(slug=document.get("id") or "", **{"name": "", **known})


def _document_problems(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if name not in _KINDS:
            yield str(name), f"Unknown key. A template has {', '.join(('format', 'id', *_ORDER))}."
            continue
        kind, word = _KINDS[name]
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            yield name, f"Give {word}."
        elif problem := json_problem(value, max_bytes=MAX_FILE_BYTES):
            yield name, problem
    if not document.get("name"):
        yield "name", "Give a name."
    if document.get("format", FORMAT) != FORMAT:
        yield "format", f"This server reads format {FORMAT}."
