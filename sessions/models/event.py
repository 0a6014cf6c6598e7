"""The log."""

from django.db import models


class SessionEvent(models.Model):
    """One event; append-only. (session, seq) has no gaps, and each hash covers all before it.

    `payload` is the canonical JSON text of the frame `{seq, type, at, task, agent, data}`, exactly as it was hashed.
    """

    session = (
        models.ForeignKey(  # its index is the one of (session, seq): another would cost each write, and mislead reads
            "agent_sessions.AgentSession", on_delete=models.CASCADE, related_name="events", db_index=False
        )
    )
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    task_id = models.UUIDField(null=True)
    agent_id = models.UUIDField(null=True)
    payload = models.TextField()
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "session_event"
        ordering = ["session", "seq"]
        constraints = [models.UniqueConstraint(fields=["session", "seq"], name="session_event_seq_unique")]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"
