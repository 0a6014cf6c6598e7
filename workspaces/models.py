"""Who owns what: workspaces, their projects, members, API keys, and the audit log."""

from django.conf import settings
from django.db import models

from core.constraints import one_of
from core.models import Row, TimestampedRow
from workspaces.conf import MAX_IDEMPOTENCY_KEY_CHARACTERS
from workspaces.states import Role


class Workspace(TimestampedRow):
    """A tenant: nothing in it is visible from another.

    `capability_limits` maps a capability to how many tasks that ask for it may run at once; what is not named has no
    limit of its own. A limit on sessions that is NULL is none.
    """

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    max_concurrent_executions = models.PositiveIntegerField(default=20)
    capability_limits = models.JSONField(default=dict, blank=True)
    max_sessions_per_minute = models.PositiveIntegerField(null=True, blank=True)
    max_queued_sessions = models.PositiveIntegerField(null=True, blank=True)
    budget_limits = models.JSONField(default=dict, blank=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    export_before_pruning = models.BooleanField(default=True)

    class Meta:
        db_table = "workspace"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Project(TimestampedRow):
    """A shelf inside a workspace; one of them is the default."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="projects", db_index=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60)
    is_default = models.BooleanField(default=False)

    class Meta:
        db_table = "project"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="project_slug_unique"),
            models.UniqueConstraint(fields=["workspace", "id"], name="project_workspace_id_unique"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(is_default=True), name="project_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(TimestampedRow):
    """A user's role in a workspace; at most one a pair."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role, role.title()) for role in Role], default=Role.MEMBER)

    class Meta:
        db_table = "membership"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_unique"),
            one_of("role", Role, name="membership_role_check"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class ApiKey(TimestampedRow):
    """A credential of a workspace. The key itself is shown once; only its hash is kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    hashed_key = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=20, choices=[(role, role.title()) for role in Role], default=Role.MEMBER)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_key"
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [one_of("role", Role, name="api_key_role_check")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Ticket(Row):
    """A one-time pass for a WebSocket, which cannot send headers from a browser. Only its hash is kept; redeeming it
    deletes the row, so that of two processes only one can."""

    hashed_secret = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "ticket"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, api_key__isnull=True)
                | models.Q(user__isnull=True, api_key__isnull=False),
                name="ticket_one_holder",
            )
        ]

    def __str__(self) -> str:
        return f"ticket {self.id}"


class IdempotentRequest(Row):
    """One creating call made with an `Idempotency-Key`, and its answer once there is one.

    At most one a caller, operation and key. Without a `status_code` the call is still at work, since `claimed_at`.
    """

    caller = models.CharField(max_length=60)
    operation = models.CharField(max_length=300)
    key = models.CharField(max_length=MAX_IDEMPOTENCY_KEY_CHARACTERS)
    request_hash = models.CharField(max_length=64)
    claimed_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    body = models.TextField(blank=True)

    class Meta:
        db_table = "idempotent_request"
        ordering = ["-claimed_at"]
        constraints = [
            models.UniqueConstraint(fields=["caller", "operation", "key"], name="idempotent_request_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} ({self.caller})"


class AuditEntry(Row):
    """One thing somebody did, with the values before and after; append-only."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="audit_entries", db_index=False)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=100)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "audit_entry"
        ordering = ["-created_at"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["workspace", "-created_at"], name="audit_entry_workspace_idx")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action}"
