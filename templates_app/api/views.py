"""Routes of templates and their versions."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.api.comparing import ChangeSerializer, ComparedVersions
from core.api.preconditions import IF_MATCH, expected_version, set_etag
from core.api.schema import WordedSchema
from templates_app import selectors, services
from templates_app.api import serializers as shapes
from templates_app.api.addresses import OF_WORKSPACE, template_meant
from templates_app.models import AgentTemplate
from workspaces.api.views import AccessMixin

TAGS = ["templates"]


class TemplateDoor(AccessMixin, GenericAPIView[Any]):
    """A view of templates: answers one, with its version as ETag."""

    serializer_class: type[BaseSerializer[Any]] = shapes.TemplateShape
    filter_backends = ()

    def template(self, template_id: str) -> AgentTemplate:
        """The template meant by the address. Raises: NotFound."""
        return template_meant(self.request, self.access, template_id)

    def shown(self, template: AgentTemplate, code: int = status.HTTP_200_OK) -> Response:
        return set_etag(Response(shapes.TemplateShape(template).data, status=code), template.version)


class TemplateList(TemplateDoor):
    @extend_schema(
        operation_id="templates_list",
        parameters=[shapes.TemplateQueryShape],
        responses=shapes.TemplateShape(many=True),
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        """The templates of your workspaces and the built-in ones."""
        query = self.read(shapes.TemplateQueryShape, request.query_params.dict()).to_query()
        page = self.paginate_queryset(selectors.listed_templates(self.access, query))
        return self.get_paginated_response(shapes.TemplateShape(page, many=True).data)

    @extend_schema(
        operation_id="templates_create",
        request=shapes.TemplateRequest,
        responses={201: shapes.TemplateShape},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Make a template. Its defaults must fit its schema, and the definition's."""
        asked = self.read(shapes.TemplateRequest, request.data)
        template = services.create_template(
            access=self.access,
            workspace_id=asked.validated_data.get("workspace_id"),
            values=asked.to_values(),
            change_description=asked.validated_data["change_description"],
        )
        return self.shown(template, status.HTTP_201_CREATED)


class TemplateDetail(TemplateDoor):
    @extend_schema(operation_id="templates_retrieve", parameters=[OF_WORKSPACE], tags=TAGS)
    def get(self, request: Request, template_id: str) -> Response:
        """One template, as it is now."""
        return self.shown(self.template(template_id))

    @extend_schema(
        operation_id="templates_update",
        request=shapes.TemplateChange,
        parameters=[IF_MATCH, OF_WORKSPACE],
        tags=TAGS,
    )
    def patch(self, request: Request, template_id: str) -> Response:
        """Change what is given, as a new version; the agents made of it stay as they are until they are upgraded."""
        return self._change(request, template_id, partial=True)

    @extend_schema(
        operation_id="templates_replace",
        request=shapes.TemplateChange,
        parameters=[IF_MATCH, OF_WORKSPACE],
        tags=TAGS,
    )
    def put(self, request: Request, template_id: str) -> Response:
        """Say anew what the template says, as a new version; what is left out is empty again, the type stays."""
        return self._change(request, template_id, partial=False)

    @extend_schema(operation_id="templates_delete", parameters=[OF_WORKSPACE], responses={204: None}, tags=TAGS)
    def delete(self, request: Request, template_id: str) -> Response:
        """Remove a template that no agent was made of, with its versions; 409 for one in use: disable it."""
        services.delete_template(access=self.access, template_id=self.template(template_id).id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, template_id: str, *, partial: bool) -> Response:
        template = self.template(template_id)
        asked = self.read(shapes.TemplateChange, request.data, partial=partial)
        changed = services.update_template(
            access=self.access,
            template_id=template.id,
            changes=asked.changes(),
            change_description=asked.validated_data.get("change_description", ""),
            expected_version=expected_version(request),
            replace=not partial,
        )
        return self.shown(changed)


class TemplateVersions(TemplateDoor):
    serializer_class = shapes.TemplateVersionShape

    @extend_schema(
        operation_id="templates_versions",
        parameters=[OF_WORKSPACE],
        responses=shapes.TemplateVersionShape(many=True),
        tags=TAGS,
    )
    def get(self, request: Request, template_id: str) -> Response:
        """Every version a template has had, newest first."""
        page = self.paginate_queryset(selectors.versions_of(self.template(template_id)).defer("snapshot"))
        return self.get_paginated_response(shapes.TemplateVersionShape(page, many=True).data)


