"""Recovery points of an agent's runtime state."""

from django.db import models
from django.db.models import Q

from agents.states import CheckpointSource
from core.constraints import one_of
from core.models import Row, TimestampedRow


class AgentCheckpoint(Row):
    """The state of an agent at one moment.

    Sequence numbers grow and are never used twice; exactly one checkpoint is the latest.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="checkpoints", db_index=False)
    sequence_number = models.PositiveIntegerField()
    state_data = models.JSONField()
    is_recoverable = models.BooleanField(default=True)
    is_latest = models.BooleanField(default=False)
    source = models.CharField(
        max_length=20, choices=[(word, word.title()) for word in CheckpointSource], default=CheckpointSource.MANUAL
    )
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "agent_checkpoint"
        ordering = ["agent", "-sequence_number"]
        constraints = [
            one_of("source", CheckpointSource, name="agent_checkpoint_source_check"),
            models.UniqueConstraint(fields=["agent", "sequence_number"], name="agent_checkpoint_number_unique"),
            models.UniqueConstraint(fields=["agent"], condition=Q(is_latest=True), name="agent_checkpoint_one_latest"),
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.sequence_number}"


class CheckpointSchedule(TimestampedRow):
    """An agent whose state is kept at an interval, from now on until somebody stops it or the agent ends."""

    agent = models.OneToOneField("agents.Agent", on_delete=models.CASCADE, related_name="checkpoint_schedule")
    interval_seconds = models.PositiveIntegerField()
    next_at = models.DateTimeField(db_index=True)
    created_by = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "checkpoint_schedule"
        ordering = ["next_at"]
        constraints = [
            models.CheckConstraint(condition=Q(interval_seconds__gte=1), name="checkpoint_schedule_interval_check")
        ]

    def __str__(self) -> str:
        return f"every {self.interval_seconds} s"
