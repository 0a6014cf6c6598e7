"""Routes of an agent's state, its checkpoints and their schedule."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors, services
from agents.api.views import Door
from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.services.checkpoints import MAX_INTERVAL_SECONDS
from agents.states import CheckpointSource
from core.api.bodies import KnownFieldsSerializer, ObjectField
from core.api.preconditions import IF_MATCH, expected_version, set_etag
from core.api.schema import shown_with

SOURCES = " or ".join(CheckpointSource)
TAGS = ["agent state"]


@shown_with({"state": {"plan": {"step": 1}, "done": False}})
class StateRequest(serializers.Serializer[Any]):
    state = ObjectField()


class StateShape(serializers.ModelSerializer[Agent]):
    """The state as of `version`; `updated_at` is when anything of the agent was last changed."""

    agent_id = serializers.UUIDField(source="id")
    state = ObjectField()
    version = serializers.IntegerField(source="state_version")

    class Meta:
        model = Agent
        fields = ["agent_id", "state", "version", "updated_at"]
        read_only_fields = fields


class RestoredShape(StateShape):
    restored_from = serializers.IntegerField(help_text="the sequence number of the checkpoint")

    class Meta(StateShape.Meta):
        fields = [*StateShape.Meta.fields, "restored_from"]
        read_only_fields = fields


class ListedCheckpoint(serializers.ModelSerializer[AgentCheckpoint]):
    """A checkpoint without its data."""

    agent_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = AgentCheckpoint
        fields = [
            "id",
            "agent_id",
            "sequence_number",
            "is_recoverable",
            "is_latest",
            "source",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class CheckpointShape(ListedCheckpoint):
    """A checkpoint with the state it keeps."""

    state_data = ObjectField(read_only=True)

    class Meta(ListedCheckpoint.Meta):
        fields = [*ListedCheckpoint.Meta.fields, "state_data"]
        read_only_fields = fields


@shown_with({"is_recoverable": True})
class CheckpointRequest(KnownFieldsSerializer):
    state_data = ObjectField(required=False, help_text="without it: the agent's present state")
    is_recoverable = serializers.BooleanField(default=True, help_text="false: it is kept to be looked at only")


class CheckpointChoice(KnownFieldsSerializer):
    sequence_number = serializers.IntegerField(required=False, min_value=1, help_text="without it: the latest")


@shown_with({"sequence_number": 1})
class RestoreRequest(KnownFieldsSerializer):
    sequence_number = serializers.IntegerField(
        required=False, min_value=1, help_text="without it: the latest recoverable one"
    )


class CheckpointQuery(serializers.Serializer[Any]):
    """How the list is narrowed."""

    is_recoverable = serializers.BooleanField(required=False, allow_null=True, default=None)
    source = serializers.CharField(  # type: ignore[assignment]  # a field of this name, not the option of a field
        required=False, default="", help_text=SOURCES
    )

    def validate_source(self, word: str) -> str:
        if word and word.upper() not in list(CheckpointSource):
            raise serializers.ValidationError(f"Give {SOURCES}.")
        return word.upper()


@shown_with({"interval_seconds": 60})
class ScheduleRequest(KnownFieldsSerializer):
    interval_seconds = serializers.IntegerField(min_value=1, max_value=MAX_INTERVAL_SECONDS)


class ScheduleShape(serializers.ModelSerializer[CheckpointSchedule]):
    agent_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = CheckpointSchedule
        fields = ["agent_id", "interval_seconds", "next_at", "created_by", "created_at", "updated_at"]
        read_only_fields = fields


class AgentState(Door):
    serializer_class = StateShape

    @extend_schema(operation_id="agents_state", tags=TAGS)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What the agent keeps beside its configuration; the `ETag` is its version."""
        return self.shown(selectors.state_of(self.access, agent_id))

    @extend_schema(operation_id="agents_state_replace", request=StateRequest, parameters=[IF_MATCH], tags=TAGS)
    def put(self, request: Request, agent_id: UUID) -> Response:
        """Put this state in the place of the present one."""
        asked = self._asked(request, agent_id)
        return self.shown(services.replace_state(access=self.access, agent_id=agent_id, **asked))

    @extend_schema(operation_id="agents_state_merge", request=StateRequest, parameters=[IF_MATCH], tags=TAGS)
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """Merge this into the state, at every depth; null removes a key (RFC 7396)."""
        asked = self._asked(request, agent_id)
        patch = asked.pop("state")
        return self.shown(services.patch_state(access=self.access, agent_id=agent_id, patch=patch, **asked))

    def _asked(self, request: Request, agent_id: UUID) -> dict[str, Any]:
        selectors.agent_for(self.access, agent_id)
        values = self.given(StateRequest, request.data)
        return {**values, "expected_version": expected_version(request)}

    def shown(self, agent: Agent) -> Response:
        return set_etag(Response(StateShape(agent).data), agent.state_version)


