"""Routes of `workspaces` in the API."""

from django.urls import path

from workspaces.api import (
    auth,
    schemes,  # noqa: F401  (describes the credentials in the OpenAPI schema)
    views,
)

urlpatterns = [
    path("auth/token", auth.Token.as_view(), name="auth-token"),
    path("auth/refresh", auth.Refresh.as_view(), name="auth-refresh"),
    path("auth/ticket", auth.NewTicket.as_view(), name="auth-ticket"),
    path("me", views.Me.as_view(), name="me"),
    path("workspaces", views.Workspaces.as_view(), name="workspaces"),
    path("workspaces/<uuid:workspace_id>", views.OneWorkspace.as_view(), name="workspace"),
    path("workspaces/<uuid:workspace_id>/members", views.Members.as_view(), name="members"),
    path("workspaces/<uuid:workspace_id>/members/<uuid:member_id>", views.OneMember.as_view(), name="member"),
    path("workspaces/<uuid:workspace_id>/audit", views.AuditLog.as_view(), name="audit"),
    path("projects", views.Projects.as_view(), name="projects"),
    path("projects/<uuid:project_id>", views.OneProject.as_view(), name="project"),
    path("keys", views.Keys.as_view(), name="keys"),
    path("keys/<uuid:key_id>", views.OneKey.as_view(), name="key"),
]
