"""One change of a template's row: locked, checked, with its version and its audit entry in the same transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from core.enums import agent_type
from core.errors import Conflict, Forbidden, Invalid
from core.merging import same_json
from templates_app import hooks
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.policies import slug_of, slug_problem, template_problems, typed
from templates_app.selectors import current_values, template_for, visible_templates
from templates_app.values import CONTENTS, TemplateValues
from workspaces.access import Access
from workspaces.services import record_audit
from workspaces.states import Role


def checked(values: TemplateValues) -> dict[str, Any]:
    """The fields of the row for these values. Raises: Invalid with every problem, by field."""
    facts = hooks.find_definition(values.definition) if values.definition else None
    values = typed(values, facts)
    problems = template_problems(values, facts)
    if problems:
        field, sentences = next(iter(problems.items()))
        raise Invalid(f"{field}: {sentences[0]}", code="invalid_template", details=problems)
    fields = {**values.snapshot(), "agent_type": str(agent_type(values.agent_type)), "name": values.name.strip()}
    del fields["definition"]
    return {**fields, "definition_id": facts.id if facts else None}


def snapshot_of(template: AgentTemplate) -> dict[str, Any]:
    """What the template says now, as a version keeps it."""
    return current_values(template).snapshot()


def locked(access: Access, template_id: str | UUID) -> AgentTemplate:
    """The template's row, locked until the transaction ends, for a caller who may change it.

    Raises: NotFound, Forbidden; a built-in template is changed by nobody.
    """
    found = template_for(access, template_id)
    if found.workspace_id is None:
        raise Forbidden(
            f"The template {found.slug} is built in and stays as it is. Copy it into your workspace "
            f"(POST /api/v1/templates/{found.slug}/copy) and change the copy.",
            code="built_in",
        )
    access.require(found.workspace_id, Role.OPERATOR)
    rows = AgentTemplate.objects.select_for_update(of=("self",), no_key=True).select_related("definition", "workspace")
    return rows.get(id=found.id)


def add_template(access: Access, workspace_id: UUID, values: TemplateValues, description: str) -> AgentTemplate:
    """A new row at version 1, in the caller's transaction. Raises: Invalid, Conflict when the id is taken."""
    fields = checked(values)
    slug = free_slug(access, workspace_id, values.slug, values.name)
    template = AgentTemplate(workspace_id=workspace_id, slug=slug, **fields)
    try:
        with transaction.atomic():
            template.save(force_insert=True)
    except IntegrityError as error:
        raise slug_taken(slug) from error
    template = AgentTemplate.objects.select_related("definition", "workspace").get(id=template.id)
    add_version(template, description, access.actor)
    audit(access, template, "template.created", before=None, after={"slug": slug, **snapshot_of(template)})
    return template


def free_slug(access: Access, workspace_id: UUID, wanted: str, name: str) -> str:
    """The id asked for, or one made from the name. Raises: Invalid, Conflict when it is taken here or by a built-in."""
    slug = wanted or slug_of(name)
    if problem := slug_problem(slug):
        raise Invalid(f"id: {problem}", code="invalid_template", details={"id": [problem]})
    if is_taken(access, workspace_id, slug):
        raise slug_taken(slug)
    return slug


def is_taken(access: Access, workspace_id: UUID, slug: str) -> bool:
    rows = visible_templates(access).filter(slug=slug)
    return any(row.workspace_id in (None, workspace_id) for row in rows)


def slug_taken(slug: str) -> Conflict:
    return Conflict(
        f"There is a template {slug!r} already, in this workspace or built in. Give another id.",
        code="id_taken",
        details={"id": [f"{slug!r} is taken."]},
    )


def change_to(access: Access, template: AgentTemplate, values: TemplateValues, description: str) -> AgentTemplate:
    """The locked row brought to these values as a new version; without effect when it says the same already.

    Raises: Invalid.
    """
    before = snapshot_of(template)
    fields = checked(values)
    for name, value in fields.items():
        setattr(template, name, value)
    after = snapshot_of(template)
    changed = [name for name in CONTENTS if not same_json(before[name], after[name])]
    if not changed:
        return template
    template.version += 1
    template.save(update_fields=[*fields, "version", "updated_at"])
    add_version(template, description, access.actor)
    audit(
        access,
        template,
        "template.updated",
        before={"version": template.version - 1, **{name: before[name] for name in changed}},
        after={"version": template.version, **{name: after[name] for name in changed}},
    )
    return template


def add_version(template: AgentTemplate, description: str, actor: str) -> AgentTemplateVersion:
    return AgentTemplateVersion.objects.create(
        template=template,
        version=template.version,
        snapshot=snapshot_of(template),
        change_description=description.strip(),
        created_by=actor,
    )


def audit(
    access: Access,
    template: AgentTemplate,
    action: str,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    if template.workspace_id is None:
        return
    record_audit(
        workspace=template.workspace_id,
        actor=access.actor,
        action=action,
        object_type="template",
        object_id=template.id,
        before=before,
        after=after,
        ip=access.ip,
    )
