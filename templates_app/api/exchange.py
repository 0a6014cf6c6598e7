"""Templates as files, over HTTP."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from templates_app import services
from templates_app.api import parsers
from templates_app.api import serializers as shapes
from templates_app.api.addresses import OF_WORKSPACE
from templates_app.api.views import TAGS, TemplateDoor


class TemplateExport(TemplateDoor):
    content_negotiation_class = parsers.AnyAccept

    @extend_schema(
        operation_id="templates_export",
        parameters=[shapes.VersionQuery, OF_WORKSPACE],
        responses={(200, "text/yaml"): OpenApiTypes.STR},
        tags=TAGS,
    )
    def get(self, request: Request, template_id: str) -> HttpResponse:
        """A template as a YAML file, which `POST /templates/import` reads."""
        template = self.template(template_id)
        asked = self.given(shapes.VersionQuery, request.query_params.dict())
        text = services.export_template(access=self.access, template_id=template.id, **asked)
        disposition = {"Content-Disposition": f'attachment; filename="{template.slug}.yaml"'}
        return HttpResponse(text, content_type="text/yaml; charset=utf-8", headers=disposition)


class TemplateImport(TemplateDoor):
    parser_classes = parsers.IMPORT_PARSERS

    @extend_schema(
        operation_id="templates_import",
        parameters=[shapes.ImportQuery],
        request={"application/yaml": OpenApiTypes.STR, "application/json": OpenApiTypes.OBJECT},
        responses={201: shapes.TemplateShape, 200: shapes.TemplateShape},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Make a template of a file: YAML as the body, or the same keys as JSON; 200 when one of yours was updated."""
        asked = self.given(shapes.ImportQuery, request.query_params.dict())
        source: Any = request.data
        template = services.import_template(access=self.access, source=source, slug=asked.pop("id", ""), **asked)
        code = status.HTTP_201_CREATED if template.version == 1 else status.HTTP_200_OK
        return self.shown(template, code)
