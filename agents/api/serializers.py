"""What the API reads and writes about agents."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from agents.hooks import ExecutionFigures
from agents.models import Agent, AgentCommand, AgentDefinition, AgentStateHistory
from agents.policies import OPERATOR_VERBS, STATUS_FILTERS
from agents.selectors import HISTORY_ORDERINGS, ORDERINGS, AgentQuery, HistoryQuery
from agents.services.moves import allowed_verbs
from agents.states import TYPE_WORDS, AgentCommandKind, AgentStateDetail, agent_type
from core.api.bodies import KnownFieldsSerializer, ObjectField
from core.api.schema import shown_with
from core.enums import AgentStatus


class DefinitionSerializer(serializers.ModelSerializer[AgentDefinition]):
    disabled_because = serializers.CharField(read_only=True, help_text="why none of its agents is given work")

    class Meta:
        model = AgentDefinition
        fields = [
            "id",
            "slug",
            "name",
            "agent_type",
            "description",
            "capabilities",
            "config_schema",
            "metadata",
            "is_enabled",
            "disabled_because",
            "placement",
            "source_module",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class PendingCommandSerializer(serializers.Serializer[AgentCommand]):
    """What a worker has to do for the agent, or does now: the `attempt`-th time (0: nobody has begun)."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(AgentCommandKind))
    verbs = serializers.ListField(child=serializers.ChoiceField(choices=list(OPERATOR_VERBS)))
    since = serializers.DateTimeField(source="created_at")
    attempt = serializers.IntegerField()


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """One agent; `status` is BUSY while it works."""

    agent_id = serializers.UUIDField(source="id", read_only=True)
    workspace_id = serializers.UUIDField(read_only=True)
    project_id = serializers.UUIDField(read_only=True)
    definition = serializers.CharField(source="definition.slug", read_only=True)
    status = serializers.ChoiceField(choices=list(AgentStatus), source="shown_status", read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    running = serializers.IntegerField(source="running_count", read_only=True)
    obstacle = serializers.CharField(read_only=True, help_text="why it can be given no work now; empty when it can")
    allowed_transitions = serializers.SerializerMethodField()
    template_id = serializers.CharField(source="template.slug", read_only=True, default=None, allow_null=True)
    template_version = serializers.IntegerField(
        source="template_version.version", read_only=True, default=None, allow_null=True
    )
    latest_template_version = serializers.IntegerField(
        source="template.version", read_only=True, default=None, allow_null=True
    )
    is_behind = serializers.SerializerMethodField(help_text="whether its template has moved on")
    pending_command = PendingCommandSerializer(allow_null=True, read_only=True)

    class Meta:
        model = Agent
        fields = [
            "id",
            "agent_id",
            "workspace_id",
            "project_id",
            "definition",
            "name",
            "description",
            "type",
            "status",
            "state_detail",
            "is_active",
            "is_enabled",
            "in_maintenance",
            "is_offline",
            "running",
            "obstacle",
            "allowed_transitions",
            "pending_command",
            "capabilities",
            "configuration",
            "prompt_template",
            "template_id",
            "template_version",
            "latest_template_version",
            "is_behind",
            "template_variables",
            "endpoint",
            "protocol",
            "max_concurrent_tasks",
            "weight",
            "last_heartbeat_at",
            "last_error",
            "metadata",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_allowed_transitions(self, agent: Agent) -> list[str]:
        return allowed_verbs(agent)

    def get_is_behind(self, agent: Agent) -> bool:
        return agent.versions_behind > 0


class CapabilityList(serializers.ListField):
    child = serializers.CharField(max_length=100)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, **kwargs)


@shown_with({"name": "reader", "description": "Reads what others wrote"})
class AgentChangeSerializer(KnownFieldsSerializer):
    """What may be changed of an agent. With PUT, what is left out returns to its default, and what GET answers
    beside it may stand in the body."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(allow_blank=True, max_length=10_000, default="")
    configuration = ObjectField(default=dict)
    prompt_template = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=100_000, default="")
    capabilities = CapabilityList(required=False)
    endpoint = serializers.CharField(allow_blank=True, max_length=500, default="", help_text="a remote agent's URL")
    protocol = serializers.ChoiceField(choices=["", "http"], default="")
    is_enabled = serializers.BooleanField(default=True)
    max_concurrent_tasks = serializers.IntegerField(min_value=1, max_value=1000, default=4)
    weight = serializers.IntegerField(min_value=1, max_value=1000, default=1)
    metadata = ObjectField(default=dict)
    definition = serializers.CharField(required=False, max_length=60, help_text="as it is: it cannot be changed")
    type = serializers.CharField(required=False, max_length=100, help_text="as it is: it cannot be changed")

    def passed_over(self) -> Collection[str]:
        return () if self.partial else AgentSerializer.Meta.fields


@shown_with({"type": "research", "name": "reader", "configuration": {"max_passages": 5}})
class AgentCreateSerializer(AgentChangeSerializer):
    """A new agent: of a `definition`, or of what its `type` word means; with an `endpoint` a remote one."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    definition = serializers.CharField(required=False, max_length=60, help_text="a definition's slug")
    type = serializers.CharField(required=False, max_length=100, help_text="a definition's slug, or a type")
    project_id = serializers.UUIDField(required=False, help_text="without it: the default project")
    workspace_id = serializers.UUIDField(required=False, help_text="whose default project is meant")
    template_id = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=60, help_text="the template it is made of"
    )
    template_version = serializers.IntegerField(required=False, min_value=1, help_text="without it: the newest")
    variables = ObjectField(required=False, help_text="values of the variables of the template's prompt")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs.get(name) for name in ("definition", "type", "endpoint", "template_id")):
            sentence = "Give a definition (see GET /definitions), a type, or a template_id."
            raise serializers.ValidationError({"definition": sentence})
        return attrs

    def passed_over(self) -> Collection[str]:
        return ()


