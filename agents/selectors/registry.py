"""Reads of what code can do: the definitions, and what this process knows of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agents.models import AgentDefinition
from agents.registry import get_registry
from core.errors import NotFound


def definitions(
    *, search: str = "", capabilities: Iterable[str] = (), enabled_only: bool = False
) -> list[AgentDefinition]:
    """What code can do, by slug; the same for every workspace."""
    rows = AgentDefinition.objects.filter(is_enabled=True) if enabled_only else AgentDefinition.objects.all()
    wanted = set(capabilities)
    text = search.lower()
    return [
        row
        for row in rows.order_by("slug")
        if wanted <= set(row.capabilities) and text in f"{row.slug} {row.name} {row.description}".lower()
    ]


def definition_for(slug: str) -> AgentDefinition:
    """Raises: NotFound."""
    row = AgentDefinition.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no agent definition {slug!r}.")
    return row


def enabled_slugs() -> list[str]:
    """Slugs of the definitions agents can be made of."""
    return list(AgentDefinition.objects.filter(is_enabled=True).order_by("slug").values_list("slug", flat=True))


@dataclass(frozen=True, slots=True)
class RegistryReport:
    """What this process knows: slugs of its agent classes, and modules it could not load with the reason."""

    slugs: tuple[str, ...]
    failures: Mapping[str, str]


def registry_report() -> RegistryReport:
    """For the health page."""
    registry = get_registry()
    return RegistryReport(tuple(sorted(registry.entries)), dict(registry.failures))
