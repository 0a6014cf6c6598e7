"""Which template an address means: ids are unique in a workspace only."""

from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.serializers import UUIDField

from templates_app.models import AgentTemplate
from templates_app.selectors import template_for
from workspaces.access import Access

OF_WORKSPACE = OpenApiParameter(
    "workspace_id", OpenApiTypes.UUID, description="Whose template of this id is meant. Without it: the first of yours."
)


def template_meant(request: Request, access: Access, template_id: str) -> AgentTemplate:
    """The template of this id, in the workspace of `?workspace_id=` where that is said.

    Raises: NotFound; ValidationError for what is no UUID.
    """
    word = request.query_params.get("workspace_id")
    workspace_id: UUID | None = UUIDField().run_validation(word) if word else None
    return template_for(access, template_id, workspace_id=workspace_id)
