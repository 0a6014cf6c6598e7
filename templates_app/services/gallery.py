"""The templates that come with the product: files beside the code, brought into rows after each migration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import IntegrityError, transaction

from core.merging import same_json
from templates_app import hooks
from templates_app.exchange import from_yaml
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.services.rows import snapshot_of
from templates_app.values import TemplateValues
from workspaces.access import SYSTEM

FOLDER = Path(__file__).resolve().parent.parent / "gallery"
CAME = "came with the product"
CAME_ANEW = "came with the update"


@dataclass(frozen=True, slots=True)
class GalleryReport:
    """What changed, as slugs."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


@cache
def gallery() -> tuple[TemplateValues, ...]:
    """The templates of the files, by slug. Read once: the files are part of the code."""
    files = sorted(FOLDER.glob("*.yaml"))
    return tuple(from_yaml(path.read_text(encoding="utf-8")) for path in files)


def sync_gallery(*, templates: Iterable[TemplateValues] | None = None) -> GalleryReport:
    """Bring the built-in rows in line with the files; without effect when they are.

    A changed file is a new version; the template of a file that is gone is disabled, not deleted, and enabled again
    when it is back. One whose definition is not registered is passed over. The files are checked by the tests.
    """
    wanted = {values.slug: values for values in (gallery() if templates is None else templates)}
    try:
        return _sync(wanted)
    except IntegrityError:  # another process was faster: now its rows are there
        return _sync(wanted)


@transaction.atomic
def _sync(wanted: Mapping[str, TemplateValues]) -> GalleryReport:
    rows = AgentTemplate.objects.filter(workspace__isnull=True).select_related("definition")
    present = {row.slug: row for row in rows.select_for_update(of=("self",), no_key=True)}
    find = cache(hooks.find_definition)
    created, updated = [], []
    for slug, values in wanted.items():
        facts = find(values.definition) if values.definition else None
        if values.definition and facts is None:
            continue
        if slug not in present:
            created.append(_new(values, facts))
        elif _bring_up_to_date(present[slug], values, facts):
            updated.append(slug)
    _insert(created)
    gone = [row for slug, row in present.items() if slug not in wanted and row.is_enabled]
    for row in gone:
        row.is_enabled = False
        row.save(update_fields=["is_enabled", "updated_at"])
    return GalleryReport(tuple(row.slug for row in created), tuple(updated), tuple(row.slug for row in gone))


def _new(values: TemplateValues, facts: hooks.DefinitionFacts | None) -> AgentTemplate:
    return AgentTemplate(slug=values.slug, **_fields(values, facts))


def _fields(values: TemplateValues, facts: hooks.DefinitionFacts | None) -> dict[str, object]:
    fields = {name: value for name, value in values.snapshot().items() if name != "definition"}
    return {**fields, "definition_id": facts.id if facts else None}


def _insert(created: list[AgentTemplate]) -> None:
    AgentTemplate.objects.bulk_create(created)
    AgentTemplateVersion.objects.bulk_create([_version(row, CAME) for row in created])


def _version(row: AgentTemplate, description: str) -> AgentTemplateVersion:
    return AgentTemplateVersion(
        template=row,
        version=row.version,
        snapshot=snapshot_of(row),
        change_description=description,
        created_by=SYSTEM,
    )


def _bring_up_to_date(row: AgentTemplate, values: TemplateValues, facts: hooks.DefinitionFacts | None) -> bool:
    """Whether there was anything to change."""
    before, after = snapshot_of(row), values.snapshot()
    changed = not same_json(before, after)
    if changed:
        for name, value in _fields(values, facts).items():
            setattr(row, name, value)
        row.version += 1
        _version(row, CAME_ANEW).save(force_insert=True)
    if changed or not row.is_enabled:
        row.is_enabled = True
        row.save()
    return changed
