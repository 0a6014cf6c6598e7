"""Routes of the pages."""

from django.urls import path, register_converter

from frontend import agent_urls, template_urls
from frontend.converters import CommandConverter
from frontend.views import (
    accounts,
    dashboard,
    documents,
    history,
    limits,
    new_session,
    queue,
    repeating,
    retention,
    sessions,
    settings,
)

register_converter(CommandConverter, "command")

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("login", accounts.login_page, name="login"),
    path("logout", accounts.logout_page, name="logout"),
    path("switch", accounts.switch_project, name="switch-project"),
    path("sessions", sessions.session_list, name="sessions"),
    path("sessions/new", new_session.session_new, name="session-new"),
    path("sessions/<uuid:session_id>", sessions.session_page, name="session"),
    path("sessions/<uuid:session_id>/history", history.session_history, name="session-history"),
    path("sessions/<uuid:session_id>/<command:kind>", sessions.session_command, name="session-command"),
    path("sessions/<uuid:session_id>/retry", repeating.session_retry, name="session-retry"),
    path("sessions/<uuid:session_id>/rerun/<uuid:task_id>", repeating.session_rerun, name="session-rerun"),
    path("sessions/<uuid:session_id>/fork", repeating.session_fork, name="session-fork"),
    path("queue", queue.queue, name="queue"),
    path("documents", documents.document_list, name="documents"),
    path("documents/upload", documents.upload, name="document-upload"),
    path("documents/collections", documents.new_collection, name="collection-new"),
    path("documents/<uuid:document_id>", documents.document_page, name="document"),
    path("documents/<uuid:document_id>/passage", documents.passage, name="document-passage"),
    path("documents/<uuid:document_id>/delete", documents.delete, name="document-delete"),
    *agent_urls.urlpatterns,
    *template_urls.urlpatterns,
    path("settings/members", settings.member_list, name="members"),
    path("settings/members/<uuid:member_id>/role", settings.member_role, name="member-role"),
    path("settings/members/<uuid:member_id>/remove", settings.member_remove, name="member-remove"),
    path("settings/projects", settings.project_list, name="projects"),
    path("settings/retention", retention.retention, name="retention"),
    path("settings/limits", limits.limits, name="limits"),
    path("settings/keys", settings.key_list, name="keys"),
    path("settings/keys/<uuid:key_id>/revoke", settings.key_revoke, name="key-revoke"),
]
