"""Shapes of tenancy in the API."""

from typing import Any

from rest_framework import serializers

from workspaces.models import ApiKey, AuditEntry, Membership, Project, Workspace
from workspaces.policies import LARGEST_LIMIT
from workspaces.states import Role

ROLES = [(str(role), role.title()) for role in Role]


class RoleField(serializers.ChoiceField):
    """A role by its word."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("choices", ROLES)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Role:
        return Role(super().to_internal_value(data))


class TokenRequest(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, style={"input_type": "password"})


class TokenPair(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Good for a new access token at `/auth/refresh`.")


class RefreshRequest(serializers.Serializer[Any]):
    refresh = serializers.CharField()


class AccessToken(serializers.Serializer[Any]):
    access = serializers.CharField()


class TicketShape(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Good once, as `?ticket=` of a WebSocket.")
    expires_in_seconds = serializers.IntegerField()


class WorkspaceShape(serializers.ModelSerializer[Workspace]):
    name = serializers.CharField(max_length=100)
    max_concurrent_executions = serializers.IntegerField(
        min_value=1, max_value=LARGEST_LIMIT, required=False, help_text="Tasks that run at once, over all workers."
    )
    capability_limits = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_LIMIT),
        required=False,
        help_text="By capability: tasks that ask for it and run at once.",
    )
    max_sessions_per_minute = serializers.IntegerField(
        min_value=1, max_value=LARGEST_LIMIT, required=False, allow_null=True, help_text="New sessions; null: no limit."
    )
    max_queued_sessions = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_LIMIT,
        required=False,
        allow_null=True,
        help_text="Sessions that may wait for a worker before new ones are refused; null: no limit of its own.",
    )
    retention_days = serializers.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        allow_null=True,
        help_text="Finished sessions older than this are deleted; null keeps them for ever.",
    )
    export_before_pruning = serializers.BooleanField(
        required=False, help_text="Write a bundle of each session before it is deleted."
    )
    budget_limits = serializers.DictField(child=serializers.FloatField(min_value=0), required=False)

    class Meta:
        model = Workspace
        fields = [
            "id", "name", "slug", "max_concurrent_executions", "budget_limits", "retention_days",
            "export_before_pruning", "capability_limits", "max_sessions_per_minute", "max_queued_sessions",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["slug"]


class ProjectShape(serializers.ModelSerializer[Project]):
    workspace_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Project
        fields = ["id", "workspace_id", "name", "slug", "is_default", "created_at", "updated_at"]
        read_only_fields = ["slug", "is_default"]


class ProjectRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    workspace_id = serializers.UUIDField(required=False, help_text="Without it: that of your default project.")


class ProjectChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    is_default = serializers.BooleanField(required=False)


class MemberShape(serializers.ModelSerializer[Membership]):
    user_id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(source="user.username", read_only=True)
    role = RoleField()

    class Meta:
        model = Membership
        fields = ["id", "user_id", "username", "role", "created_at", "updated_at"]


class MemberRequest(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    role = RoleField(default=Role.MEMBER)


class RoleChange(serializers.Serializer[Any]):
    role = RoleField()


class KeyShape(serializers.ModelSerializer[ApiKey]):
    workspace_id = serializers.UUIDField(read_only=True)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    role = RoleField()

    class Meta:
        model = ApiKey
        fields = [
            "id", "workspace_id", "name", "prefix", "role", "created_by",
            "created_at", "expires_at", "last_used_at", "revoked_at",
        ]  # fmt: skip
        read_only_fields = ["prefix", "last_used_at", "revoked_at"]


class KeyRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    role = RoleField(default=Role.MEMBER)
    workspace_id = serializers.UUIDField(required=False, help_text="Without it: that of your default project.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class NewKey(KeyShape):
    """A key as it is shown once."""

    key = serializers.CharField(read_only=True, help_text="The key itself. It is not shown again.")

    class Meta(KeyShape.Meta):
        fields = [*KeyShape.Meta.fields, "key"]


class AuditShape(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = ["id", "actor", "action", "object_type", "object_id", "before", "after", "ip", "created_at"]


class UserShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    is_staff = serializers.BooleanField()


class OwnWorkspace(serializers.Serializer[Any]):
    workspace = WorkspaceShape()
    role = RoleField()
    projects = ProjectShape(many=True)


class MeShape(serializers.Serializer[Any]):
    """Who the caller is; `user` is null for an API key."""

    actor = serializers.CharField()
    user = UserShape(allow_null=True)
    workspaces = OwnWorkspace(many=True)
