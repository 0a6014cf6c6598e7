"""What was asked of an agent and takes time: its hooks run in a worker."""

from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.states import AgentCommandKind, AgentCommandOutcome
from core.constraints import one_of


class AgentCommandQuerySet(models.QuerySet["AgentCommand"]):
    def open(self) -> "AgentCommandQuerySet":
        return self.filter(applied_at__isnull=True)

    def unclaimed(self) -> "AgentCommandQuerySet":
        """Open ones that nobody carries out, by the database's clock."""
        return self.open().filter(Q(claim_expires_at__isnull=True) | Q(claim_expires_at__lt=Now()))

    def claimed_by(self, worker_id: UUID) -> "AgentCommandQuerySet":
        """Open ones whose claim is this worker's, expired or not: nobody else has taken it yet."""
        return self.open().filter(claimed_by=worker_id)


class AgentCommand(models.Model):
    """A request to one agent, durable: the row is the truth, whoever holds its claim carries it out.

    `verbs` are the lifecycle verbs still to be done when it was asked, in order. Open until `applied_at`; an agent has
    at most one that is open. A claim whose `claim_expires_at` is past was that of a worker that died; `attempt`
    counts the claims.
    """

    id = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="commands", db_index=False)
    kind = models.CharField(max_length=20, choices=[(kind, kind.title()) for kind in AgentCommandKind])
    verbs = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=150)
    ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.UUIDField(null=True, blank=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001  (NULL: open)
    error = models.TextField(blank=True)

    objects = AgentCommandQuerySet.as_manager()

    class Meta:
        db_table = "agent_command"
        ordering = ["-id"]
        constraints = [
            one_of("kind", AgentCommandKind, name="agent_command_kind_check"),
            one_of("outcome", AgentCommandOutcome, name="agent_command_outcome_check", null=True),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True, outcome__isnull=True)
                | Q(applied_at__isnull=False, outcome__isnull=False),
                name="agent_command_applied_with_outcome",
            ),
            models.UniqueConstraint(
                fields=["agent"], condition=Q(applied_at__isnull=True), name="agent_command_one_open"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(applied_at__isnull=True), name="agent_command_open_idx"),
            models.Index(fields=["agent", "-id"], name="agent_command_agent_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.outcome or 'under way'}".lower()
