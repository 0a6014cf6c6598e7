"""Reads of templates: who may see which, their versions and what these differ in."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from core.differences import Change, changes_between
from core.errors import NotFound
from templates_app import hooks
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.policies import Problems, application_problems, template_problems, typed, uuid_of
from templates_app.values import TemplateValues, values_of
from workspaces.access import Access

ORDERINGS = ("name", "slug", "agent_type", "created_at", "updated_at", "version")


def visible_templates(access: Access) -> QuerySet[AgentTemplate]:
    """The templates of the caller's workspaces and the built-in ones."""
    own = Q(workspace_id__in=access.workspace_ids) | Q(workspace__isnull=True)
    return AgentTemplate.objects.filter(own).select_related("definition", "workspace")


def template_for(access: Access, template_id: str | UUID, *, workspace_id: UUID | None = None) -> AgentTemplate:
    """The template with this id: a slug, looked for in the workspace given or in the caller's own in the order they
    joined, then among the built-in ones; or its UUID. Raises: NotFound."""
    key = template_id if isinstance(template_id, UUID) else uuid_of(template_id)
    found = visible_templates(access)
    if workspace_id is not None:
        access.require(workspace_id)
        found = found.filter(Q(workspace_id=workspace_id) | Q(workspace__isnull=True))
    rows = list(found.filter(id=key) if key else found.filter(slug=template_id))
    if not rows:
        raise NotFound(f"There is no template {str(template_id)[:60]!r}. GET /api/v1/templates lists them.")
    order = {workspace: place for place, workspace in enumerate(access.workspace_ids)}
    return min(rows, key=lambda row: order.get(row.workspace_id, len(order)) if row.workspace_id else len(order))


@dataclass(frozen=True, slots=True)
class TemplateQuery:
    """Which templates a list shows; empty fields do not narrow it."""

    workspace: UUID | None = None
    agent_type: str = ""
    definition: str = ""
    search: str = ""
    is_enabled: bool | None = None
    built_in: bool | None = None
    ordering: str = "name"


def listed_templates(access: Access, query: TemplateQuery) -> QuerySet[AgentTemplate]:
    """The templates a query asks for, ordered. A workspace's list has the built-in ones unless `built_in` is False."""
    found = visible_templates(access)
    if query.workspace is not None:
        access.require(query.workspace)
        found = found.filter(Q(workspace_id=query.workspace) | Q(workspace__isnull=True))
    exact = {"agent_type": query.agent_type, "definition__slug": query.definition}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    flags = {"is_enabled": query.is_enabled, "workspace__isnull": query.built_in}
    found = found.filter(**{name: value for name, value in flags.items() if value is not None})
    if query.search:
        text = query.search
        found = found.filter(Q(name__icontains=text) | Q(slug__icontains=text) | Q(description__icontains=text))
    return found.order_by(query.ordering, "slug", "id")


def versions_of(template: AgentTemplate) -> QuerySet[AgentTemplateVersion]:
    """Every version a template has had, newest first."""
    return AgentTemplateVersion.objects.filter(template=template).order_by("-version")


def version_at(template: AgentTemplate, version: int | None = None) -> AgentTemplateVersion:
    """What the template said at a version, or says now. Raises: NotFound."""
    number = template.version if version is None else version
    row = AgentTemplateVersion.objects.filter(template=template, version=number).first()
    if row is None:
        raise NotFound(f"The template {template.slug} has the versions 1 to {template.version}, and no {number}.")
    return row


def differences(template: AgentTemplate, before: int, after: int) -> list[Change]:
    """What changed from one version to another, place by place. Raises: NotFound."""
    return changes_between(version_at(template, before).snapshot, version_at(template, after).snapshot)


def current_values(template: AgentTemplate) -> TemplateValues:
    """What a template says now."""
    definition = template.definition.slug if template.definition else ""
    own = {name: getattr(template, name) for name in TemplateValues.__slots__ if name != "definition"}
    return TemplateValues(definition=definition, **own)


def problems_of_draft(values: TemplateValues, configuration: dict[str, object] | None = None) -> Problems:
    """What would keep these values from becoming a template, by field; and with a configuration, what would keep an
    agent from being made with it."""
    facts = hooks.find_definition(values.definition) if values.definition else None
    values = typed(values, facts)
    problems = template_problems(values, facts)
    if configuration is None or "configuration_schema" in problems:
        return problems
    return {**application_problems(values, facts, configuration, None), **problems}


def problems_of_application(
    template: AgentTemplate,
    *,
    configuration: dict[str, object],
    variables: dict[str, object],
    version: int | None = None,
) -> Problems:
    """What would keep a template from being applied with these overrides and variables, by field."""
    values = values_of(version_at(template, version).snapshot, template.slug)
    facts = hooks.find_definition(values.definition) if values.definition else None
    return application_problems(values, facts, configuration, variables)
