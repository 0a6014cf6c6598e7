"""Routes of agents and their definitions."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from agents import selectors, services
from agents.api import serializers as shapes
from agents.models import Agent
from core.api.preferences import preferred_wait, say_applied
from core.api.schema import WordedSchema
from workspaces.api.views import AccessMixin


class Door(AccessMixin, GenericAPIView[Any]):
    """A view of agents: answers one, or a page of them, with what runs now."""

    serializer_class: type[BaseSerializer[Any]] = shapes.AgentSerializer
    filter_backends = ()

    def page_of_agents(self, found: Any) -> Response:
        agents = selectors.with_running(self.paginate_queryset(found) or [])
        return self.get_paginated_response(shapes.AgentSerializer(agents, many=True).data)

    def one(self, agent: Agent, code: int = status.HTTP_200_OK) -> Response:
        return Response(shapes.AgentSerializer(selectors.with_running([agent])[0]).data, status=code)

    def settled(self, agent: Agent) -> tuple[Agent, int]:
        """The agent after the wait the caller prefers, and its `Prefer: wait` in seconds."""
        wait = preferred_wait(self.request) if agent.pending_command else 0
        agent = services.seen_through(access=self.access, agent=agent, seconds=wait)
        return selectors.with_running([agent])[0], wait

    def moved(self, agent: Agent) -> Response:
        """200 with the agent, or 202 while a worker has something to do for it."""
        agent, wait = self.settled(agent)
        code = status.HTTP_202_ACCEPTED if agent.pending_command else status.HTTP_200_OK
        response = Response(shapes.AgentSerializer(agent).data, status=code)
        say_applied(response, wait)
        return response


class AgentList(Door):
    @extend_schema(
        operation_id="agents_list",
        parameters=[shapes.AgentQuerySerializer],
        responses=shapes.AgentSerializer(many=True),
        tags=["agents"],
    )
    def get(self, request: Request) -> Response:
        """The agents of your workspaces, and what they can do."""
        query = self.read(shapes.AgentQuerySerializer, request.query_params.dict())
        return self.page_of_agents(selectors.listed_agents(self.access, query.to_query()))

    @extend_schema(
        operation_id="agents_create",
        request=shapes.AgentCreateSerializer,
        responses={201: shapes.AgentSerializer},
        tags=["agents"],
    )
    def post(self, request: Request) -> Response:
        """Make an agent of a template, of a definition, or of what its type means; with an endpoint, register a remote
        one."""
        values = self.given(shapes.AgentCreateSerializer, request.data)
        agent = services.register_agent(
            access=self.access,
            definition=values.pop("definition", ""),
            type_word=values.pop("type", ""),
            project_id=values.pop("project_id", None),
            workspace_id=values.pop("workspace_id", None),
            name=values.pop("name"),
            configuration=values.pop("configuration"),
            origin=_origin(values),
            fields=values,  # type: ignore[arg-type]
        )
        agent, wait = self.settled(agent)
        response = Response(shapes.AgentSerializer(agent).data, status=status.HTTP_201_CREATED)
        say_applied(response, wait)
        return response


def _origin(values: dict[str, Any]) -> services.TemplateUse | None:
    """The template asked for, taken out of the values of a new agent."""
    given = [values.pop(name, None) for name in ("template_id", "template_version", "variables")]
    return services.TemplateUse(given[0], given[1], given[2] or {}) if given[0] else None


class AgentDiscovery(Door):
    @extend_schema(
        operation_id="agents_discover",
        parameters=[shapes.DiscoverQuerySerializer],
        responses=shapes.AgentSerializer(many=True),
        tags=["agents"],
    )
    def get(self, request: Request) -> Response:
        """Agents that offer a capability and may be given work now, the least loaded first."""
        values = self.given(shapes.DiscoverQuerySerializer, request.query_params.dict())
        wanted = shapes.words(values["capability"])
        found = selectors.discovered_agents(self.access, wanted, project_id=values.get("project"))
        return self.get_paginated_response(shapes.AgentSerializer(self.paginate_queryset(found), many=True).data)


class AgentDetail(Door):
    @extend_schema(operation_id="agents_retrieve", tags=["agents"])
    def get(self, request: Request, agent_id: UUID) -> Response:
        """One agent, with what it runs now."""
        return self.one(selectors.agent_for(self.access, agent_id))

    @extend_schema(operation_id="agents_update", request=shapes.AgentChangeSerializer, tags=["agents"])
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """Change what is given."""
        return self._change(request, agent_id, partial=True)

    @extend_schema(operation_id="agents_replace", request=shapes.AgentChangeSerializer, tags=["agents"])
    def put(self, request: Request, agent_id: UUID) -> Response:
        """Set all that may be changed; what is left out returns to its default."""
        return self._change(request, agent_id, partial=False)

    @extend_schema(operation_id="agents_delete", responses={204: None}, tags=["agents"])
    def delete(self, request: Request, agent_id: UUID) -> Response:
        """Archive an agent: it is terminated, and its history stays. Lists show it with `state_detail=TERMINATED`."""
        services.delete_agent(access=self.access, agent_id=agent_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, agent_id: UUID, *, partial: bool) -> Response:
        selectors.agent_for(self.access, agent_id)
        values = self.given(shapes.AgentChangeSerializer, request.data, partial=partial)
        return self.one(
            services.update_agent(access=self.access, agent_id=agent_id, changes=dict(values), replace=not partial)
        )


class AgentStatusView(Door):
    @extend_schema(operation_id="agents_status", responses=shapes.AgentStatusSerializer, tags=["agents"])
    def get(self, request: Request, agent_id: UUID) -> Response:
        """Status and metrics of an agent."""
        return self._status(selectors.agent_for(self.access, agent_id))

    @extend_schema(
        operation_id="agents_set_status",
        request=shapes.StatusRequestSerializer,
        responses={200: shapes.AgentStatusSerializer, 202: shapes.AgentStatusSerializer},
        tags=["agents"],
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Walk to a status; 202 while the walk is under way, 409 with the allowed transitions when no way leads there.

        With `Prefer: wait=N` also 409 (`hook_failed`) when the agent failed on the way.
        """
        selectors.agent_for(self.access, agent_id)
        values = self.given(shapes.StatusRequestSerializer, request.data)
        agent, wait = self.settled(services.set_status(access=self.access, agent_id=agent_id, **values))
        if wait:
            services.require_walked(agent)
        code = status.HTTP_202_ACCEPTED if agent.pending_command else status.HTTP_200_OK
        response = self._status(agent, code)
        say_applied(response, wait)
        return response

    def _status(self, agent: Agent, code: int = status.HTTP_200_OK) -> Response:
        selectors.with_running([agent])
        return Response(shapes.status_of(agent, selectors.figures_of(agent)), status=code)