class AgentQuerySerializer(serializers.Serializer[Any]):
    """How a list of agents is narrowed and ordered. Terminated agents show with `state_detail=TERMINATED` only."""

    workspace = serializers.UUIDField(required=False)
    project = serializers.UUIDField(required=False)
    status = serializers.CharField(required=False, help_text="BUSY means working now; also the older words")
    state_detail = serializers.CharField(required=False)
    type = serializers.CharField(required=False, help_text="also the older words, such as planner")
    definition = serializers.CharField(required=False, help_text="a definition's slug")
    capability = serializers.CharField(required=False, help_text="several with commas: all of them")
    template = serializers.CharField(required=False, max_length=60, help_text="a template's id")
    behind = serializers.BooleanField(
        required=False, default=False, help_text="true: only those whose template has moved on"
    )
    search = serializers.CharField(required=False, max_length=200, help_text="in name, description and definition")
    ordering = serializers.CharField(
        required=False, default="name", help_text=f"one of {', '.join(ORDERINGS)}; - turns"
    )

    def validate_status(self, word: str) -> str:
        return _one_of(word.strip().upper(), sorted(STATUS_FILTERS))

    def validate_state_detail(self, word: str) -> str:
        return _one_of(word.strip().upper(), list(AgentStateDetail))

    def validate_type(self, word: str) -> str:
        known = agent_type(word)
        if known is None:
            raise serializers.ValidationError(f"Give one of {', '.join(sorted(TYPE_WORDS))}.")
        return str(known)

    def validate_ordering(self, word: str) -> str:
        return word if word.removeprefix("-") in ORDERINGS else _one_of(word, list(ORDERINGS))

    def to_query(self) -> AgentQuery:
        values = dict(self.validated_data)
        meant = STATUS_FILTERS[values.pop("status")] if "status" in values else {}
        values = {**meant, **values}
        return AgentQuery(capabilities=words(values.pop("capability", "")), **values)


class DiscoverQuerySerializer(serializers.Serializer[Any]):
    capability = serializers.CharField(help_text="several with commas: all of them")
    project = serializers.UUIDField(required=False)


