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


class SlotRequest(Row):
    """A place asked for in one scope (`workspace:ID`, `agent:ID`, `capability:ID:name`) for a task that could start.

    Granted while `granted_at` is set; freed with the commit that ends the attempt, or by the takeover of its session.
    """

    scope = models.CharField(max_length=200)
    task = models.ForeignKey("agent_sessions.AgentTask", on_delete=models.CASCADE, related_name="slot_requests")
    session = models.ForeignKey("agent_sessions.AgentSession", on_delete=models.CASCADE, related_name="slot_requests")
    worker_id = models.UUIDField(null=True, blank=True)
    priority = models.IntegerField(default=0)
    requested_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "slot_request"
        ordering = ["scope", "-priority", "requested_at", "id"]
        constraints = [models.UniqueConstraint(fields=["scope", "task"], name="slot_request_unique")]
        indexes = [
            models.Index(
                fields=["scope", "-priority", "requested_at"],
                condition=models.Q(granted_at__isnull=True),
                name="slot_request_waiting_idx",
            ),
            models.Index(
                fields=["scope"], condition=models.Q(granted_at__isnull=False), name="slot_request_granted_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} for {self.task_id}"


class Placement(Row):
    """Where an execution runs when it does not run in the engine's own process: a run on a queue's worker.

    A worker that takes the session over goes on with this run instead of starting another.
    """

    execution = models.OneToOneField("agent_sessions.AgentExecution", on_delete=models.CASCADE)
    queue = models.CharField(max_length=80)
    run_id = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "placement"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["queue"], name="placement_queue_idx")]

    def __str__(self) -> str:
        return f"{self.execution_id} on {self.queue}"
