"""Attempts at tasks."""

from django.db import models
from django_fsm import FSMField

from core.constraints import one_of
from core.lifecycle import plain_transition
from core.models import Row, TimestampedRow
from sessions.states import EXECUTION_LIFECYCLE, LIVE_EXECUTION, ExecutionState


class AgentExecution(TimestampedRow):
    """One attempt at a task by one agent; never reopened. At most one of a task is live."""

    task = models.ForeignKey(
        "agent_sessions.AgentTask", on_delete=models.CASCADE, related_name="executions", db_index=False
    )
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="executions")
    attempt = models.PositiveIntegerField()
    state = FSMField(max_length=20, default=ExecutionState.QUEUED, protected=True, editable=False)
    parameters = models.JSONField(default=dict, blank=True)
    context = models.JSONField(default=dict, blank=True)
    progress_percentage = models.FloatField(default=0)
    status_message = models.TextField(blank=True)
    result = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.TextField(blank=True)
    usage = models.JSONField(default=dict, blank=True)
    event_count = models.PositiveIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "agent_execution"
        ordering = ["task", "attempt"]
        constraints = [
            one_of("state", ExecutionState, name="agent_execution_state_check"),
            models.UniqueConstraint(fields=["task", "attempt"], name="agent_execution_attempt_unique"),
            models.UniqueConstraint(
                fields=["task"],
                condition=models.Q(state__in=sorted(LIVE_EXECUTION)),
                name="agent_execution_one_live",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt}"

    prepare = plain_transition(state, EXECUTION_LIFECYCLE, "prepare")
    start = plain_transition(state, EXECUTION_LIFECYCLE, "start")
    pause = plain_transition(state, EXECUTION_LIFECYCLE, "pause")
    resume = plain_transition(state, EXECUTION_LIFECYCLE, "resume")
    complete = plain_transition(state, EXECUTION_LIFECYCLE, "complete")
    fail = plain_transition(state, EXECUTION_LIFECYCLE, "fail")
    cancel = plain_transition(state, EXECUTION_LIFECYCLE, "cancel")


class ExecutionStateHistory(Row):
    """One move of an execution; append-only."""

    execution = models.ForeignKey(AgentExecution, on_delete=models.CASCADE, related_name="state_history")
    previous_state = models.CharField(max_length=20, null=True)  # noqa: DJ001  (NULL: the execution was made)
    new_state = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    timestamp = models.DateTimeField()

    class Meta:
        db_table = "execution_state_history"
        ordering = ["timestamp", "id"]
        verbose_name_plural = "execution state history"
        constraints = [
            one_of("previous_state", ExecutionState, name="execution_state_history_previous_state_check", null=True),
            one_of("new_state", ExecutionState, name="execution_state_history_new_state_check"),
        ]
        indexes = [models.Index(fields=["timestamp"], name="execution_state_history_time")]

    def __str__(self) -> str:
        return f"{self.previous_state} -> {self.new_state}"