class DefinitionQuerySerializer(serializers.Serializer[Any]):
    capability = serializers.CharField(required=False, help_text="several with commas: all of them")
    search = serializers.CharField(required=False, max_length=200)
    is_enabled = serializers.BooleanField(
        required=False, default=False, help_text="true: only those agents can be made of"
    )


@shown_with({"reason": "end of the shift"})
class ReasonSerializer(KnownFieldsSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


@shown_with({"status": "ACTIVE", "reason": "back from holidays"})
class StatusRequestSerializer(ReasonSerializer):
    status = serializers.CharField(max_length=40, help_text="ACTIVE, INACTIVE, MAINTENANCE, READY, PAUSED, TERMINATED")


@shown_with({"enabled": True, "reason": "a new disk"})
class MaintenanceRequestSerializer(ReasonSerializer):
    enabled = serializers.BooleanField(default=True)


class MetricsSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    mean_seconds = serializers.FloatField(allow_null=True)


class AgentStatusSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=list(AgentStatus))
    state_detail = serializers.ChoiceField(choices=list(AgentStateDetail))
    in_maintenance = serializers.BooleanField()
    is_offline = serializers.BooleanField()
    allowed_transitions = serializers.ListField(child=serializers.ChoiceField(choices=list(OPERATOR_VERBS)))
    pending_command = PendingCommandSerializer(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)
    last_heartbeat_at = serializers.DateTimeField(allow_null=True)
    metrics = MetricsSerializer()


class StateHistorySerializer(serializers.ModelSerializer[AgentStateHistory]):
    class Meta:
        model = AgentStateHistory
        fields = [
            "id",
            "previous_status",
            "new_status",
            "previous_state_detail",
            "new_state_detail",
            "reason",
            "actor",
            "timestamp",
        ]
        read_only_fields = fields


class HistoryQuerySerializer(serializers.Serializer[Any]):
    """How a history is narrowed and ordered; `state` and `status` are those a move led to."""

    state = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    actor = serializers.CharField(required=False, max_length=150)
    since = serializers.DateTimeField(required=False, help_text="moves from this instant on")
    until = serializers.DateTimeField(required=False, help_text="moves before this instant")
    search = serializers.CharField(required=False, max_length=200, help_text="in the reasons")
    ordering = serializers.CharField(
        required=False, default="-timestamp", help_text=f"one of {', '.join(HISTORY_ORDERINGS)}; - turns"
    )

    def validate_state(self, word: str) -> str:
        return _one_of(word.upper(), list(AgentStateDetail))

    def validate_status(self, word: str) -> str:
        return _one_of(word.upper(), list(AgentStatus))

    def validate_ordering(self, word: str) -> str:
        return word if word.removeprefix("-") in HISTORY_ORDERINGS else _one_of(word, list(HISTORY_ORDERINGS))

    def to_query(self) -> HistoryQuery:
        return HistoryQuery(**self.validated_data)


def words(text: str) -> tuple[str, ...]:
    """`"a, b"` as ("a", "b")."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _one_of(word: str, allowed: list[Any]) -> str:
    if word not in allowed:
        raise serializers.ValidationError(f"Give one of {', '.join(map(str, allowed))}.")
    return word


def status_of(agent: Agent, figures: ExecutionFigures) -> dict[str, Any]:
    """Status and metrics in the shape of `AgentStatusSerializer`."""
    return AgentStatusSerializer(
        {
            "id": agent.id,
            "agent_id": agent.id,
            "name": agent.name,
            "status": agent.shown_status,
            "state_detail": agent.state_detail,
            "in_maintenance": agent.in_maintenance,
            "is_offline": agent.is_offline,
            "allowed_transitions": allowed_verbs(agent),
            "pending_command": agent.pending_command,
            "last_error": agent.last_error,
            "last_heartbeat_at": agent.last_heartbeat_at,
            "metrics": {"running": agent.running_count, **asdict(figures)},
        }
    ).data
