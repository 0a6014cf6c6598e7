"""What stays of a session after its retention."""

from django.db import models

from sessions.states import FINISHED_SESSION


class PrunedSession(models.Model):
    """A finished session whose rows are going (`finished_at` empty) or gone; `id` is the session's own.

    Made after the export lies safely on the disk and before the first row goes, in the transaction that hides the
    session. `export` is the bundle's path inside RETENTION_EXPORT_DIR; empty where the workspace wants none.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="pruned_sessions", db_index=False
    )
    status = models.CharField(max_length=20, choices=[(status, status.title()) for status in sorted(FINISHED_SESSION)])
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField()
    last_seq = models.BigIntegerField()
    last_hash = models.CharField(max_length=64)
    export = models.CharField(max_length=300, blank=True)
    export_sha256 = models.CharField(max_length=64, blank=True)
    export_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "pruned_session"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=sorted(FINISHED_SESSION)), name="pruned_session_status_check"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="pruned_session_workspace_idx"),
            models.Index(
                fields=["created_at"], condition=models.Q(finished_at__isnull=True), name="pruned_session_open_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"