class Checkpoint(Door):
    serializer_class = CheckpointShape

    @extend_schema(operation_id="agents_checkpoint_latest", tags=TAGS)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """The agent's latest checkpoint."""
        return Response(CheckpointShape(selectors.checkpoint_for(self.access, agent_id)).data)

    @extend_schema(
        operation_id="agents_checkpoint_create",
        request=CheckpointRequest,
        responses={201: CheckpointShape},
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Keep the present state, or the one given, as the latest checkpoint."""
        selectors.agent_for(self.access, agent_id)
        values = self.given(CheckpointRequest, request.data)
        checkpoint = services.create_checkpoint(access=self.access, agent_id=agent_id, **values)
        return Response(CheckpointShape(checkpoint).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="agents_checkpoint_delete", parameters=[CheckpointChoice], responses={204: None}, tags=TAGS
    )
    def delete(self, request: Request, agent_id: UUID) -> Response:
        """Delete the latest checkpoint, or the one of this number; the highest one left is the latest then."""
        selectors.agent_for(self.access, agent_id)
        asked = {**request.query_params.dict(), **request.data} if isinstance(request.data, dict) else request.data
        values = self.given(CheckpointChoice, asked)
        services.delete_checkpoint(access=self.access, agent_id=agent_id, **values)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CheckpointList(Door):
    serializer_class = ListedCheckpoint

    @extend_schema(
        operation_id="agents_checkpoints_list",
        parameters=[CheckpointQuery],
        responses=ListedCheckpoint(many=True),
        tags=TAGS,
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """The checkpoints that are kept, newest first, without their data."""
        selectors.agent_for(self.access, agent_id)
        asked = self.given(CheckpointQuery, request.query_params.dict())
        page = self.paginate_queryset(selectors.checkpoints_of(self.access, agent_id, **asked))
        return self.get_paginated_response(ListedCheckpoint(page, many=True).data)


class OneCheckpoint(Door):
    serializer_class = CheckpointShape

    @extend_schema(operation_id="agents_checkpoint_retrieve", tags=TAGS)
    def get(self, request: Request, agent_id: UUID, sequence_number: int) -> Response:
        """The checkpoint of this number, with its data."""
        return Response(CheckpointShape(selectors.checkpoint_for(self.access, agent_id, sequence_number)).data)


class CheckpointRestore(Door):
    serializer_class = RestoredShape

    @extend_schema(
        operation_id="agents_checkpoint_restore",
        request=RestoreRequest,
        responses=RestoredShape,
        parameters=[IF_MATCH],
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Give the agent the state of a recoverable checkpoint again, as its next version."""
        selectors.agent_for(self.access, agent_id)
        agent, checkpoint = services.restore_checkpoint(
            access=self.access,
            agent_id=agent_id,
            expected_version=expected_version(request),
            **self.given(RestoreRequest, request.data),
        )
        body = {**StateShape(agent).data, "restored_from": checkpoint.sequence_number}
        return set_etag(Response(body), agent.state_version)


class CheckpointScheduling(Door):
    serializer_class = ScheduleShape

    @extend_schema(operation_id="agents_checkpoint_schedule", tags=TAGS)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """At what interval checkpoints are taken by themselves, and when the next one is due."""
        return Response(ScheduleShape(selectors.schedule_for(self.access, agent_id)).data)

    @extend_schema(
        operation_id="agents_checkpoint_schedule_set",
        request=ScheduleRequest,
        responses={200: ScheduleShape, 201: ScheduleShape},
        tags=TAGS,
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Take checkpoints at this interval from now on. 200 when there was a schedule; the same interval changes
        nothing. A state that the latest recoverable checkpoint holds already is not kept again."""
        selectors.agent_for(self.access, agent_id)
        values = self.given(ScheduleRequest, request.data)
        schedule, is_new = services.schedule_checkpoints(access=self.access, agent_id=agent_id, **values)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ScheduleShape(schedule).data, status=code)

    @extend_schema(operation_id="agents_checkpoint_schedule_delete", responses={204: None}, tags=TAGS)
    def delete(self, request: Request, agent_id: UUID) -> Response:
        """Take no more checkpoints; those there stay. Also 204 when none were scheduled."""
        selectors.agent_for(self.access, agent_id)
        services.unschedule_checkpoints(access=self.access, agent_id=agent_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


urlpatterns = [
    path("agents/<uuid:agent_id>/state", AgentState.as_view()),
    path("agents/<uuid:agent_id>/checkpoint", Checkpoint.as_view()),
    path("agents/<uuid:agent_id>/checkpoint/restore", CheckpointRestore.as_view()),
    path("agents/<uuid:agent_id>/checkpoints", CheckpointList.as_view()),
    path("agents/<uuid:agent_id>/checkpoints/<int:sequence_number>", OneCheckpoint.as_view()),
    path("agents/<uuid:agent_id>/schedule-checkpoint", CheckpointScheduling.as_view()),
]
