"""What a new agent can be made of, as the form shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.models import AgentDefinition


@dataclass(frozen=True, slots=True)
class Origin:
    """A definition, by the key its option has in the form."""

    key: str
    slug: str
    name: str
    description: str
    definition: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Sequence[str] = ()


def definition_origins(rows: Sequence[AgentDefinition]) -> list[Origin]:
    return [
        Origin(
            key=f"definition:{row.slug}",
            slug=row.slug,
            name=row.name,
            description=row.description,
            definition=row.slug,
            schema=row.config_schema,
            capabilities=row.capabilities,
        )
        for row in rows
    ]
