"""Tenancy over HTTP: who one is, tokens, tickets, keys, workspaces, members, projects, the audit log."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from core.clock import SYSTEM_CLOCK
from tests.make import Make
from workspaces import services
from workspaces.models import ApiKey, AuditEntry, Membership, Project, Ticket, Workspace
from workspaces.selectors import access_of_user
from workspaces.states import Role

PASSWORD = "secret-enough-1"


@pytest.fixture(autouse=True)
def no_failures_yet() -> None:
    cache.clear()


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def token_client(user: Any) -> APIClient:
    client = APIClient()
    answer = client.post("/api/v1/auth/token", {"username": user.username, "password": PASSWORD})
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return client


def key_client(workspace: Workspace, role: Role = Role.MEMBER, make: Make | None = None) -> tuple[APIClient, ApiKey]:
    owner = Membership.objects.filter(workspace=workspace, role=Role.OWNER).first()
    user = owner.user if owner else (make or Make()).member(workspace, Role.OWNER)
    key, secret = services.create_key(
        access=access_of_user(user), name="k", role=role, workspace_id=workspace.id, expires_at=None
    )
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=secret)
    return client, key


# Tokens


def test_a_token_opens_the_api_and_a_refresh_renews_it(make: Make) -> None:
    user = make.member(make.workspace())
    pair = APIClient().post("/api/v1/auth/token", {"username": user.username, "password": PASSWORD})
    assert pair.status_code == 200
    assert pair["Cache-Control"] == "no-store"
    renewed = APIClient().post("/api/v1/auth/refresh", {"refresh": pair.json()["refresh"]}).json()["access"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {renewed}")
    assert client.get("/api/v1/me").json()["user"]["username"] == user.username


def test_a_wrong_password_is_a_401_in_the_one_shape(make: Make) -> None:
    answer = APIClient().post("/api/v1/auth/token", {"username": make.user().username, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_failed"


def test_passwords_are_guessed_slowly(make: Make) -> None:
    user = make.user()
    body = {"username": user.username, "password": "wrong"}
    assert [APIClient().post("/api/v1/auth/token", body).status_code for _ in range(11)] == [401] * 10 + [429]
    right = APIClient().post("/api/v1/auth/token", {"username": user.username, "password": PASSWORD})
    assert right.status_code == 429
    assert int(right["Retry-After"]) > 0
    elsewhere = APIClient(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post("/api/v1/auth/token", {"username": user.username, "password": PASSWORD}).status_code == 200


def test_a_changed_password_ends_tokens_given_for_the_old_one(make: Make) -> None:
    user = make.member(make.workspace())
    client = token_client(user)
    assert client.get("/api/v1/me").status_code == 200
    user.set_password("another-secret-2")
    user.save()
    assert client.get("/api/v1/me").status_code == 401


def test_a_bad_refresh_token_is_a_401(db: None) -> None:
    answer = APIClient().post("/api/v1/auth/refresh", {"refresh": "nonsense"})
    assert (answer.status_code, set(answer.json())) == (401, {"code", "message", "details"})


def test_a_refresh_token_does_not_open_the_api(make: Make) -> None:
    user = make.user()
    pair = APIClient().post("/api/v1/auth/token", {"username": user.username, "password": PASSWORD}).json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['refresh']}")
    assert client.get("/api/v1/me").status_code == 401


def test_the_session_cookie_needs_the_csrf_token_to_write(make: Make) -> None:
    user = make.user()
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/me").status_code == 200
    refused = client.post("/api/v1/workspaces", {"name": "New"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert Workspace.objects.count() == 0


# Tickets


def test_a_ticket_is_good_once(make: Make) -> None:
    user = make.member(make.workspace())
    ticket = client_of(user).post("/api/v1/auth/ticket").json()["ticket"]
    assert services.redeem_ticket(ticket=ticket).user_id == user.pk
    with pytest.raises(Exception, match="used or expired"):
        services.redeem_ticket(ticket=ticket)


def test_a_ticket_expires_and_is_swept_out(make: Make) -> None:
    user = make.user()
    ticket = client_of(user).post("/api/v1/auth/ticket").json()["ticket"]
    Ticket.objects.update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))
    with pytest.raises(Exception, match="used or expired"):
        services.redeem_ticket(ticket=ticket)
    services.issue_ticket(holder=user)
    Ticket.objects.update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))
    services.issue_ticket(holder=user)
    assert Ticket.objects.count() == 1


def test_a_ticket_is_stored_as_a_hash_only(make: Make) -> None:
    secret = services.issue_ticket(holder=make.user())
    assert secret not in str(Ticket.objects.values())


def test_a_ticket_of_a_key_is_void_once_the_key_is_revoked(make: Make) -> None:
    workspace = make.workspace()
    client, _key = key_client(workspace)
    tickets = [client.post("/api/v1/auth/ticket").json()["ticket"] for _ in range(2)]
    assert services.redeem_ticket(ticket=tickets[0]).workspace_ids == [workspace.id]
    ApiKey.objects.update(revoked_at=SYSTEM_CLOCK.now())
    with pytest.raises(Exception, match="revoked"):
        services.redeem_ticket(ticket=tickets[1])


# Keys


def test_a_key_is_shown_once_and_stored_as_a_hash(make: Make) -> None:
    workspace = make.workspace()
    admin = client_of(make.member(workspace, Role.ADMIN))
    made = admin.post("/api/v1/keys", {"name": "CI", "role": "MEMBER"})
    assert made.status_code == 201
    secret = made.json()["key"]
    assert secret.startswith("ao_")
    assert secret.startswith(made.json()["prefix"])
    assert secret not in admin.get("/api/v1/keys").content.decode()
    assert secret not in str(ApiKey.objects.values()) + str(AuditEntry.objects.values())
    assert "hashed_key" not in made.json()


@pytest.mark.parametrize("header", ["HTTP_X_API_KEY", "HTTP_AUTHORIZATION"])
def test_a_key_opens_the_api_by_either_header(make: Make, header: str) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace, Role.ADMIN))
    key, secret = services.create_key(access=access, name="k", role=Role.VIEWER)
    client = APIClient()
    client.credentials(**{header: secret if header == "HTTP_X_API_KEY" else f"Api-Key {secret}"})
    me = client.get("/api/v1/me").json()
    assert (me["actor"], me["user"]) == (f"key:{key.prefix}", None)
    assert [row["role"] for row in me["workspaces"]] == ["VIEWER"]


def test_a_revoked_or_expired_or_unknown_key_is_a_401(make: Make) -> None:
    workspace = make.workspace()
    client, _key = key_client(workspace)
    assert client.get("/api/v1/me").status_code == 200
    ApiKey.objects.update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))
    assert client.get("/api/v1/me").status_code == 401
    ApiKey.objects.update(expires_at=None, revoked_at=SYSTEM_CLOCK.now())
    assert client.get("/api/v1/me").status_code == 401
    client.credentials(HTTP_X_API_KEY="ao_nonsense")
    assert client.get("/api/v1/me").status_code == 401


def test_the_last_use_of_a_key_is_noted_at_most_once_a_minute(make: Make) -> None:
    client, _key = key_client(make.workspace())
    client.get("/api/v1/me")
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    client.get("/api/v1/me")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    client.get("/api/v1/me")
    assert ApiKey.objects.get().last_used_at >= first


def test_a_key_cannot_have_a_role_above_its_makers(make: Make) -> None:
    admin = client_of(make.member(make.workspace(), Role.ADMIN))
    assert admin.post("/api/v1/keys", {"name": "k", "role": "OWNER"}).status_code == 403
    assert ApiKey.objects.count() == 0


def test_a_member_cannot_make_or_see_keys(make: Make) -> None:
    workspace = make.workspace()
    key_client(workspace)
    member = client_of(make.member(workspace))
    assert member.post("/api/v1/keys", {"name": "k"}).status_code == 403
    assert member.get("/api/v1/keys").json()["results"] == []
    assert member.delete(f"/api/v1/keys/{ApiKey.objects.get().id}").status_code == 404


def test_a_key_may_expire_only_in_the_future(make: Make) -> None:
    admin = client_of(make.member(make.workspace(), Role.ADMIN))
    answer = admin.post("/api/v1/keys", {"name": "k", "expires_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["expires_at"])


def test_a_revoked_key_stays_listed_and_is_in_the_audit_log(make: Make) -> None:
    admin = client_of(make.member(make.workspace(), Role.ADMIN))
    id = admin.post("/api/v1/keys", {"name": "k"}).json()["id"]
    assert admin.delete(f"/api/v1/keys/{id}").status_code == 204
    assert admin.delete(f"/api/v1/keys/{id}").status_code == 204
    assert admin.get("/api/v1/keys").json()["results"][0]["revoked_at"] is not None
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == ["key.created", "key.revoked"]


# Workspaces and members


def test_who_makes_a_workspace_owns_it_and_it_has_a_default_project(make: Make) -> None:
    user = make.user()
    made = client_of(user).post("/api/v1/workspaces", {"name": "Research"})
    assert made.status_code == 201
    me = client_of(user).get("/api/v1/me").json()["workspaces"]
    assert [(row["workspace"]["id"], row["role"]) for row in me] == [(made.json()["id"], "OWNER")]
    assert [project["is_default"] for project in me[0]["projects"]] == [True]


def test_a_key_cannot_make_a_workspace(make: Make) -> None:
    client, _ = key_client(make.workspace(), Role.OWNER)
    assert client.post("/api/v1/workspaces", {"name": "New"}).status_code == 403
    assert Workspace.objects.count() == 1


def test_two_workspaces_of_one_name_have_different_slugs(make: Make) -> None:
    client = client_of(make.user())
    slugs = [client.post("/api/v1/workspaces", {"name": "Same"}).json()["slug"] for _ in range(3)]
    assert slugs == ["same", "same-2", "same-3"]


def test_an_admin_changes_limits_and_the_audit_log_has_before_and_after(make: Make) -> None:
    workspace = make.workspace()
    admin = client_of(make.member(workspace, Role.ADMIN))
    url = f"/api/v1/workspaces/{workspace.id}"
    assert admin.patch(url, {"max_concurrent_executions": 7}).json()["max_concurrent_executions"] == 7
    entry = admin.get(f"{url}/audit").json()["results"][0]
    assert (entry["action"], entry["ip"]) == ("workspace.updated", "127.0.0.1")
    assert (entry["before"], entry["after"]) == ({"max_concurrent_executions": 20}, {"max_concurrent_executions": 7})


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.MEMBER, Role.VIEWER])
def test_roles_below_admin_change_nothing_in_a_workspace(make: Make, role: Role) -> None:
    workspace = make.workspace()
    url = f"/api/v1/workspaces/{workspace.id}"
    project = make.project(workspace)
    client = client_of(make.member(workspace, role))
    assert client.patch(url, {"name": "Mine"}).status_code == 403
    assert client.post(f"{url}/members", {"username": make.user().username}).status_code == 403
    assert client.get(f"{url}/audit").status_code == 403
    assert client.post("/api/v1/projects", {"name": "New"}).status_code == 403
    assert client.patch(f"/api/v1/projects/{project.id}", {"name": "New"}).status_code == 403
    assert client.delete(f"/api/v1/projects/{project.id}").status_code == 403
    assert AuditEntry.objects.count() == 0


def test_a_member_is_added_by_user_name_once(make: Make) -> None:
    workspace = make.workspace()
    owner = client_of(make.member(workspace, Role.OWNER))
    url = f"/api/v1/workspaces/{workspace.id}/members"
    guest = make.user()
    assert owner.post(url, {"username": guest.username, "role": "VIEWER"}).json()["role"] == "VIEWER"
    assert owner.post(url, {"username": guest.username}).status_code == 409
    unknown = owner.post(url, {"username": "nobody-here"})
    assert (unknown.status_code, list(unknown.json()["details"])) == (400, ["username"])
    assert [row["username"] for row in owner.get(url).json()["results"]][1:] == [guest.username]


def test_nobody_grants_or_touches_a_role_above_their_own(make: Make) -> None:
    workspace = make.workspace()
    owner_row = Membership.objects.get(user=make.member(workspace, Role.OWNER))
    make.member(workspace, Role.OWNER)
    admin = make.member(workspace, Role.ADMIN)
    own_row = Membership.objects.get(user=admin)
    client = client_of(admin)
    url = f"/api/v1/workspaces/{workspace.id}/members"
    assert client.post(url, {"username": make.user().username, "role": "OWNER"}).status_code == 403
    assert client.patch(f"{url}/{own_row.id}", {"role": "OWNER"}).status_code == 403
    assert client.patch(f"{url}/{owner_row.id}", {"role": "VIEWER"}).status_code == 403
    assert client.delete(f"{url}/{owner_row.id}").status_code == 403
    assert sorted(Membership.objects.values_list("role", flat=True)) == ["ADMIN", "OWNER", "OWNER"]


def test_the_last_owner_can_be_neither_removed_nor_demoted(make: Make) -> None:
    workspace = make.workspace()
    owner = make.member(workspace, Role.OWNER)
    row = Membership.objects.get(user=owner)
    client = client_of(owner)
    url = f"/api/v1/workspaces/{workspace.id}/members"
    assert client.patch(f"{url}/{row.id}", {"role": "ADMIN"}).status_code == 409
    assert client.delete(f"{url}/{row.id}").status_code == 409
    make.member(workspace, Role.OWNER)
    assert client.delete(f"{url}/{row.id}").status_code == 204
    assert client.get(url).status_code == 404


def test_a_removed_member_loses_the_keys_they_made(make: Make) -> None:
    workspace = make.workspace()
    owner, admin = make.member(workspace, Role.OWNER), make.member(workspace, Role.ADMIN)
    _key, secret = services.create_key(access=access_of_user(admin), name="k", role=Role.ADMIN)
    program = APIClient()
    program.credentials(HTTP_X_API_KEY=secret)
    assert program.get("/api/v1/me").status_code == 200
    row = Membership.objects.get(user=admin)
    client_of(owner).delete(f"/api/v1/workspaces/{workspace.id}/members/{row.id}")
    assert program.get("/api/v1/me").status_code == 401


def test_a_demoted_member_loses_only_the_keys_above_their_new_role(make: Make) -> None:
    workspace = make.workspace()
    owner, admin = make.member(workspace, Role.OWNER), make.member(workspace, Role.ADMIN)
    for role in (Role.ADMIN, Role.VIEWER):
        services.create_key(access=access_of_user(admin), name=role, role=role)
    row = Membership.objects.get(user=admin)
    url = f"/api/v1/workspaces/{workspace.id}/members/{row.id}"
    assert client_of(owner).patch(url, {"role": "MEMBER"}).json()["role"] == "MEMBER"
    assert [key.name for key in ApiKey.objects.filter(revoked_at__isnull=True)] == ["VIEWER"]


# Projects


def test_a_new_project_is_announced_so_that_agents_can_move_in(make: Make) -> None:
    from workspaces.signals import project_created

    seen: list[Project] = []

    def note(sender: Any, project: Project, **kwargs: Any) -> None:
        seen.append(project)

    project_created.connect(note)
    try:
        admin = client_of(make.member(make.workspace(), Role.ADMIN))
        made = admin.post("/api/v1/projects", {"name": "Second"})
    finally:
        project_created.disconnect(note)
    assert made.status_code == 201
    assert [str(project.id) for project in seen] == [made.json()["id"]]


def test_a_workspace_has_always_one_default_project(make: Make) -> None:
    workspace = make.workspace()
    first = make.project(workspace)
    admin = client_of(make.member(workspace, Role.ADMIN))
    second = admin.post("/api/v1/projects", {"name": "Second"}).json()
    assert admin.delete(f"/api/v1/projects/{first.id}").status_code == 409
    assert admin.patch(f"/api/v1/projects/{first.id}", {"is_default": False}).status_code == 409
    assert admin.patch(f"/api/v1/projects/{second['id']}", {"is_default": True}).json()["is_default"] is True
    assert admin.delete(f"/api/v1/projects/{first.id}").status_code == 204
    assert list(workspace.projects.values_list("name", "is_default")) == [("Second", True)]


def test_a_project_whose_agents_have_worked_is_kept(make: Make) -> None:
    workspace = make.workspace()
    owner = make.member(workspace, Role.OWNER)
    project = services.create_project(access=access_of_user(owner), name="Used")
    make.session(project, tasks=1)
    answer = client_of(owner).delete(f"/api/v1/projects/{project.id}")
    assert (answer.status_code, Project.objects.filter(pk=project.pk).exists()) == (409, True)
    assert not AuditEntry.objects.filter(action="project.deleted").exists()


def test_projects_are_listed_by_workspace(make: Make) -> None:
    user = make.user()
    both = [services.create_workspace(name=name, owner=user) for name in ("One", "Two")]
    client = client_of(user)
    assert client.get("/api/v1/projects").json()["count"] == 2
    only = client.get(f"/api/v1/projects?workspace_id={both[1].id}").json()["results"]
    assert [row["workspace_id"] for row in only] == [str(both[1].id)]
    assert client.get("/api/v1/projects?workspace_id=nonsense").status_code == 400


# Around


def test_the_routes_are_there_without_a_version_too(make: Make) -> None:
    assert client_of(make.user()).get("/api/me").status_code == 200


def test_health_is_public(db: None) -> None:
    assert Client().get("/health").json() == {"status": "ok"}
    assert Client().get("/health/ready").json()["database"] == "ok"


def test_headers_forbid_framing_and_foreign_content(db: None) -> None:
    answer = Client().get("/docs")
    assert answer.status_code == 200
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert (answer["X-Frame-Options"], answer["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert "http://" not in answer.content.decode().replace("http://testserver", "")
    assert "https://" not in answer.content.decode()
