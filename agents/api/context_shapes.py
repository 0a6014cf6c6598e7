"""What the API reads and writes about contexts. (A field may be named `data`; only its type looks like a clash.)"""

from typing import Any

from rest_framework import serializers

from agents.models import AgentContext, AgentContextVersion
from agents.policies import MAX_CONTEXT_NAME
from agents.services.contexts.rows import MAX_DESCRIPTION
from core.api.bodies import KnownFieldsSerializer, ObjectField
from core.api.comparing import ComparedVersions
from core.api.schema import shown_with
from core.versions import HIGHEST_VERSION


class ContextSerializer(serializers.ModelSerializer[AgentContext]):
    """One context without what it holds."""

    workspace_id = serializers.UUIDField(read_only=True)
    project_id = serializers.UUIDField(read_only=True)
    agent_id = serializers.UUIDField(read_only=True)
    current_version = serializers.IntegerField(
        source="shown_version", read_only=True, help_text="the version that is read; 0: nothing was written yet"
    )

    class Meta:
        model = AgentContext
        fields = [
            "id",
            "workspace_id",
            "project_id",
            "agent_id",
            "name",
            "current_version",
            "last_version",
            "rollback_pointer",
            "rollback_state",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields
        extra_kwargs = {
            "last_version": {"help_text": "the highest number ever given; the next write gets the one after it"},
            "rollback_pointer": {"help_text": "the version the newest rollback was to"},
        }


class VersionHeadSerializer(serializers.ModelSerializer[AgentContextVersion]):
    """One version without its data. What an agent wrote is by `agent:<its name>`, with the session it worked in."""

    created_by = serializers.CharField(source="author", read_only=True)
    session_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = AgentContextVersion
        fields = ["version", "change_description", "created_by", "session_id", "created_at"]
        read_only_fields = fields


class VersionSerializer(VersionHeadSerializer):
    """One version with its data."""

    data = serializers.DictField(read_only=True)  # type: ignore[assignment]

    class Meta(VersionHeadSerializer.Meta):
        fields = [*VersionHeadSerializer.Meta.fields, "data"]
        read_only_fields = fields


class ContextDetailSerializer(ContextSerializer):
    """A context and one of its versions: the current one, or the one that was asked for."""

    version = serializers.IntegerField(read_only=True)
    data = serializers.DictField(read_only=True)  # type: ignore[assignment]
    change_description = serializers.CharField(read_only=True)
    created_by = serializers.CharField(read_only=True, help_text="who wrote this version")
    session_id = serializers.UUIDField(read_only=True, allow_null=True)
    written_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta(ContextSerializer.Meta):
        fields = [
            *ContextSerializer.Meta.fields,
            "version",
            "data",
            "change_description",
            "created_by",
            "session_id",
            "written_at",
        ]
        read_only_fields = fields


def context_detail(shown: AgentContextVersion) -> dict[str, Any]:
    """A context at a version, in the shape of `ContextDetailSerializer`."""
    head: dict[str, Any] = dict(VersionSerializer(shown).data)  # type: ignore[call-overload]
    written_at = head.pop("created_at") if shown.version else None
    return {**ContextSerializer(shown.context).data, **head, "written_at": written_at}


class DescriptionSerializer(KnownFieldsSerializer):
    change_description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_DESCRIPTION, help_text="what changes, and why"
    )


@shown_with({"name": "people", "data": {"Ada": 1}})
class ContextRequest(DescriptionSerializer):
    """A context by its name; `data` is its first version, where nothing was written to it yet."""

    name = serializers.CharField(max_length=MAX_CONTEXT_NAME)
    data = ObjectField(required=False)  # type: ignore[assignment]


@shown_with({"data": {"Ada": 2, "Bob": 1}, "change_description": "met Bob"})
class ContextWrite(DescriptionSerializer):
    """What the context is to hold."""

    data = ObjectField()  # type: ignore[assignment]


@shown_with({"data": {"Bob": None}, "change_description": "Bob has left"})
class ContextPatch(DescriptionSerializer):
    """What is merged into the present data, at every depth; null removes a key (RFC 7396)."""

    data = ObjectField()  # type: ignore[assignment]


@shown_with({"version": 1, "reason": "Bob is back"})
class RollbackRequest(KnownFieldsSerializer):
    version = serializers.IntegerField(min_value=1, max_value=HIGHEST_VERSION)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=MAX_DESCRIPTION)


class VersionQuery(serializers.Serializer[Any]):
    version = serializers.IntegerField(
        required=False, min_value=0, max_value=HIGHEST_VERSION, help_text="without it: the current one"
    )


class HistoryQuery(serializers.Serializer[Any]):
    data = serializers.BooleanField(required=False, default=False, help_text="with the data of each version")  # type: ignore[assignment]


class ComparedContexts(ComparedVersions):
    """Version 0 is the empty beginning of every context."""

    lowest = 0
