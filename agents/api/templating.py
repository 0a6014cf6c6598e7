"""Routes between agents and templates: agents made of one, brought to its newer versions, lagging behind."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors, services
from agents.api.serializers import AgentSerializer
from agents.api.views import Door
from core.api.bodies import KnownFieldsSerializer, ObjectField
from core.api.preferences import say_applied
from core.api.schema import shown_with
from templates_app.api.addresses import OF_WORKSPACE, template_meant

TAGS = ["templates"]


@shown_with({"name": "Lex", "configuration": {"max_claims": 20}, "variables": {"subject": "contracts"}, "start": True})
class ApplyRequest(KnownFieldsSerializer):
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    project_id = serializers.UUIDField(required=False, help_text="without it: the default project")
    configuration = ObjectField(required=False, default=dict, help_text="laid over the defaults; null takes a key away")
    variables = ObjectField(required=False, default=dict, help_text="values of the prompt's variables")
    version = serializers.IntegerField(min_value=1, required=False, help_text="without it: the newest")
    definition = serializers.CharField(
        max_length=60, required=False, allow_blank=True, default="", help_text="for a template that names none"
    )
    start = serializers.BooleanField(required=False, default=False, help_text="true: brought up to ACTIVE by a worker")


@shown_with({"variables": {"subject": "letters"}})
class UpgradeRequest(KnownFieldsSerializer):
    version = serializers.IntegerField(min_value=1, required=False, help_text="without it: the newest")
    variables = ObjectField(required=False, default=dict, help_text="values that differ from those of before")


class BehindQuery(serializers.Serializer[Any]):
    behind = serializers.BooleanField(
        required=False, default=False, help_text="true: only those the template has moved on from"
    )


class TemplateApplication(Door):
    @extend_schema(
        operation_id="templates_apply",
        request=ApplyRequest,
        parameters=[OF_WORKSPACE],
        responses={201: AgentSerializer},
        tags=TAGS,
    )
    def post(self, request: Request, template_id: str) -> Response:
        """Make an agent of a template: its defaults with your configuration over them, its prompt filled in."""
        template = template_meant(request, self.access, template_id)
        asked = self.given(ApplyRequest, request.data)
        use = services.TemplateUse(template.id, asked.pop("version", None), asked.pop("variables"))
        agent, wait = self.settled(services.apply_template(access=self.access, use=use, **asked))
        response = Response(AgentSerializer(agent).data, status=status.HTTP_201_CREATED)
        say_applied(response, wait)
        return response


class TemplateAgents(Door):
    @extend_schema(
        operation_id="templates_agents",
        parameters=[BehindQuery, OF_WORKSPACE],
        responses=AgentSerializer(many=True),
        tags=TAGS,
    )
    def get(self, request: Request, template_id: str) -> Response:
        """The agents made of a template that are not terminated; `?behind=true`: those that lag behind it."""
        template = template_meant(request, self.access, template_id)
        query = self.given(BehindQuery, request.query_params.dict())
        return self.page_of_agents(selectors.agents_of_template(self.access, template, **query))


class AgentUpgrade(Door):
    @extend_schema(operation_id="agents_upgrade", request=UpgradeRequest, responses=AgentSerializer, tags=["agents"])
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Bring an agent to another version of its template; what was set for this agent stays."""
        selectors.agent_for(self.access, agent_id)
        asked = self.given(UpgradeRequest, request.data)
        return self.one(services.upgrade_agent(access=self.access, agent_id=agent_id, **asked))


urlpatterns = [
    path("templates/<slug:template_id>/apply", TemplateApplication.as_view()),
    path("templates/<slug:template_id>/agents", TemplateAgents.as_view()),
    path("agents/<uuid:agent_id>/upgrade", AgentUpgrade.as_view()),
]
