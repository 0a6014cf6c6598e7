"""Routes of contexts. A context is as old as its agent: there is none to delete or rename one."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from agents import selectors, services
from agents.api import context_shapes as shapes
from agents.api.views import Door
from agents.models import AgentContextVersion
from core.api.comparing import ChangeSerializer
from core.api.pagination import Page
from core.api.preconditions import IF_MATCH, expected_version, set_etag

DETAIL = shapes.ContextDetailSerializer


class DataPage(Page):
    """Versions with their data are large: fewer on a page."""

    page_size = 10
    max_page_size = 20


class ContextDoor(Door):
    """A view of contexts: answers one at a version, under its ETag."""

    serializer_class: type[BaseSerializer[Any]] = DETAIL

    def shown(self, version: AgentContextVersion, code: int = status.HTTP_200_OK) -> Response:
        return set_etag(Response(shapes.context_detail(version), status=code), version.version)


class AgentContexts(ContextDoor):
    @extend_schema(operation_id="contexts_list", responses=shapes.ContextSerializer(many=True), tags=["contexts"])
    def get(self, request: Request, agent_id: UUID) -> Response:
        """The contexts of an agent by name, without what they hold."""
        page = self.paginate_queryset(selectors.contexts_of_agent(self.access, agent_id))
        return self.get_paginated_response(shapes.ContextSerializer(page, many=True).data)

    @extend_schema(
        operation_id="contexts_open",
        request=shapes.ContextRequest,
        responses={201: DETAIL, 200: DETAIL},
        tags=["contexts"],
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Get a context by its name, or make it: 201 when it is new, 200 when it was there."""
        selectors.agent_for(self.access, agent_id)
        values = self.given(shapes.ContextRequest, request.data)
        context, is_new = services.open_context(access=self.access, agent_id=agent_id, **values)
        shown = services.read_context(access=self.access, context_id=context.id)
        return self.shown(shown, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class ContextDetail(ContextDoor):
    @extend_schema(operation_id="contexts_retrieve", parameters=[shapes.VersionQuery], tags=["contexts"])
    def get(self, request: Request, context_id: UUID) -> Response:
        """A context with what it holds, or held at `version`; the ETag is the version shown."""
        selectors.context_for(self.access, context_id)
        values = self.given(shapes.VersionQuery, request.query_params.dict())
        return self.shown(services.read_context(access=self.access, context_id=context_id, **values))

    @extend_schema(operation_id="contexts_write", parameters=[IF_MATCH], request=shapes.ContextWrite, tags=["contexts"])
    def put(self, request: Request, context_id: UUID) -> Response:
        """Write a new version. With If-Match only if the context is still at that version, else 412."""
        selectors.context_for(self.access, context_id)
        values = self.given(shapes.ContextWrite, request.data)
        expected = expected_version(request)
        written = services.write_context(access=self.access, context_id=context_id, expected_version=expected, **values)
        return self.shown(written)

    @extend_schema(operation_id="contexts_patch", parameters=[IF_MATCH], request=shapes.ContextPatch, tags=["contexts"])
    def patch(self, request: Request, context_id: UUID) -> Response:
        """Write a new version: the present one with `data` merged into it. If-Match as with PUT."""
        selectors.context_for(self.access, context_id)
        values = self.given(shapes.ContextPatch, request.data)
        written = services.patch_context(
            access=self.access,
            context_id=context_id,
            patch=values["data"],
            change_description=values["change_description"],
            expected_version=expected_version(request),
        )
        return self.shown(written)


class ContextVersions(ContextDoor):
    serializer_class = shapes.VersionHeadSerializer

    @property
    def paginator(self) -> BasePagination | None:
        if not hasattr(self, "_paginator"):
            self._paginator = (DataPage if self.with_data else Page)()
        return self._paginator

    @property
    def with_data(self) -> bool:
        query = getattr(self, "request", None)  # None: the schema is being drawn
        return bool(query and self.given(shapes.HistoryQuery, query.query_params.dict())["data"])

    @extend_schema(
        operation_id="contexts_versions",
        parameters=[shapes.HistoryQuery],
        responses=shapes.VersionSerializer(many=True),
        tags=["contexts"],
    )
    def get(self, request: Request, context_id: UUID) -> Response:
        """The versions that are kept, newest first; their data only with `data=true`, then at most 20 on a page."""
        context = selectors.context_for(self.access, context_id)
        page = self.paginate_queryset(selectors.versions_of(context, with_data=self.with_data))
        shape = shapes.VersionSerializer if self.with_data else shapes.VersionHeadSerializer
        return self.get_paginated_response(shape(page, many=True).data)


class ContextVersionDetail(ContextDoor):
    serializer_class = shapes.VersionSerializer

    @extend_schema(operation_id="contexts_version", tags=["contexts"])
    def get(self, request: Request, context_id: UUID, version: int) -> Response:
        """One version with its data: 404 for a number that was never given, 410 for one that was pruned."""
        shown = selectors.version_at(selectors.context_for(self.access, context_id), version)
        return Response(shapes.VersionSerializer(shown).data)


class ContextDiff(ContextDoor):
    serializer_class = ChangeSerializer

    @extend_schema(
        operation_id="contexts_diff",
        parameters=[shapes.ComparedContexts],
        responses=ChangeSerializer(many=True),
        tags=["contexts"],
    )
    def get(self, request: Request, context_id: UUID) -> Response:
        """What differs between two versions, place by place."""
        context = selectors.context_for(self.access, context_id)
        asked = self.read(shapes.ComparedContexts, request.query_params.dict())
        changes = selectors.differences(context, *asked.between(context.shown_version))
        page: Any = self.paginate_queryset(changes)
        return self.get_paginated_response(ChangeSerializer(page, many=True).data)


class ContextRollback(ContextDoor):
    @extend_schema(operation_id="contexts_rollback", request=shapes.RollbackRequest, tags=["contexts"])
    def post(self, request: Request, context_id: UUID) -> Response:
        """Let the context hold again what it held at a version; the next write continues after the highest number."""
        selectors.context_for(self.access, context_id)
        values = self.given(shapes.RollbackRequest, request.data)
        services.rollback_context(access=self.access, context_id=context_id, **values)
        return self.shown(services.read_context(access=self.access, context_id=context_id))


urlpatterns = [
    path("agents/<uuid:agent_id>/contexts", AgentContexts.as_view()),
    path("contexts/<uuid:context_id>", ContextDetail.as_view()),
    path("contexts/<uuid:context_id>/versions", ContextVersions.as_view()),
    path("contexts/<uuid:context_id>/versions/<int:version>", ContextVersionDetail.as_view()),
    path("contexts/<uuid:context_id>/diff", ContextDiff.as_view()),
    path("contexts/<uuid:context_id>/rollback", ContextRollback.as_view()),
]
