"""Routes of workspaces, their members and audit log, projects and keys, and of who the caller is."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import UUIDField

from workspaces import selectors, services
from workspaces.api.access import AccessMixin, PagedMixin
from workspaces.api.serializers import (
    AuditShape,
    KeyRequest,
    KeyShape,
    MemberRequest,
    MemberShape,
    MeShape,
    NewKey,
    ProjectChange,
    ProjectRequest,
    ProjectShape,
    RoleChange,
    WorkspaceShape,
)
from workspaces.states import Role

__all__ = ["AccessMixin", "PagedMixin"]

OF_WORKSPACE = OpenApiParameter("workspace_id", OpenApiTypes.UUID, description="Only those of this workspace.")
NO_STORE = {"Cache-Control": "no-store"}


class Door(PagedMixin, GenericAPIView[Any]):
    """A view of tenancy. Selectors decide what its rows are; the empty set here only tells the schema their model."""

    def get_queryset(self) -> QuerySet[Any]:
        model: type[Model] = self.get_serializer_class().Meta.model  # type: ignore[attr-defined]
        return model._default_manager.none()


def workspace_filter(request: Request) -> UUID | None:
    """`?workspace_id=`; a word that is no id is an error by field, not an empty list."""
    text = request.query_params.get("workspace_id")
    return UUIDField().run_validation(text) if text else None


class Me(Door):
    serializer_class = MeShape

    @extend_schema(operation_id="me", summary="Who am I, and where?")
    def get(self, request: Request) -> Response:
        """Who the credentials belong to, and the workspaces and roles they reach."""
        user = request.user if isinstance(request.user, User) else None
        own = selectors.workspace_roles(self.access)
        return Response(MeShape({"actor": self.access.actor, "user": user, "workspaces": own}).data)


class Workspaces(Door):
    serializer_class = WorkspaceShape

    @extend_schema(operation_id="workspaces_list", responses=WorkspaceShape(many=True))
    def get(self, request: Request) -> Response:
        """The workspaces the caller is a member of."""
        return self.paged(selectors.visible_workspaces(self.access))

    @extend_schema(operation_id="workspaces_create", responses={201: WorkspaceShape})
    def post(self, request: Request) -> Response:
        """Makes a workspace with a default project; the caller becomes its owner."""
        workspace = services.found_workspace(access=self.access, **self.given(WorkspaceShape, request.data))
        return Response(WorkspaceShape(workspace).data, status=status.HTTP_201_CREATED)


class OneWorkspace(Door):
    serializer_class = WorkspaceShape

    @extend_schema(operation_id="workspaces_retrieve")
    def get(self, request: Request, workspace_id: UUID) -> Response:
        """One workspace."""
        workspace = selectors.workspace_for(access=self.access, workspace_id=workspace_id)
        return Response(WorkspaceShape(workspace).data)

    @extend_schema(operation_id="workspaces_update")
    def patch(self, request: Request, workspace_id: UUID) -> Response:
        """Changes name, limits or retention. Needs ADMIN."""
        selectors.workspace_for(access=self.access, workspace_id=workspace_id)
        changes = self.given(WorkspaceShape, request.data, partial=True)
        workspace = services.update_workspace(access=self.access, workspace_id=workspace_id, **changes)
        return Response(WorkspaceShape(workspace).data)


class Members(Door):
    serializer_class = MemberShape

    @extend_schema(operation_id="members_list", responses=MemberShape(many=True))
    def get(self, request: Request, workspace_id: UUID) -> Response:
        """The members of a workspace and their roles."""
        return self.paged(selectors.members(access=self.access, workspace_id=workspace_id))

    @extend_schema(operation_id="members_add", request=MemberRequest, responses={201: MemberShape})
    def post(self, request: Request, workspace_id: UUID) -> Response:
        """Adds an existing user by name. Needs ADMIN, and nobody grants a role above their own."""
        self.access.require(workspace_id)
        row = services.add_member(
            access=self.access, workspace_id=workspace_id, **self.given(MemberRequest, request.data)
        )
        return Response(MemberShape(row).data, status=status.HTTP_201_CREATED)


class OneMember(Door):
    serializer_class = MemberShape

    @extend_schema(operation_id="members_change_role", request=RoleChange, responses=MemberShape)
    def patch(self, request: Request, workspace_id: UUID, member_id: UUID) -> Response:
        """Changes a member's role. The last owner stays one."""
        self.access.require(workspace_id)
        role = self.given(RoleChange, request.data)["role"]
        row = services.change_role(access=self.access, workspace_id=workspace_id, member_id=member_id, role=role)
        return Response(MemberShape(row).data)

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, workspace_id: UUID, member_id: UUID) -> Response:
        """Removes a member and revokes the keys they made; anybody may remove themselves."""
        services.remove_member(access=self.access, workspace_id=workspace_id, member_id=member_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AuditLog(Door):
    serializer_class = AuditShape

    @extend_schema(operation_id="audit_list", responses=AuditShape(many=True))
    def get(self, request: Request, workspace_id: UUID) -> Response:
        """Who changed what, newest first. Needs ADMIN."""
        return self.paged(selectors.audit_entries(access=self.access, workspace_id=workspace_id))


class Projects(Door):
    serializer_class = ProjectShape

    @extend_schema(operation_id="projects_list", parameters=[OF_WORKSPACE], responses=ProjectShape(many=True))
    def get(self, request: Request) -> Response:
        """The projects of the caller's workspaces."""
        wanted = workspace_filter(request)
        rows = selectors.visible_projects(self.access)
        return self.paged(rows.filter(workspace_id=wanted) if wanted else rows)

    @extend_schema(operation_id="projects_create", request=ProjectRequest, responses={201: ProjectShape})
    def post(self, request: Request) -> Response:
        """Makes a project, with the four built-in agents. Needs ADMIN."""
        project = services.create_project(access=self.access, **self.given(ProjectRequest, request.data))
        return Response(ProjectShape(project).data, status=status.HTTP_201_CREATED)


class OneProject(Door):
    serializer_class = ProjectShape

    @extend_schema(operation_id="projects_retrieve")
    def get(self, request: Request, project_id: UUID) -> Response:
        """One project."""
        project = selectors.project_for(access=self.access, project_id=project_id, role=Role.VIEWER)
        return Response(ProjectShape(project).data)

    @extend_schema(operation_id="projects_update", request=ProjectChange)
    def patch(self, request: Request, project_id: UUID) -> Response:
        """Renames a project, or makes it the default one. Needs ADMIN."""
        selectors.project_for(access=self.access, project_id=project_id, role=Role.VIEWER)
        project = services.update_project(
            access=self.access, project_id=project_id, **self.given(ProjectChange, request.data)
        )
        return Response(ProjectShape(project).data)

    @extend_schema(operation_id="projects_delete", responses={204: None})
    def delete(self, request: Request, project_id: UUID) -> Response:
        """Deletes a project with its documents, unless its agents have worked. Needs ADMIN."""
        services.delete_project(access=self.access, project_id=project_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Keys(Door):
    serializer_class = KeyShape
    secret_fields = ("key",)

    @extend_schema(operation_id="keys_list", parameters=[OF_WORKSPACE], responses=KeyShape(many=True))
    def get(self, request: Request) -> Response:
        """Keys of the workspaces the caller administers."""
        return self.paged(selectors.api_keys(access=self.access, workspace_id=workspace_filter(request)))

    @extend_schema(operation_id="keys_create", request=KeyRequest, responses={201: NewKey})
    def post(self, request: Request) -> Response:
        """Makes a key. `key` is shown once: an answer repeated for an `Idempotency-Key` has null there. Needs ADMIN."""
        row, secret = services.create_key(access=self.access, **self.given(KeyRequest, request.data))
        body = {**KeyShape(row).data, "key": secret}
        return Response(body, status=status.HTTP_201_CREATED, headers=NO_STORE)


class OneKey(Door):
    serializer_class = KeyShape

    @extend_schema(operation_id="keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revokes a key at once and for good; its row stays for the audit. Needs ADMIN."""
        services.revoke_key(access=self.access, key_id=key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
