"""Routes of what is asked of agents, and of their signs of life."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors, services
from agents.api.serializers import AgentStatusSerializer, PendingCommandSerializer, status_of
from agents.api.views import Door
from agents.states import AgentCommandOutcome
from core.api.bodies import KnownFieldsSerializer
from core.api.schema import shown_with


class CommandSerializer(PendingCommandSerializer):
    """What was asked of an agent, by whom, and what came of it; `outcome` is null while it is open."""

    reason = serializers.CharField()
    actor = serializers.CharField()
    applied_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=list(AgentCommandOutcome), allow_null=True)
    error = serializers.CharField(allow_blank=True)


class CommandQuerySerializer(serializers.Serializer[Any]):
    open = serializers.BooleanField(required=False, default=False, help_text="true: only what is under way")


class AgentCommands(Door):
    serializer_class = CommandSerializer

    @extend_schema(
        operation_id="agents_commands",
        parameters=[CommandQuerySerializer],
        responses=CommandSerializer(many=True),
        tags=["agents"],
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What was asked of the agent and took time, newest first."""
        query = self.given(CommandQuerySerializer, request.query_params.dict())
        found = selectors.commands_of(self.access, agent_id, open_only=query["open"])
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(CommandSerializer(page, many=True).data)


@shown_with({"load": 0.5, "status_message": "two jobs"})
class HeartbeatSerializer(KnownFieldsSerializer):
    """What an agent says of itself with its sign of life."""

    load = serializers.FloatField(required=False, min_value=0, max_value=1000, help_text="0: idle, 1: full")
    status_message = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class AgentHeartbeat(Door):
    @extend_schema(
        operation_id="agents_heartbeat", request=HeartbeatSerializer, responses=AgentStatusSerializer, tags=["agents"]
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """A sign of life of a remote agent. Once it has sent one it is OFFLINE when they are missing for too long."""
        selectors.agent_for(self.access, agent_id)
        values = self.given(HeartbeatSerializer, request.data)
        agent = services.record_heartbeat(access=self.access, agent_id=agent_id, **values)
        [agent] = selectors.with_running([agent])
        return Response(status_of(agent, selectors.figures_of(agent)))


urlpatterns = [
    path("agents/<uuid:agent_id>/commands", AgentCommands.as_view()),
    path("agents/<uuid:agent_id>/heartbeat", AgentHeartbeat.as_view()),
]
