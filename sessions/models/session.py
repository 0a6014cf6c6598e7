"""One run at one goal."""

from typing import cast

from django.conf import settings
from django.db import models
from django_fsm import FSMField

from core.constraints import SameWorkspace, one_of
from core.lifecycle import plain_transition
from core.models import TimestampedRow
from sessions.events import GENESIS_HASH
from sessions.states import LIVE_SESSION, SESSION_LIFECYCLE, ExecutionMode, SessionOrigin, SessionStatus

HELD_REASON = "not_started"  # made but held: it starts when it is resumed


READY = [str(status) for status in (SessionStatus.PENDING, SessionStatus.PLANNING, SessionStatus.RUNNING)]
IS_READY = models.Q(lease_owner__isnull=True, wake_at__isnull=True, status__in=READY)
"""Could go on at once, and no worker has it: the sessions that queue."""

_IS_READY_SQL = (
    "agent_session.lease_owner IS NULL AND agent_session.wake_at IS NULL "
    f"AND agent_session.status IN ({', '.join(repr(status) for status in READY)})"
)
"""`IS_READY` with its values in the text: SQLite finds a partial index by these words only, not by parameters."""


class SessionQuerySet(models.QuerySet["AgentSession"]):
    def queued(self) -> "SessionQuerySet":
        """Those that could go on at once if a worker took them."""
        return cast("SessionQuerySet", self.extra(where=[_IS_READY_SQL]))  # noqa: S610  (constant words)

    def live(self) -> "SessionQuerySet":
        return self.filter(status__in=sorted(LIVE_SESSION))

    def kept(self) -> "SessionQuerySet":
        """Those that are not being deleted (their rows may be gone in part)."""
        return self.filter(pruning_at__isnull=True)


class AgentSession(TimestampedRow):
    """One run at one goal. While it is live only the runner that holds its lease (`lease_token`) writes it.

    `last_seq` and `last_hash` are those of its newest event; the log has no gap below them. `forked_from` at `fork_seq`
    is the session it repeats (`origin` says how); `parent_step` is the step of the parent session's agent that
    waits for it, `depth` how many parents it has; `saved_usage` is what reused outputs and steps had cost.
    `pruning_at` is set when the retention begins to delete its rows: from then on nobody sees it (`PrunedSession`).
    """

    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="sessions", db_index=False
    )
    project = models.ForeignKey("workspaces.Project", on_delete=models.CASCADE, related_name="sessions")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="agent_sessions",
        db_index=False,
    )
    parent_session = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="child_sessions"
    )
    parent_step = models.UUIDField(null=True, blank=True, editable=False)
    depth = models.PositiveSmallIntegerField(default=0, editable=False)
    origin = models.CharField(
        max_length=10,
        choices=[(origin, origin.title()) for origin in SessionOrigin],
        default=SessionOrigin.NEW,
        editable=False,
    )
    forked_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="forks", editable=False
    )
    fork_seq = models.BigIntegerField(null=True, blank=True, editable=False)
    title = models.CharField(max_length=200)
    task_description = models.TextField()
    context = models.JSONField(default=dict, blank=True)
    execution_mode = models.CharField(
        max_length=20, choices=[(mode, mode.title()) for mode in ExecutionMode], default=ExecutionMode.PLANNED
    )
    status = FSMField(max_length=20, default=SessionStatus.PENDING, protected=True, editable=False)
    status_before_pause = models.CharField(max_length=20, blank=True, editable=False)
    priority = models.IntegerField(default=0)
    max_concurrent_tasks = models.PositiveIntegerField(default=10)
    result = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.TextField(blank=True)
    timeout_seconds = models.FloatField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=50, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.UUIDField(null=True, blank=True, editable=False)
    lease_token = models.BigIntegerField(default=0, editable=False)
    wake_at = models.DateTimeField(null=True, blank=True, editable=False)
    engine_failures = models.PositiveSmallIntegerField(default=0, editable=False)
    last_seq = models.BigIntegerField(default=0, editable=False)
    last_hash = models.CharField(max_length=64, default=GENESIS_HASH, editable=False)
    usage = models.JSONField(default=dict, blank=True)
    saved_usage = models.JSONField(default=dict, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  (NULL: none given)
    pruning_at = models.DateTimeField(null=True, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "agent_session"
        ordering = ["-created_at", "-id"]
        constraints = [
            SameWorkspace(name="agent_session_project_in_workspace"),
            one_of("status", SessionStatus, name="agent_session_status_check"),
            one_of("status_before_pause", SessionStatus, name="agent_session_status_before_pause_check", blank=True),
            one_of("execution_mode", ExecutionMode, name="agent_session_mode_check"),
            one_of("origin", SessionOrigin, name="agent_session_origin_check"),
            models.UniqueConstraint(
                fields=["parent_step"],
                condition=models.Q(parent_step__isnull=False),
                name="agent_session_parent_step_unique",
            ),
            models.UniqueConstraint(
                fields=["workspace", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="agent_session_idempotency_unique",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "-priority", "created_at"], condition=IS_READY, name="agent_session_ready_idx"
            ),
            models.Index(fields=["workspace", "created_at"], condition=IS_READY, name="agent_session_oldest_idx"),
            models.Index(
                fields=["wake_at"],
                condition=models.Q(lease_owner__isnull=True, wake_at__isnull=False),
                name="agent_session_due_idx",
            ),
            models.Index(
                fields=["lease_owner", "workspace"],
                condition=models.Q(lease_owner__isnull=False),
                name="agent_session_owned_idx",
            ),
            models.Index(fields=["workspace", "-created_at"], name="agent_session_workspace_idx"),
            models.Index(
                fields=["workspace", "completed_at"],
                condition=models.Q(completed_at__isnull=False),
                name="agent_session_retention_idx",
            ),
            models.Index(fields=["user"], name="idx_agent_sessions_user_id"),
            models.Index(fields=["status"], name="idx_agent_sessions_status"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_SESSION

    @property
    def is_held(self) -> bool:
        """Made, and not started before somebody says so."""
        return self.status == SessionStatus.PAUSED and self.pause_reason == HELD_REASON

    plan = plain_transition(status, SESSION_LIFECYCLE, "plan")
    start = plain_transition(status, SESSION_LIFECYCLE, "start")
    wait = plain_transition(status, SESSION_LIFECYCLE, "wait")
    wake = plain_transition(status, SESSION_LIFECYCLE, "wake")
    pause = plain_transition(status, SESSION_LIFECYCLE, "pause")
    resume_pending = plain_transition(status, SESSION_LIFECYCLE, "resume_pending")
    resume_planning = plain_transition(status, SESSION_LIFECYCLE, "resume_planning")
    resume = plain_transition(status, SESSION_LIFECYCLE, "resume")
    resume_waiting = plain_transition(status, SESSION_LIFECYCLE, "resume_waiting")
    complete = plain_transition(status, SESSION_LIFECYCLE, "complete")
    fail = plain_transition(status, SESSION_LIFECYCLE, "fail")
    cancel = plain_transition(status, SESSION_LIFECYCLE, "cancel")
