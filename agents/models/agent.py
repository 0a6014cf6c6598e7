"""Agents: configured instances, and the history of their states."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import models
from django_fsm import FSMField

from agents.policies import obstacle_of
from agents.states import AGENT_LIFECYCLE, AgentProtocol, AgentStateDetail, status_of
from core.constraints import AppendOnly, SameWorkspace, one_of
from core.enums import AgentStatus, AgentType
from core.expressions import ListHas
from core.lifecycle import fsm_transition, plain_transition
from core.models import Row, TimestampedRow

if TYPE_CHECKING:
    from agents.models.command import AgentCommand


class AgentQuerySet(models.QuerySet["Agent"]):
    def not_terminated(self) -> "AgentQuerySet":
        return self.exclude(state_detail=AgentStateDetail.TERMINATED)

    def with_capabilities(self, words: Iterable[str]) -> "AgentQuerySet":
        """Agents that offer every one of these capabilities."""
        found = self
        for word in words:
            found = found.filter(ListHas("capabilities", word))
        return found

    def without_state(self) -> "AgentQuerySet":
        """The same without their runtime states, which may be a megabyte each; who asks one for it reads it then."""
        return self.defer("state")

    def with_template(self) -> "AgentQuerySet":
        """Each with what `versions_behind` reads, without a template's long texts."""
        long = ("configuration_schema", "default_configuration", "prompt_template", "prompt_variables")
        return self.select_related("template", "template_version").defer(
            "template_version__snapshot", *(f"template__{name}" for name in long)
        )

    def behind(self) -> "AgentQuerySet":
        """Agents whose template has moved on since they were made of it."""
        return self.filter(template__version__gt=models.F("template_version__version"))

    def matching(self, text: str) -> "AgentQuerySet":
        """Agents whose name, description or definition holds this text, in any case."""
        return self.filter(
            models.Q(name__icontains=text)
            | models.Q(description__icontains=text)
            | models.Q(definition__slug__icontains=text)
        )

    def assignable(self) -> "AgentQuerySet":
        """Agents that may be given work now."""
        return self.filter(
            state_detail=AgentStateDetail.ACTIVE,
            is_enabled=True,
            in_maintenance=False,
            is_offline=False,
            definition__is_enabled=True,
        )


