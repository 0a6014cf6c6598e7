"""Contexts: named, versioned data that agents and people share."""

from django.db import models
from django.db.models import F, Q

from agents.policies import author_and_session
from agents.states import RollbackState
from core.constraints import AppendOnly, SameWorkspace, one_of
from core.models import Row, TimestampedRow


class AgentContext(TimestampedRow):
    """A name and a pointer into its versions. `current_version` is what is read (0: nothing was written yet);
    `last_version` the highest number ever given, so that the next write never reuses one. `rollback_pointer` is the
    version the newest rollback went to, `rollback_state` how that ended.
    """

    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="agent_contexts", db_index=False
    )
    project = models.ForeignKey("workspaces.Project", on_delete=models.CASCADE, related_name="agent_contexts")
    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="contexts", db_index=False)
    name = models.CharField(max_length=100)
    current_version = models.PositiveIntegerField(default=0)
    last_version = models.PositiveIntegerField(default=0)
    rollback_pointer = models.PositiveIntegerField(null=True, blank=True)
    rollback_state = models.CharField(  # noqa: DJ001  (NULL: never rolled back)
        max_length=20, null=True, blank=True, choices=[(word, word.title()) for word in RollbackState]
    )

    class Meta:
        db_table = "agent_context"
        ordering = ["name", "id"]
        constraints = [
            one_of("rollback_state", RollbackState, name="agent_context_rollback_state_check", null=True),
            models.CheckConstraint(
                condition=Q(current_version__lte=F("last_version")), name="agent_context_version_was_given"
            ),
            models.UniqueConstraint(fields=["agent", "name"], name="agent_context_name_unique"),
            SameWorkspace(name="agent_context_project_in_workspace"),
        ]
        indexes = [models.Index(fields=["workspace", "project"], name="agent_context_place_idx")]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_version(self) -> int:
        """The version that is read. A rollback that was begun and then interrupted counts as made: whoever writes or
        reads next finishes it."""
        if self.rollback_state == RollbackState.PENDING and self.rollback_pointer is not None:
            return self.rollback_pointer
        return self.current_version


class AgentContextVersion(Row):
    """What a context held at one version; never changed. `created_by` is an actor, for an agent at work
    `agent:<name>@<session>`. `write_key` is that of an agent's step: a step that is repeated after a crash finds the
    version it has written."""

    context = models.ForeignKey(AgentContext, on_delete=models.CASCADE, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    data = models.JSONField()
    change_description = models.TextField(blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    write_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (NULL: not written by a step)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "agent_context_version"
        ordering = ["context", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["context", "version"], name="agent_context_version_unique"),
            models.UniqueConstraint(
                fields=["context", "write_key"],
                condition=Q(write_key__isnull=False),
                name="agent_context_version_write_key_unique",
            ),
            AppendOnly(name="agent_context_version_append_only"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"

    @property
    def author(self) -> str:
        """Who wrote it, as people read it: a user, a key, or `agent:<name>`."""
        return author_and_session(self.created_by)[0]

    @property
    def session_id(self) -> str | None:
        """The session an agent wrote it in."""
        return author_and_session(self.created_by)[1]
