"""What templates are told from above: which agent definitions there are, which the agents app knows.

`AppConfig.ready()` of the agents app sets the name; until then there are none.
Callers say `hooks.find_definition(...)`, never `from templates_app.hooks import find_definition`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class DefinitionFacts:
    """What a template needs to know of the definition its agents are made of."""

    id: UUID
    slug: str
    agent_type: str
    config_schema: Mapping[str, Any]
    is_enabled: bool


def _none_known(slug: str) -> DefinitionFacts | None:
    return None


find_definition: Callable[[str], DefinitionFacts | None] = _none_known
"""The definition of this slug; None when there is none."""
