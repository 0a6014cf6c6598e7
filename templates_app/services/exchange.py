"""Templates as files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction

from core.errors import Invalid
from templates_app.exchange import from_yaml, to_yaml, values_of_document
from templates_app.models import AgentTemplate
from templates_app.selectors import template_for, version_at
from templates_app.services.rows import add_template, change_to, locked
from templates_app.services.templates import own_workspace
from workspaces.access import Access


def export_template(*, access: Access, template_id: str | UUID, version: int | None = None) -> str:
    """A template as YAML, at its newest version or another. Raises: NotFound."""
    template = template_for(access, template_id)
    return to_yaml(template.slug, version_at(template, version).snapshot)


@transaction.atomic
def import_template(
    *,
    access: Access,
    source: str | Mapping[str, Any],
    workspace_id: UUID | None = None,
    slug: str = "",
    update: bool = False,
    change_description: str = "",
) -> AgentTemplate:
    """The template a file (YAML) or its keys describe, as a new one; `slug` stands in for the file's id.

    With `update`, a template of the workspace with this id gets the contents as a new version.
    Raises: NotFound, Forbidden, PayloadTooLarge, Invalid with lines or fields, Conflict when the id is taken.
    """
    target = own_workspace(access, workspace_id)
    if not isinstance(source, str | Mapping):
        raise Invalid("Send a template's file: keys and values, such as name and agent_type.", code="unreadable_file")
    values = from_yaml(source) if isinstance(source, str) else values_of_document(source)
    values = replace(values, slug=slug or values.slug)
    present = AgentTemplate.objects.filter(workspace_id=target, slug=values.slug).first() if update else None
    if present is None:
        return add_template(access, target, values, change_description or "imported")
    return change_to(access, locked(access, present.id), values, change_description or "imported")
