"""Work that is paid for once."""

from django.db import models

from core.constraints import one_of
from core.models import Row
from sessions.states import StepKind, StepStatus


class ExecutionStep(Row):
    """A journaled result of a task's agent: a call it made, or something it waits for. Reused by every later attempt.

    The same key with another input is another step. `execution` is the attempt that wrote it; `reused_from` the step of
    an earlier session it was copied from; `reused_in` the latest attempt that was given its result instead of paying.
    WAITING until the answer is there, ANSWERED until the agent has taken it.
    """

    task = models.ForeignKey("agent_sessions.AgentTask", on_delete=models.CASCADE, related_name="steps", db_index=False)
    execution = models.ForeignKey(
        "agent_sessions.AgentExecution", on_delete=models.SET_NULL, null=True, blank=True, related_name="steps"
    )
    kind = models.CharField(max_length=10, choices=[(kind, kind.title()) for kind in StepKind])
    key = models.CharField(max_length=200)
    input_hash = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=[(status, status.title()) for status in StepStatus])
    request = models.JSONField(default=dict, blank=True)
    result = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.TextField(blank=True)
    usage = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    reused_from = models.UUIDField(null=True, blank=True)
    reused_in = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "execution_step"
        ordering = ["created_at", "id"]
        constraints = [
            one_of("kind", StepKind, name="execution_step_kind_check"),
            one_of("status", StepStatus, name="execution_step_status_check"),
            models.UniqueConstraint(fields=["task", "key", "input_hash"], name="execution_step_unique"),
        ]

    def __str__(self) -> str:
        return self.key
