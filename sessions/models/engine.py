"""The engine's own rows: its workers, and the durable inbox of each session."""

from django.db import models

from core.constraints import one_of
from core.models import Row
from sessions.scopes import MAX_SCOPE_CHARACTERS
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

    session = models.ForeignKey(
        "agent_sessions.AgentSession", on_delete=models.CASCADE, related_name="commands", db_index=False
    )
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


class SlotShare(Row):
    """The places one worker holds in one scope (`workspace:ID`, `agent:ID`, `capability:ID:name`), used or idle.

    Written by that worker alone, under the lock of the scope. Over the workers whose lease has not run out they never
    sum to more than the scope's limit.
    """

    scope = models.CharField(max_length=MAX_SCOPE_CHARACTERS)
    worker_id = models.UUIDField()
    places = models.PositiveIntegerField()

    class Meta:
        db_table = "slot_share"
        ordering = ["scope", "id"]
        constraints = [models.UniqueConstraint(fields=["scope", "worker_id"], name="slot_share_unique")]
        indexes = [models.Index(fields=["worker_id"], name="slot_share_worker_idx")]

    def __str__(self) -> str:
        return f"{self.places} of {self.scope}"


class SlotRequest(Row):
    """A task that waits for a place which another worker may hold; one row for each scope in which it lacks one.

    Written by the worker that runs the task's session; gone as soon as the task starts or waits no longer.
    """

    scope = models.CharField(max_length=MAX_SCOPE_CHARACTERS)
    worker_id = models.UUIDField()
    task_id = models.UUIDField()
    session_priority = models.IntegerField(default=0)
    task_priority = models.IntegerField(default=0)
    requested_at = models.DateTimeField()

    class Meta:
        db_table = "slot_request"
        ordering = ["scope", "-session_priority", "-task_priority", "requested_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["scope", "worker_id", "task_id"], name="slot_request_unique"),
        ]
        indexes = [models.Index(fields=["worker_id", "task_id"], name="slot_request_worker_idx")]

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