class TemplateVersion(TemplateDoor):
    serializer_class = shapes.FullTemplateVersion

    @extend_schema(
        operation_id="templates_version", parameters=[OF_WORKSPACE], responses=shapes.FullTemplateVersion, tags=TAGS
    )
    def get(self, request: Request, template_id: str, version: int) -> Response:
        """What a template said at a version."""
        row = selectors.version_at(self.template(template_id), version)
        return Response(shapes.FullTemplateVersion(row).data)


class TemplateDiff(TemplateDoor):
    serializer_class = ChangeSerializer

    @extend_schema(
        operation_id="templates_diff",
        parameters=[ComparedVersions, OF_WORKSPACE],
        responses=ChangeSerializer(many=True),
        tags=TAGS,
    )
    def get(self, request: Request, template_id: str) -> Response:
        """What differs between two versions, place by place."""
        template = self.template(template_id)
        asked = self.read(ComparedVersions, request.query_params.dict())
        page: Any = self.paginate_queryset(selectors.differences(template, *asked.between(template.version)))
        return self.get_paginated_response(ChangeSerializer(page, many=True).data)


class TemplateRestore(TemplateDoor):
    @extend_schema(
        operation_id="templates_restore",
        request=shapes.TemplateRestoreRequest,
        parameters=[IF_MATCH, OF_WORKSPACE],
        tags=TAGS,
    )
    def post(self, request: Request, template_id: str) -> Response:
        """Say again what the template said at a version, as a new version."""
        template = self.template(template_id)
        asked = self.given(shapes.TemplateRestoreRequest, request.data)
        expected = expected_version(request)
        restored = services.restore_version(
            access=self.access, template_id=template.id, expected_version=expected, **asked
        )
        return self.shown(restored)


class TemplateSwitch(TemplateDoor):
    """`POST /templates/{id}/enable` and `/disable`; which is given by the route."""

    schema = WordedSchema()
    enabled = True

    @property
    def words(self) -> str:
        return (
            "Let agents be made of a template again." if self.enabled else "Let no more agents be made of a template."
        )

    @extend_schema(request=None, parameters=[OF_WORKSPACE], responses=shapes.TemplateShape, tags=TAGS)
    def post(self, request: Request, template_id: str) -> Response:
        """The agents it has are not touched."""
        template = self.template(template_id)
        return self.shown(services.set_enabled(access=self.access, template_id=template.id, enabled=self.enabled))


class TemplateCopy(TemplateDoor):
    @extend_schema(
        operation_id="templates_copy",
        request=shapes.TemplateCopyRequest,
        parameters=[OF_WORKSPACE],
        responses={201: shapes.TemplateShape},
        tags=TAGS,
    )
    def post(self, request: Request, template_id: str) -> Response:
        """A template of your own that says what this one says: the way to change a built-in one."""
        template = self.template(template_id)
        asked = self.given(shapes.TemplateCopyRequest, request.data)
        copy = services.copy_template(access=self.access, template_id=template.id, slug=asked.pop("id"), **asked)
        return self.shown(copy, status.HTTP_201_CREATED)


class DraftValidation(TemplateDoor):
    serializer_class = shapes.VerdictShape

    @extend_schema(
        operation_id="templates_validate_draft",
        request=shapes.DraftRequest,
        responses=shapes.VerdictShape,
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Whether these contents could become a template, and what stands against it; nothing is kept."""
        asked = self.read(shapes.DraftRequest, request.data)
        problems = selectors.problems_of_draft(asked.to_values(), asked.validated_data.get("configuration"))
        return Response({"valid": not problems, "errors": problems})


class TemplateValidation(TemplateDoor):
    serializer_class = shapes.VerdictShape

    @extend_schema(
        operation_id="templates_validate",
        request=shapes.ValidateRequest,
        parameters=[OF_WORKSPACE],
        responses=shapes.VerdictShape,
        tags=TAGS,
    )
    def post(self, request: Request, template_id: str) -> Response:
        """Whether an agent could be made with this configuration, and what stands against it; nothing is made."""
        template = self.template(template_id)
        asked = self.given(shapes.ValidateRequest, request.data)
        problems = selectors.problems_of_application(template, **asked)
        return Response({"valid": not problems, "errors": problems})
