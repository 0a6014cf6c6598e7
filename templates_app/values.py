"""What makes up a template, as values; the same fields in the API, in files and in the snapshots of versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """`definition` by its slug, "" for any of the type. `slug` "" means: made from the name."""

    name: str
    agent_type: str = ""
    slug: str = ""
    description: str = ""
    definition: str = ""
    configuration_schema: dict[str, Any] = field(default_factory=dict)
    default_configuration: dict[str, Any] = field(default_factory=dict)
    prompt_template: str = ""
    prompt_variables: list[dict[str, Any]] = field(default_factory=list)

    def snapshot(self) -> dict[str, Any]:
        """The contents as a version keeps them; without the slug, which never changes."""
        return {name: getattr(self, name) for name in CONTENTS}


CONTENTS = tuple(each.name for each in fields(TemplateValues) if each.name != "slug")
"""The fields that a version keeps."""

EMPTY = TemplateValues(name="").snapshot()
"""What a field is when nothing is said of it."""


def values_of(snapshot: Mapping[str, Any], slug: str = "") -> TemplateValues:
    """The values a snapshot holds; a field a snapshot of former days does not know is empty."""
    return TemplateValues(slug=slug, **{name: snapshot.get(name, EMPTY[name]) for name in CONTENTS})
