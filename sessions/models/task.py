"""What is to be done in a session, and in which order."""

from django.db import models
from django_fsm import FSMField

from core.constraints import one_of
from core.lifecycle import plain_transition
from core.models import TimestampedRow
from sessions.states import TASK_LIFECYCLE, TaskStatus


class AgentTask(TimestampedRow):
    """One thing to be done. `assignment` says why its agent was chosen: candidates and scores.

    In a session made from an earlier one, `copied_from` is the task whose output was taken over (NULL: it runs anew),
    and `lineage` the first task of that name in the chain of sessions: what its steps are known by to the outside.
    """

    session = models.ForeignKey(
        "agent_sessions.AgentSession", on_delete=models.CASCADE, related_name="tasks", db_index=False
    )
    parent_task = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="subtasks")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    ordinal = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=100)
    task_type = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    input_data = models.JSONField(default=dict, blank=True)
    output_data = models.JSONField(null=True, blank=True)
    required_capabilities = models.JSONField(default=list, blank=True)
    status = FSMField(max_length=20, default=TaskStatus.PENDING, protected=True, editable=False)
    priority = models.IntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    timeout_seconds = models.FloatField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    assignment = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.TextField(blank=True)
    copied_from = models.UUIDField(null=True, blank=True, editable=False)
    lineage = models.UUIDField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "agent_task"
        ordering = ["session", "ordinal", "id"]
        constraints = [
            one_of("status", TaskStatus, name="agent_task_status_check"),
            models.UniqueConstraint(fields=["session", "name"], name="agent_task_name_unique"),
        ]
        indexes = [
            models.Index(fields=["session"], name="idx_agent_tasks_session_id"),
            models.Index(fields=["status"], name="idx_agent_tasks_status"),
        ]

    def __str__(self) -> str:
        return self.name

    queue = plain_transition(status, TASK_LIFECYCLE, "queue")
    start = plain_transition(status, TASK_LIFECYCLE, "start")
    requeue = plain_transition(status, TASK_LIFECYCLE, "requeue")
    park = plain_transition(status, TASK_LIFECYCLE, "park")
    unpark = plain_transition(status, TASK_LIFECYCLE, "unpark")
    complete = plain_transition(status, TASK_LIFECYCLE, "complete")
    fail = plain_transition(status, TASK_LIFECYCLE, "fail")
    cancel = plain_transition(status, TASK_LIFECYCLE, "cancel")
    skip = plain_transition(status, TASK_LIFECYCLE, "skip")


class TaskDependency(models.Model):
    """`task` starts only after `depends_on` completed. The edges of a session form no cycle."""

    task = models.ForeignKey(AgentTask, on_delete=models.CASCADE, related_name="dependencies", db_index=False)
    depends_on = models.ForeignKey(AgentTask, on_delete=models.CASCADE, related_name="dependents")

    class Meta:
        db_table = "task_dependency"
        verbose_name_plural = "task dependencies"
        constraints = [
            models.UniqueConstraint(fields=["task", "depends_on"], name="task_dependency_unique"),
            models.CheckConstraint(condition=~models.Q(task=models.F("depends_on")), name="task_dependency_not_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} after {self.depends_on_id}"
