"""The engine's own rows: its workers, and the durable inbox of each session."""

from django.db import models

from core.constraints import one_of
from core.models import Row
from sessions.states import CommandKind


class EngineWorker(Row):
    """One engine host process. Its sessions are its own until `expires_at` (by the database's clock)."""

    host = models.CharField(max_length=200)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "engine_worker"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class SessionCommand(models.Model):
    """Something asked of a session's runner; applied once, with an outcome. The same `dedupe_key` counts once."""

    session = models.ForeignKey("agent_sessions.AgentSession", on_delete=models.CASCADE, related_name="commands")
    kind = models.CharField(max_length=30, choices=[(kind, kind.title()) for kind in CommandKind])
    payload = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    dedupe_key = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  (NULL: no deduplication)
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)

    class Meta:
        db_table = "session_command"
        ordering = ["id"]
        constraints = [
            one_of("kind", CommandKind, name="session_command_kind_check"),
            models.UniqueConstraint(fields=["session", "dedupe_key"], name="session_command_dedupe_unique"),
        ]
        indexes = [
            models.Index(
                fields=["session"], condition=models.Q(applied_at__isnull=True), name="session_command_inbox_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.actor})"
