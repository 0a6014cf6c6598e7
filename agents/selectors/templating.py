"""Reads between agents and the templates they came from."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count

from agents.models import Agent, AgentDefinition, AgentQuerySet
from agents.selectors.agents import visible_agents
from templates_app.hooks import DefinitionFacts
from templates_app.models import AgentTemplate
from workspaces.access import Access


def definition_facts(slug: str) -> DefinitionFacts | None:
    """What templates are told of a definition, enabled or not; None when there is none."""
    row = AgentDefinition.objects.filter(slug=slug).first()
    return facts_of(row) if row else None


def facts_of(row: AgentDefinition) -> DefinitionFacts:
    """The same of a row."""
    return DefinitionFacts(row.id, row.slug, row.agent_type, row.config_schema, row.is_enabled)


def agents_of_template(access: Access, template: AgentTemplate, *, behind: bool = False) -> AgentQuerySet:
    """The caller's agents made of a template that are not terminated, by name; with `behind`, those it has moved on
    from."""
    found = visible_agents(access).not_terminated().filter(template=template)
    return (found.behind() if behind else found).order_by("name", "id")


def agent_counts(access: Access, template_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many of the caller's agents that are not terminated were made of each template; one query for all."""
    found = Agent.objects.filter(workspace_id__in=access.workspace_ids, template_id__in=list(template_ids))
    counted = found.not_terminated().order_by().values_list("template_id").annotate(count=Count("id"))
    return dict(counted)
