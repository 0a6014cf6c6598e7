"""Limits of a workspace through its doors: API and page."""

from typing import Any

import pytest
from django.test import Client

from sessions.models import AgentSession
from tests.make import Make
from workspaces.models import AuditEntry, Project, Workspace
from workspaces.states import Role

pytestmark = pytest.mark.django_db
GOAL = {"task_description": "Do it", "tasks": [{"name": "one", "agent": "worker"}]}


@pytest.fixture
def project(make: Make) -> Project:
    project = make.project()
    make.agent(project, name="worker")
    return project


def client_as(make: Make, project: Project, role: Role) -> Client:
    client = Client()
    client.force_login(make.member(project.workspace, role))
    return client


def start(client: Client) -> Any:
    return client.post("/api/v1/sessions", GOAL, content_type="application/json")


def test_too_many_new_sessions_are_answered_with_429_and_when_to_come_again(make: Make, project: Project) -> None:
    Workspace.objects.update(max_sessions_per_minute=1)
    member = client_as(make, project, Role.MEMBER)
    assert start(member).status_code == 202
    refused = start(member)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_new_sessions")
    assert 1 <= int(refused["Retry-After"]) <= 61
    assert "max_sessions_per_minute" in refused.json()["message"]


def test_a_full_queue_of_the_server_is_answered_with_503(make: Make, project: Project, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    member = client_as(make, project, Role.MEMBER)
    assert start(member).status_code == 202
    refused = start(member)
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "queue_full", "30")
    assert AgentSession.objects.count() == 1


def test_the_page_of_a_new_session_says_that_there_is_no_room(make: Make, project: Project, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    make.session(project)
    make.agent(project, "planning")
    member = client_as(make, project, Role.MEMBER)
    page = member.post("/sessions/new", {"goal": "Do it", "mode": "planned"}, follow=True)
    assert "wait for a worker on this server already" in page.content.decode()


def test_the_schema_shows_when_work_is_refused_for_now(client: Client) -> None:
    schema = client.get("/api/schema?format=json").json()
    for path in ("/sessions", "/agents/execute", "/tasks", "/sessions/{session_id}/retry"):
        assert {"429", "503"} <= set(schema["paths"][f"/api/v1{path}"]["post"]["responses"]), path


def test_an_administrator_sets_limits_by_the_api(make: Make, project: Project) -> None:
    limits = {"capability_limits": {"translate": 2}, "max_sessions_per_minute": 60, "max_queued_sessions": None}
    admin = client_as(make, project, Role.ADMIN)
    answer = admin.patch(f"/api/v1/workspaces/{project.workspace_id}", limits, content_type="application/json")
    assert {name: answer.json()[name] for name in limits} == limits


@pytest.mark.parametrize("limits", [{"translate": 0}, {"translate": "many"}, ["translate"], {"translate": None}])
def test_a_capability_limit_that_is_no_number_is_refused_by_field(make: Make, project: Project, limits: Any) -> None:
    admin = client_as(make, project, Role.ADMIN)
    body = {"capability_limits": limits}
    answer = admin.patch(f"/api/v1/workspaces/{project.workspace_id}", body, content_type="application/json")
    assert answer.status_code == 400
    assert "capability_limits" in answer.json()["details"]


def test_an_administrator_sets_limits_on_the_page_and_it_is_in_the_audit_log(make: Make, project: Project) -> None:
    body = {
        "max_concurrent_executions": "7",
        "capability_limits": "translate = 2\n\nread pdf=3",
        "max_sessions_per_minute": "60",
        "max_queued_sessions": "",
    }
    answer = client_as(make, project, Role.ADMIN).post("/settings/limits", body, follow=True)
    assert "hold within seconds" in answer.content.decode()
    workspace = Workspace.objects.get(pk=project.workspace_id)
    assert workspace.capability_limits == {"translate": 2, "read pdf": 3}
    assert (workspace.max_concurrent_executions, workspace.max_sessions_per_minute) == (7, 60)
    assert workspace.max_queued_sessions is None
    assert AuditEntry.objects.filter(action="workspace.updated").count() == 1


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("max_concurrent_executions", "", "how many tasks may run"),
        ("max_sessions_per_minute", "-1", "no whole number"),
        ("max_queued_sessions", "0", "whole number from 1"),
        ("capability_limits", "translate 2", "is not like"),
        ("capability_limits", "= 2", "1 to 100 characters"),
    ],
)
def test_what_is_no_limit_is_said_and_nothing_is_changed(
    make: Make, project: Project, name: str, text: str, sentence: str
) -> None:
    body = {"max_concurrent_executions": "7", name: text}
    page = client_as(make, project, Role.ADMIN).post("/settings/limits", body).content.decode()
    assert sentence in page
    assert Workspace.objects.get(pk=project.workspace_id).max_concurrent_executions == 20


def test_a_member_sees_the_limits_and_cannot_change_them(make: Make, project: Project) -> None:
    member = client_as(make, project, Role.MEMBER)
    assert "Administrators of the workspace can change this" in member.get("/settings/limits").content.decode()
    assert member.post("/settings/limits", {"max_concurrent_executions": "7"}).status_code == 200
    assert Workspace.objects.get(pk=project.workspace_id).max_concurrent_executions == 20