VERBS = {
    "initialize": "Prepare an agent that was made, CREATED to READY: its class loads what it needs.",
    "activate": "Let an agent be given work, READY to ACTIVE.",
    "pause": "Give an agent nothing new for now, ACTIVE to PAUSED; what runs comes to its end.",
    "resume": "Go on giving work to a paused agent, PAUSED to ACTIVE.",
    "deactivate": "Take an agent out of work, ACTIVE or PAUSED to READY.",
    "recover": "Bring an agent in ERROR up again, from its latest recoverable checkpoint.",
    "terminate": "End an agent for good; what is under way for it is given up. Its history stays.",
}


class AgentVerb(Door):
    """`POST /agents/{id}/<verb>`; the verb is given by the route."""

    schema = WordedSchema()
    verb = ""

    @property
    def words(self) -> str:
        return VERBS[self.verb]

    @extend_schema(
        request=shapes.ReasonSerializer,
        responses={200: shapes.AgentSerializer, 202: shapes.AgentSerializer},
        tags=["agents"],
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """409 with the verbs that are allowed when its state does not permit this one.

        202 while a hook of the agent's class is under way (`pending_command`); `Prefer: wait=N` waits for it. While it
        is, other verbs than terminate are a 409, too (`command_under_way`).
        """
        selectors.agent_for(self.access, agent_id)
        values = self.given(shapes.ReasonSerializer, request.data)
        return self.moved(services.request_transition(access=self.access, agent_id=agent_id, verb=self.verb, **values))


class AgentMaintenance(Door):
    @extend_schema(operation_id="agents_maintenance", request=shapes.MaintenanceRequestSerializer, tags=["agents"])
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Raise or lower the maintenance flag: nothing new is assigned while it is up."""
        selectors.agent_for(self.access, agent_id)
        values = self.given(shapes.MaintenanceRequestSerializer, request.data)
        return self.one(services.set_maintenance(access=self.access, agent_id=agent_id, **values))


class AgentHistory(Door):
    serializer_class = shapes.StateHistorySerializer

    @extend_schema(
        operation_id="agents_history",
        parameters=[shapes.HistoryQuerySerializer],
        responses=shapes.StateHistorySerializer(many=True),
        tags=["agents"],
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What the agent went through, newest first."""
        selectors.agent_for(self.access, agent_id)
        query = self.read(shapes.HistoryQuerySerializer, request.query_params.dict())
        found = selectors.listed_moves(self.access, agent_id, query.to_query())
        page = self.paginate_queryset(found)
        return self.get_paginated_response(shapes.StateHistorySerializer(page, many=True).data)
