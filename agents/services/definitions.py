"""The registry of agent classes, written into rows."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from agents.models import AgentDefinition
from agents.registry import AgentRegistry, get_registry
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict, NotFound
from core.redaction import without_passwords

logger = logging.getLogger(__name__)

BY_REGISTRY = "registry"
"""Value of a definition's `metadata["disabled_by"]` while its class is gone, so that only those are enabled again."""

BY_OPERATOR = "operator"

SYNCED = ["name", "agent_type", "description", "capabilities", "config_schema", "placement", "source_module"]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What changed, as slugs, and which modules could not be loaded and why."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    disabled: tuple[str, ...]
    failures: Mapping[str, str]


def sync_definitions(*, registry: AgentRegistry | None = None) -> SyncReport:
    """Bring the rows in line with the classes this process knows; safe to run in several processes at once.

    A class that is gone is disabled, not deleted, and enabled again when it is back; what an operator disabled stays
    so. `disabled_because` in the row's metadata says why: for example that its module could not be loaded.
    """
    registry = registry or get_registry()
    with transaction.atomic():
        present = {row.slug: row for row in AgentDefinition.objects.all()}
        created, updated = _upsert(registry, present)
        gone = [row for slug, row in present.items() if slug not in registry.entries]
        disabled = _disable([row for row in gone if row.is_enabled or _by_registry(row)], registry.failures)
    return SyncReport(tuple(created), tuple(updated), tuple(disabled), dict(registry.failures))


def _upsert(registry: AgentRegistry, present: Mapping[str, AgentDefinition]) -> tuple[list[str], list[str]]:
    rows = [_row(entry.to_dict(), present.get(slug)) for slug, entry in sorted(registry.entries.items())]
    changed = [row for row in rows if row is not None]
    now = SYSTEM_CLOCK.now()
    for row in changed:
        row.updated_at = now
    AgentDefinition.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=[*SYNCED, "is_enabled", "metadata", "updated_at"],
    )
    slugs = [row.slug for row in changed]
    return [slug for slug in slugs if slug not in present], [slug for slug in slugs if slug in present]


def _row(values: Mapping[str, Any], present: AgentDefinition | None) -> AgentDefinition | None:
    """The row to write, or None when the present one says the same."""
    if present is None:
        return AgentDefinition(**values)
    came_back = _by_registry(present)
    if not came_back and all(getattr(present, name) == values[name] for name in SYNCED):
        return None
    metadata = _without_reason(present.metadata) if came_back else present.metadata
    return AgentDefinition(**values, is_enabled=present.is_enabled or came_back, metadata=metadata)


def _disable(gone: list[AgentDefinition], failures: Mapping[str, str]) -> list[str]:
    """The slugs of those that were enabled until now. Why they are disabled may have changed for the others, too."""
    were_enabled = [row.slug for row in gone if row.is_enabled]
    for row in gone:
        metadata = {**row.metadata, "disabled_by": BY_REGISTRY, "disabled_because": _why_gone(row, failures)}
        if row.is_enabled or row.metadata != metadata:
            row.is_enabled, row.metadata = False, metadata
            row.save(update_fields=["is_enabled", "metadata", "updated_at"])
            logger.warning("agent definition %s is disabled: %s", row.slug, metadata["disabled_because"])
    return were_enabled


def _why_gone(row: AgentDefinition, failures: Mapping[str, str]) -> str:
    failure = failures.get(row.source_module)
    if failure:
        return f"its module {row.source_module} could not be loaded ({without_passwords(failure)})"
    return f"no class is registered for it any more; {row.source_module} had it"


def _by_registry(row: AgentDefinition) -> bool:
    return bool(row.metadata.get("disabled_by") == BY_REGISTRY)


def _without_reason(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in ("disabled_by", "disabled_because")}


@transaction.atomic
def set_definition_enabled(*, actor: str, slug: str, is_enabled: bool) -> AgentDefinition:
    """What an operator of the server decides; it holds until one decides otherwise, whatever becomes of the class.

    Raises: NotFound; Conflict for one that no class of this process stands behind.
    """
    row = AgentDefinition.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no agent definition {slug!r}.")
    if is_enabled and slug not in get_registry().entries:
        raise Conflict(f"The definition {slug} cannot be enabled: {row.disabled_because or 'its class is not loaded'}.")
    row.is_enabled = is_enabled
    row.metadata = _without_reason(row.metadata)
    if not is_enabled:
        row.metadata |= {"disabled_by": BY_OPERATOR, "disabled_because": f"{actor} switched it off"}
    row.save(update_fields=["is_enabled", "metadata", "updated_at"])
    logger.info("agent definition %s was %s by %s", slug, "enabled" if is_enabled else "disabled", actor)
    return row
