"""What code can do."""

from django.db import models

from core.constraints import one_of
from core.enums import AgentType
from core.models import TimestampedRow


class AgentDefinition(TimestampedRow):
    """What code can do: one registered agent class. Synced from the registry; a class that is gone is disabled.

    `placement` (`celery:QUEUE`) names the workers its executions run on; empty: the engine's own.
    """

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    agent_type = models.CharField(max_length=20, choices=[(kind, kind.title()) for kind in AgentType])
    description = models.TextField(blank=True)
    capabilities = models.JSONField(default=list)
    config_schema = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    is_enabled = models.BooleanField(default=True)
    placement = models.CharField(max_length=80, blank=True)
    source_module = models.CharField(max_length=200)

    class Meta:
        db_table = "agent_definition"
        ordering = ["slug"]
        constraints = [one_of("agent_type", AgentType, name="agent_definition_agent_type_check")]
        indexes = [
            models.Index(fields=["name"], name="agent_definition_name_idx"),
            models.Index(fields=["agent_type"], name="agent_definition_type_idx"),
            models.Index(fields=["is_enabled"], name="agent_definition_enabled_idx"),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def disabled_because(self) -> str:
        """Why no agent of it is given work, as the end of a sentence; "" while it is enabled."""
        return "" if self.is_enabled else str(self.metadata.get("disabled_because") or "an operator switched it off")