class Agent(TimestampedRow):
    """One configured instance in a project. `status` always equals what `state_detail` and the flags derive to.

    `state_version` counts the writes of `state`; `last_checkpoint` is the highest sequence number ever given, so that
    none is used twice. `template_version` is the version of `template` its configuration was made from;
    `template_variables` are the values its prompt was made with.
    """

    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="agents", db_index=False
    )
    project = models.ForeignKey("workspaces.Project", on_delete=models.CASCADE, related_name="agents")
    definition = models.ForeignKey("agents.AgentDefinition", on_delete=models.PROTECT, related_name="agents")
    template = models.ForeignKey(
        "templates_app.AgentTemplate", on_delete=models.PROTECT, null=True, blank=True, related_name="agents"
    )
    template_version = models.ForeignKey(
        "templates_app.AgentTemplateVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="agents"
    )
    template_variables = models.JSONField(default=dict, blank=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    type = models.CharField(max_length=20, choices=[(kind, kind.title()) for kind in AgentType])
    status = models.CharField(max_length=20, default=AgentStatus.INACTIVE, editable=False)
    state_detail = FSMField(max_length=20, default=AgentStateDetail.CREATED, protected=True, editable=False)
    is_enabled = models.BooleanField(default=True)
    in_maintenance = models.BooleanField(default=False, editable=False)
    is_offline = models.BooleanField(default=False, editable=False)
    capabilities = models.JSONField(default=list, blank=True)
    configuration = models.JSONField(default=dict, blank=True)
    prompt_template = models.TextField(blank=True)
    endpoint = models.CharField(max_length=500, blank=True)
    protocol = models.CharField(max_length=20, blank=True)
    state = models.JSONField(default=dict, blank=True)
    state_version = models.PositiveBigIntegerField(default=0, editable=False)
    last_checkpoint = models.PositiveIntegerField(default=0, editable=False)
    last_heartbeat_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    max_concurrent_tasks = models.PositiveIntegerField(default=4)
    weight = models.PositiveIntegerField(default=1)
    metadata = models.JSONField(default=dict, blank=True)

    objects = AgentQuerySet.as_manager()

    class Meta:
        db_table = "agent"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=~models.Q(state_detail="TERMINATED"),
                name="agent_name_unique",
            ),
            one_of("type", AgentType, name="agent_type_check"),
            one_of("status", AgentStatus, name="agent_status_check"),
            one_of("state_detail", AgentStateDetail, name="agent_state_detail_check"),
            one_of("protocol", AgentProtocol, name="agent_protocol_check", blank=True),
            SameWorkspace(name="agent_project_in_workspace"),
        ]
        indexes = [
            models.Index(fields=["workspace", "project"], name="agent_workspace_project_idx"),
            models.Index(fields=["status", "workspace"], name="agent_status_workspace_idx"),
            models.Index(
                fields=["last_heartbeat_at"],
                condition=models.Q(last_heartbeat_at__isnull=False, is_offline=False),
                name="agent_heartbeat_idx",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.is_enabled and self.state_detail != AgentStateDetail.TERMINATED

    @property
    def obstacle(self) -> str:
        """Why it can be given no work now, as the end of a sentence; "" when it can. Reads the definition."""
        return obstacle_of(
            AgentStateDetail(self.state_detail),
            is_enabled=self.is_enabled,
            in_maintenance=self.in_maintenance,
            is_offline=self.is_offline,
            slug=self.definition.slug,
            disabled_because=self.definition.disabled_because,
        )

    @property
    def can_be_assigned(self) -> bool:
        """Whether it may be given work now; the same as `AgentQuerySet.assignable`. Reads the definition."""
        return not self.obstacle

    @property
    def versions_behind(self) -> int:
        """How many versions its template has moved on. Reads the template; see `AgentQuerySet.with_template`."""
        if self.template is None or self.template_version is None:
            return 0
        return max(self.template.version - self.template_version.version, 0)

    running_count = 0
    """Live executions, filled in by the selectors on read; never stored."""

    pending_command: "AgentCommand | None" = None
    """The open command, filled in by the selectors on read and by the services under the row's lock."""

    @property
    def shown_status(self) -> str:
        """`status`, or BUSY while an active agent works."""
        busy = self.running_count > 0 and self.status == AgentStatus.ACTIVE
        return str(AgentStatus.BUSY if busy else self.status)

    def derive_status(self) -> None:
        """Set `status` from the machine, the operator's flag and the missed heartbeats."""
        self.status = status_of(
            AgentStateDetail(self.state_detail), in_maintenance=self.in_maintenance, is_offline=self.is_offline
        )

    @fsm_transition(state_detail, AGENT_LIFECYCLE, "initialize")
    def initialize(self) -> None:
        self.last_error = ""

    become_ready = plain_transition(state_detail, AGENT_LIFECYCLE, "become_ready")
    activate = plain_transition(state_detail, AGENT_LIFECYCLE, "activate")
    pause = plain_transition(state_detail, AGENT_LIFECYCLE, "pause")
    resume = plain_transition(state_detail, AGENT_LIFECYCLE, "resume")
    deactivate = plain_transition(state_detail, AGENT_LIFECYCLE, "deactivate")

    @fsm_transition(state_detail, AGENT_LIFECYCLE, "fail")
    def fail(self, error: str) -> None:
        self.last_error = error

    @fsm_transition(state_detail, AGENT_LIFECYCLE, "recover")
    def recover(self) -> None:
        self.last_error = ""

    terminate = plain_transition(state_detail, AGENT_LIFECYCLE, "terminate")


class AgentStateHistory(Row):
    """One move of an agent's lifecycle; append-only."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="state_history", db_index=False)
    previous_status = models.CharField(max_length=20, null=True)  # noqa: DJ001  (NULL: the agent was made)
    new_status = models.CharField(max_length=20)
    previous_state_detail = models.CharField(max_length=20, null=True)  # noqa: DJ001
    new_state_detail = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=150, blank=True)
    timestamp = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "agent_state_history"
        ordering = ["timestamp", "id"]
        verbose_name_plural = "agent state history"
        constraints = [
            one_of("previous_status", AgentStatus, name="agent_state_history_previous_status_check", null=True),
            one_of("new_status", AgentStatus, name="agent_state_history_new_status_check"),
            one_of(
                "previous_state_detail",
                AgentStateDetail,
                name="agent_state_history_previous_state_detail_check",
                null=True,
            ),
            one_of("new_state_detail", AgentStateDetail, name="agent_state_history_new_state_detail_check"),
            AppendOnly(name="agent_state_history_append_only"),
        ]
        indexes = [
            models.Index(fields=["agent", "timestamp"], name="agent_state_history_agent_idx"),
            models.Index(fields=["timestamp"], name="agent_state_history_time_idx"),
        ]

    def __str__(self) -> str:
        if self.previous_state_detail is None:
            return "created"
        return f"{self.previous_state_detail.lower()} → {self.new_state_detail.lower()}"
