"""The admin of workspaces: through the services, into the audit log, no secrets."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.make import Make
from workspaces import services
from workspaces.models import ApiKey, AuditEntry, IdempotentRequest, Membership, Project, Workspace
from workspaces.selectors import access_of_user, live_key
from workspaces.states import Role


@pytest.fixture
def operator(make: Make) -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def client(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def url(model: type, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=args)  # type: ignore[attr-defined]


def inline(prefix: str, rows: int = 0) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": str(rows), f"{prefix}-INITIAL_FORMS": str(rows)}


@pytest.mark.parametrize("model", [Workspace, Project, Membership, ApiKey, AuditEntry, IdempotentRequest, User, Group])
def test_every_list_and_page_opens(client: Client, make: Make, model: type) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace, Role.OWNER))
    services.create_key(access=access, name="k", role=Role.VIEWER)
    group = Group.objects.create(name="g")
    assert client.get(url(model, "changelist")).status_code == 200
    services.claim_request(caller="user:1", operation="POST /agents", key="k", request_hash="h")
    row = group if model is Group else model._default_manager.first()  # type: ignore[attr-defined]
    assert client.get(url(model, "change", row.pk)).status_code == 200
    may_add = model not in (AuditEntry, IdempotentRequest)
    assert client.get(url(model, "add")).status_code == (200 if may_add else 403)


def test_a_key_made_here_is_shown_once_and_its_hash_never(client: Client, make: Make) -> None:
    workspace = make.workspace()
    made = client.post(
        url(ApiKey, "add"), {"workspace": str(workspace.id), "name": "CI", "role": "VIEWER"}, follow=True
    )
    secret = re.search(r"ao_[\w-]{43}", made.content.decode())
    assert secret is not None
    key = live_key(secret[0])
    assert key is not None
    for page in (url(ApiKey, "changelist"), url(ApiKey, "change", key.pk)):
        text = client.get(page).content.decode()
        assert key.hashed_key not in text
        assert secret[0] not in text
    assert AuditEntry.objects.get().action == "key.created"


def test_keys_are_revoked_by_an_action(client: Client, make: Make) -> None:
    access = access_of_user(make.member(make.workspace(), Role.OWNER))
    key, secret = services.create_key(access=access, name="k", role=Role.VIEWER)
    client.post(url(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [str(key.pk)]})
    assert live_key(secret) is None


def test_a_workspace_made_here_has_an_owner_and_a_default_project(client: Client, operator: User) -> None:
    body = {"name": "Made here", "max_concurrent_executions": "5", "budget_limits": "{}", "retention_days": ""}
    answer = client.post(url(Workspace, "add"), {**body, **inline("projects"), **inline("memberships")}, follow=True)
    assert answer.status_code == 200
    workspace = Workspace.objects.get()
    assert (workspace.max_concurrent_executions, workspace.projects.get().is_default) == (5, True)
    assert (workspace.memberships.get().user, workspace.memberships.get().role) == (operator, "OWNER")


def test_the_form_of_a_new_workspace_proposes_the_servers_limit(client: Client, settings: Any) -> None:
    settings.AGENT_MAX_CONCURRENCY = 13
    page = client.get(url(Workspace, "add")).content.decode()
    assert re.search(r'name="max_concurrent_executions" value="13"', page)


def test_a_change_of_a_workspace_is_audited(client: Client, make: Make, operator: User) -> None:
    workspace = make.workspace()
    body = {"name": "Renamed", "max_concurrent_executions": "5", "budget_limits": "{}", "retention_days": ""}
    rows = {**inline("projects", 1), **inline("memberships"), "projects-0-id": str(make.project(workspace).id)}
    rows["projects-0-workspace"] = str(workspace.id)
    client.post(url(Workspace, "change", workspace.pk), {**body, **rows})
    entry = AuditEntry.objects.get()
    assert entry.after["name"] == "Renamed"
    assert entry.actor == operator.username


def test_the_last_owner_is_safe_from_the_admin_too(client: Client, make: Make) -> None:
    workspace = make.workspace()
    row = Membership.objects.get(user=make.member(workspace, Role.OWNER))
    page = url(Membership, "change", row.pk)
    demoted = client.post(page, {"role": "VIEWER"}, follow=True)
    assert "last owner" in demoted.content.decode()
    removed = client.post(url(Membership, "delete", row.pk), {"post": "yes"}, follow=True)
    assert "last owner" in removed.content.decode()
    assert Membership.objects.get().role == "OWNER"


def test_a_member_is_added_changed_and_removed_through_the_services(client: Client, make: Make) -> None:
    workspace, guest = make.workspace(), make.user()
    client.post(url(Membership, "add"), {"workspace": str(workspace.id), "user": str(guest.pk), "role": "VIEWER"})
    row = Membership.objects.get(user=guest)
    client.post(url(Membership, "change", row.pk), {"role": "ADMIN"})
    client.post(
        url(Membership, "changelist"), {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    )
    actions = AuditEntry.objects.order_by("created_at", "id").values_list("action", flat=True)
    assert list(actions) == ["member.added", "member.role_changed", "member.removed"]


def test_projects_are_made_and_deleted_through_the_services(client: Client, make: Make) -> None:
    workspace = make.workspace()
    client.post(url(Project, "add"), {"workspace": str(workspace.id), "name": "Second"})
    second = Project.objects.get(name="Second")
    client.post(url(Project, "change", second.pk), {"name": "Third", "is_default": "on"})
    assert list(workspace.projects.filter(is_default=True).values_list("name", flat=True)) == ["Third"]
    refused = client.post(url(Project, "delete", second.pk), {"post": "yes"}, follow=True)
    assert "default project" in refused.content.decode()
    first = workspace.projects.get(is_default=False)
    client.post(url(Project, "delete", first.pk), {"post": "yes"})
    assert list(workspace.projects.values_list("name", flat=True)) == ["Third"]


def test_the_admins_login_is_guessed_slowly(db: None, operator: User) -> None:
    cache.clear()
    login, guess = reverse("admin:login"), {"username": operator.username, "password": "wrong"}
    for _ in range(10):
        assert "Too many" not in Client().post(login, guess).content.decode()
    right = Client().post(login, {**guess, "password": "secret-enough-1"})
    assert "Too many failed logins" in right.content.decode()
    cache.clear()
    assert Client().post(login, {**guess, "password": "secret-enough-1"}).status_code == 302


def test_what_a_delete_would_take_along_is_counted_and_never_loaded(client: Client, make: Make) -> None:
    project = make.project()
    agent = make.agent(project)
    for _ in range(3):
        make.session(agent=agent, tasks=2)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(url(Project, "delete", project.pk)).content.decode()
    assert "3 agent sessions" in page
    assert not [query for query in queries if 'FROM "agent_task"' in query["sql"]]


def test_an_owner_is_never_deleted_from_under_a_workspace(client: Client, make: Make) -> None:
    owner = make.member(make.workspace(), Role.OWNER)
    assert client.post(url(User, "delete", owner.pk), {"post": "yes"}).status_code == 403
    assert Membership.objects.filter(user=owner).exists()
