"""Routes of definitions: what agents can be made of, and the agents made of one."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors, services
from agents.api import serializers as shapes
from agents.api.views import Door
from core.api.preferences import say_applied
from core.api.schema import shown_with


@shown_with({"name": "reader", "configuration": {"max_passages": 5}, "start": True})
class SpawnRequest(serializers.Serializer[Any]):
    """A new agent of the definition in the address."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    project_id = serializers.UUIDField(required=False, help_text="without it: the default project")
    workspace_id = serializers.UUIDField(required=False, help_text="whose default project is meant")
    configuration = serializers.DictField(default=dict)
    start = serializers.BooleanField(default=False, help_text="initialize and activate it, too")


class DefinitionList(Door):
    serializer_class = shapes.DefinitionSerializer

    @extend_schema(
        operation_id="definitions_list",
        parameters=[shapes.DefinitionQuerySerializer],
        responses=shapes.DefinitionSerializer(many=True),
        tags=["definitions"],
    )
    def get(self, request: Request) -> Response:
        """What agents can be made of."""
        values = self.given(shapes.DefinitionQuerySerializer, request.query_params.dict())
        found = selectors.definitions(
            search=values.get("search", ""),
            capabilities=shapes.words(values.get("capability", "")),
            enabled_only=values["is_enabled"],
        )
        return self.get_paginated_response(shapes.DefinitionSerializer(self.paginate_queryset(found), many=True).data)


class DefinitionDetail(Door):
    serializer_class = shapes.DefinitionSerializer

    @extend_schema(operation_id="definitions_retrieve", tags=["definitions"])
    def get(self, request: Request, slug: str) -> Response:
        """One definition, with the schema of its configuration."""
        return Response(shapes.DefinitionSerializer(selectors.definition_for(slug)).data)


class DefinitionAgents(Door):
    @extend_schema(
        operation_id="definition_agents_list",
        parameters=[shapes.AgentQuerySerializer],
        responses=shapes.AgentSerializer(many=True),
        tags=["definitions"],
    )
    def get(self, request: Request, slug: str) -> Response:
        """The agents of your workspaces that were made of a definition."""
        selectors.definition_for(slug)
        query = self.read(shapes.AgentQuerySerializer, {**request.query_params.dict(), "definition": slug})
        return self.page_of_agents(selectors.listed_agents(self.access, query.to_query()))


class SpawnAgent(Door):
    @extend_schema(
        operation_id="definition_spawn",
        request=SpawnRequest,
        responses={201: shapes.AgentSerializer},
        tags=["definitions"],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make an agent of a definition, and start it when asked to; `Prefer: wait=N` waits until it has started."""
        values = self.given(SpawnRequest, request.data)
        agent = services.spawn_agent(access=self.access, slug=slug, **values)
        agent, wait = self.settled(agent)
        response = self.one(agent, status.HTTP_201_CREATED)
        say_applied(response, wait)
        return response


urlpatterns = [
    path("definitions", DefinitionList.as_view()),
    path("definitions/<slug:slug>", DefinitionDetail.as_view()),
    path("definitions/<slug:slug>/agents", DefinitionAgents.as_view()),
    path("definitions/<slug:slug>/spawn", SpawnAgent.as_view()),
]
