"""The registry of agent classes, written into rows."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from agents.models import AgentDefinition
from agents.registry import AgentRegistry, get_registry
from core.clock import SYSTEM_CLOCK

logger = logging.getLogger(__name__)

BY_REGISTRY = "registry"
"""Value of a definition's `metadata["disabled_by"]` while its class is gone, so that only those are enabled again."""

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
    so. A module that could not be loaded is logged and does not stop the others.
    """
    registry = registry or get_registry()
    for module, reason in registry.failures.items():
        logger.warning("agent module %s could not be loaded: %s", module, reason)
    with transaction.atomic():
        present = {row.slug: row for row in AgentDefinition.objects.all()}
        created, updated = _upsert(registry, present)
        disabled = _disable([row for slug, row in present.items() if slug not in registry.entries and row.is_enabled])
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
    came_back = present.metadata.get("disabled_by") == BY_REGISTRY
    if not came_back and all(getattr(present, name) == values[name] for name in SYNCED):
        return None
    metadata = {key: value for key, value in present.metadata.items() if key != "disabled_by" or not came_back}
    return AgentDefinition(**values, is_enabled=present.is_enabled or came_back, metadata=metadata)


def _disable(gone: list[AgentDefinition]) -> list[str]:
    for row in gone:
        row.is_enabled = False
        row.metadata = {**row.metadata, "disabled_by": BY_REGISTRY}
        row.save(update_fields=["is_enabled", "metadata", "updated_at"])
        logger.warning("agent definition %s is disabled: no class is registered for it any more", row.slug)
    return [row.slug for row in gone]
