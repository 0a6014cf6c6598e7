"""Reads between agents and the templates they came from."""

from agents.models import AgentDefinition
from templates_app.hooks import DefinitionFacts


def definition_facts(slug: str) -> DefinitionFacts | None:
    """What templates are told of a definition, enabled or not; None when there is none."""
    row = AgentDefinition.objects.filter(slug=slug).first()
    if row is None:
        return None
    return DefinitionFacts(row.id, row.slug, row.agent_type, row.config_schema, row.is_enabled)
