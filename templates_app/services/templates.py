"""Making, changing, copying and removing templates."""

from collections.abc import Mapping
from dataclasses import replace as changed_to
from typing import Any
from uuid import UUID

from django.db import transaction

from core.errors import Conflict, Invalid, NotFound
from core.versions import require_version
from templates_app.models import AgentTemplate
from templates_app.policies import MAX_SLUG_LENGTH
from templates_app.selectors import template_for, version_at
from templates_app.services.rows import add_template, audit, change_to, is_taken, locked, snapshot_of
from templates_app.values import CONTENTS, EMPTY, TemplateValues, values_of
from workspaces.access import Access
from workspaces.selectors import first_workspace
from workspaces.states import Role


@transaction.atomic
def create_template(
    *, access: Access, workspace_id: UUID | None = None, values: TemplateValues, change_description: str = ""
) -> AgentTemplate:
    """A new template at version 1, in the workspace given or the first in which the caller may make one.

    Raises: NotFound, Forbidden below OPERATOR, Invalid with the problems by field, Conflict when the id is taken.
    """
    workspace_id = own_workspace(access, workspace_id)
    return add_template(access, workspace_id, values, change_description or "created")


def own_workspace(access: Access, workspace_id: UUID | None) -> UUID:
    """Where a new template goes. Raises: NotFound, Forbidden."""
    chosen = workspace_id or first_workspace(access, Role.OPERATOR)
    access.require(chosen, Role.OPERATOR)
    return chosen


@transaction.atomic
def update_template(
    *,
    access: Access,
    template_id: str | UUID,
    changes: Mapping[str, Any],
    change_description: str = "",
    expected_version: int | None = None,
    replace: bool = False,
) -> AgentTemplate:
    """Change some of the contents; what the template says then is a new version, unless it says the same.

    With `replace`, contents left out are empty again. Raises: NotFound, Forbidden (a built-in one among them),
    PreconditionFailed when it is no longer at `expected_version`, Invalid with the problems by field.
    """
    template = locked(access, template_id)
    require_version(template.version, expected_version, "the template")
    changes = {name: value for name, value in changes.items() if (name, value) != ("slug", template.slug)}
    unknown = sorted(set(changes) - set(CONTENTS))
    if unknown:
        raise Invalid(
            f"A template has no {unknown[0]!r} that can be changed. Give some of {', '.join(CONTENTS)}.",
            details={name: ["This cannot be changed."] for name in unknown},
        )
    present = {**EMPTY, "agent_type": template.agent_type} if replace else snapshot_of(template)
    values = values_of({**present, **changes}, template.slug)
    return change_to(access, template, values, change_description)


@transaction.atomic
def restore_version(
    *,
    access: Access,
    template_id: str | UUID,
    version: int,
    change_description: str = "",
    expected_version: int | None = None,
) -> AgentTemplate:
    """Say again what the template said at a version, as a new version; without effect when it says so now.

    Raises: NotFound, Forbidden, PreconditionFailed, Invalid when the contents of then are no longer possible.
    """
    template = locked(access, template_id)
    require_version(template.version, expected_version, "the template")
    then = version_at(template, version)
    description = change_description or f"restored from version {version}"
    return change_to(access, template, values_of(then.snapshot, template.slug), description)


@transaction.atomic
def set_enabled(*, access: Access, template_id: str | UUID, enabled: bool) -> AgentTemplate:
    """Allow or forbid that agents are made of a template; the agents it has are not touched. No new version.

    Raises: NotFound, Forbidden.
    """
    template = locked(access, template_id)
    if template.is_enabled != enabled:
        template.is_enabled = enabled
        template.save(update_fields=["is_enabled", "updated_at"])
        action = "template.enabled" if enabled else "template.disabled"
        audit(access, template, action, before={"is_enabled": not enabled}, after={"is_enabled": enabled})
    return template


@transaction.atomic
def delete_template(*, access: Access, template_id: str | UUID) -> None:
    """Remove a template that no agent was ever made of, with its versions.

    Raises: NotFound, Forbidden, Conflict when an agent came from it, be it terminated.
    """
    template = locked(access, template_id)
    count = template.agents.count()  # the row is locked: no agent is made of it meanwhile
    if count:
        agents = "An agent was" if count == 1 else f"{count} agents were"
        raise Conflict(
            f"{agents} made of the template {template.slug}, so it stays with the history. Disable it instead: "
            "then no new agent is made of it.",
            code="template_in_use",
            details={"agents": count},
        )
    before = {"slug": template.slug, "version": template.version, **snapshot_of(template)}
    audit(access, template, "template.deleted", before=before, after=None)
    template.delete()


def lock_for_use(template: AgentTemplate) -> AgentTemplate:
    """The same template as it is now, kept from being changed or removed until the caller's transaction ends, so that
    what is made of it holds. Built-in ones are not locked: nobody removes them. Raises: NotFound when it is gone."""
    if template.workspace_id is None:
        return template
    rows = AgentTemplate.objects.select_for_update(of=("self",), no_key=True).select_related("definition", "workspace")
    found = rows.filter(id=template.id).first()
    if found is None:
        raise NotFound(f"There is no template {template.slug!r} any more.")
    return found


@transaction.atomic
def copy_template(
    *,
    access: Access,
    template_id: str | UUID,
    workspace_id: UUID | None = None,
    name: str = "",
    slug: str = "",
    version: int | None = None,
) -> AgentTemplate:
    """A template of one's own that says what another says: a built-in one, or one of any workspace of the caller's.

    Without a slug a free one is made: `reviewer-2`. Raises: NotFound, Forbidden, Invalid, Conflict for a taken slug.
    """
    source = template_for(access, template_id)
    target = own_workspace(access, workspace_id)
    values = values_of(version_at(source, version).snapshot)
    free = slug or _next_slug(access, target, source.slug)
    values = changed_to(values, slug=free, name=name or values.name)
    return add_template(access, target, values, f"copied from {source.slug}, version {version or source.version}")


def _next_slug(access: Access, workspace_id: UUID, slug: str) -> str:
    stem = slug[: MAX_SLUG_LENGTH - 5]
    if not is_taken(access, workspace_id, slug):
        return slug
    number = 2
    while is_taken(access, workspace_id, f"{stem}-{number}"):
        number += 1
    return f"{stem}-{number}"
