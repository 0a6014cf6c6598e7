"""Services and selectors of tenancy, below HTTP."""

import os
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.db import OperationalError, connection

from core.errors import Conflict, Forbidden, Invalid, LimitExceeded, NotFound, OrchestratorError, Unauthenticated
from tests.make import Make
from workspaces import conf, selectors, services
from workspaces.access import NOBODY
from workspaces.models import AuditEntry, Membership, Project, Ticket, Workspace
from workspaces.selectors import access_of_user, project_for
from workspaces.states import Role

PASSWORD = "secret-enough-1"


@pytest.fixture(autouse=True)
def no_failures_yet() -> None:
    cache.clear()


# The first start


def test_the_first_user_gets_a_workspace_with_a_project_and_owns_it(make: Make, settings: Any) -> None:
    settings.AGENT_MAX_CONCURRENCY = 13
    user = make.user(is_superuser=True)
    workspace = services.ensure_default_workspace(user)
    assert workspace is not None
    assert workspace.max_concurrent_executions == 13
    assert access_of_user(user).roles == {workspace.id: Role.OWNER}
    assert list(workspace.projects.values_list("name", "is_default")) == [("Default", True)]


def test_asking_twice_makes_nothing_twice(make: Make) -> None:
    user = make.user()
    first = services.ensure_default_workspace(user)
    assert services.ensure_default_workspace(user) == first
    assert (Workspace.objects.count(), Project.objects.count(), Membership.objects.count()) == (1, 1, 1)


def test_a_later_user_waits_to_be_invited(make: Make) -> None:
    make.workspace()
    guest = make.user()
    assert services.ensure_default_workspace(guest) is None
    assert access_of_user(guest).workspace_ids == []


def test_a_later_superuser_without_a_workspace_joins_the_oldest(make: Make) -> None:
    oldest, _ = make.workspace(), make.workspace()
    operator = make.user(is_superuser=True)
    assert services.ensure_default_workspace(operator) == oldest
    assert access_of_user(operator).roles == {oldest.id: Role.OWNER}
    assert AuditEntry.objects.get().action == "member.added"


# Access


def test_nobody_is_who_is_anonymous_or_inactive(make: Make) -> None:
    user = make.member(make.workspace())
    assert access_of_user(AnonymousUser()) == NOBODY
    user.is_active = False
    assert access_of_user(user) == NOBODY


def test_without_a_project_the_default_one_of_the_first_fitting_workspace_is_meant(make: Make) -> None:
    watched, own = make.workspace(), make.workspace()
    user = make.member(watched, Role.VIEWER)
    Membership.objects.create(workspace=own, user=user, role=Role.MEMBER)
    access = access_of_user(user)
    assert project_for(access=access) == make.project(own)
    assert project_for(access=access, role=Role.VIEWER) == make.project(watched)
    assert project_for(access=access, workspace_id=watched.id, role=Role.VIEWER) == make.project(watched)
    with pytest.raises(Forbidden):
        project_for(access=access, workspace_id=watched.id)
    with pytest.raises(Forbidden):
        project_for(access=access, role=Role.ADMIN)


def test_a_foreign_project_is_not_found_also_beside_ones_own_workspace(make: Make) -> None:
    own, foreign = make.workspace(), make.workspace()
    access = access_of_user(make.member(own, Role.OWNER))
    for given in (
        {"project_id": make.project(foreign).id},
        {"project_id": make.project(foreign).id, "workspace_id": own.id},
        {"project_id": make.project(own).id, "workspace_id": foreign.id},
        {"workspace_id": foreign.id},
    ):
        with pytest.raises(NotFound):
            project_for(access=access, **given)


def test_a_user_in_no_workspace_is_told_what_to_do(make: Make) -> None:
    with pytest.raises(Forbidden, match="Ask an owner"):
        project_for(access=access_of_user(make.user()))


def test_a_workspace_that_lost_its_default_project_says_so(make: Make) -> None:
    workspace = make.workspace()
    Project.objects.update(is_default=False)
    with pytest.raises(NotFound, match="no default project"):
        project_for(access=access_of_user(make.member(workspace)))


def test_a_workspace_deleted_meanwhile_is_not_found(make: Make) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace))
    Workspace.objects.all().delete()
    with pytest.raises(NotFound):
        selectors.workspace_for(access=access, workspace_id=workspace.id)
    assert selectors.workspace_roles(access) == []


# What is refused leaves nothing behind


def test_an_audit_entry_is_there_only_with_its_change(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace, Role.OWNER))

    def refuse(**kwargs: object) -> None:
        raise Conflict("No.")

    monkeypatch.setattr("workspaces.services.members.record_audit", refuse)
    with pytest.raises(Conflict):
        services.add_member(access=access, workspace_id=workspace.id, username=make.user().username, role=Role.VIEWER)
    assert Membership.objects.count() == 1
    monkeypatch.setattr("workspaces.services.projects.record_audit", refuse)
    with pytest.raises(Conflict):
        services.create_project(access=access, name="x")
    assert (Project.objects.count(), AuditEntry.objects.count()) == (1, 0)


def test_a_change_that_changes_nothing_is_not_in_the_audit_log(make: Make) -> None:
    workspace = make.workspace()
    owner = make.member(workspace, Role.OWNER)
    access, row = access_of_user(owner), Membership.objects.get()
    services.update_workspace(access=access, workspace_id=workspace.id, name=workspace.name)
    services.update_project(access=access, project_id=make.project(workspace).id, name="Default")
    services.change_role(access=access, workspace_id=workspace.id, member_id=row.id, role=Role.OWNER)
    assert AuditEntry.objects.count() == 0


def test_a_member_of_another_workspace_cannot_be_reached_through_ones_own(make: Make) -> None:
    own, foreign = make.workspace(), make.workspace()
    access = access_of_user(make.member(own, Role.OWNER))
    row = Membership.objects.get(user=make.member(foreign))
    with pytest.raises(NotFound):
        services.remove_member(access=access, workspace_id=own.id, member_id=row.id)
    with pytest.raises(NotFound):
        services.change_role(access=access, workspace_id=own.id, member_id=row.id, role=Role.VIEWER)
    assert Membership.objects.count() == 2


def test_a_user_that_is_switched_off_cannot_be_added(make: Make) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace, Role.OWNER))
    gone = make.user(is_active=False)
    with pytest.raises(OrchestratorError, match="no user named"):
        services.add_member(access=access, workspace_id=workspace.id, username=gone.username, role=Role.VIEWER)


def test_a_slug_is_free_readable_and_short(make: Make) -> None:
    user = make.user()
    made = [services.create_workspace(name=name, owner=user).slug for name in ("Ä b!", "???", "x" * 100, "x" * 100)]
    assert made == ["a-b", "unnamed", "x" * 54, "x" * 54 + "-2"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
def test_a_name_that_is_none_is_refused_by_whatever_door(make: Make, name: str) -> None:
    workspace = make.workspace()
    owner = make.member(workspace, Role.OWNER)
    access, project = access_of_user(owner), make.project(workspace)
    for refused in (
        lambda: services.create_workspace(name=name, owner=owner),
        lambda: services.update_workspace(access=access, workspace_id=workspace.id, name=name),
        lambda: services.create_project(access=access, name=name),
        lambda: services.update_project(access=access, project_id=project.id, name=name),
        lambda: services.create_key(access=access, name=name),
    ):
        with pytest.raises(Invalid, match="1 to 100"):
            refused()
    assert AuditEntry.objects.count() == 0


def test_blanks_around_a_name_are_no_part_of_it(make: Make) -> None:
    assert services.create_workspace(name="  Ours ", owner=make.user()).name == "Ours"


# Logins


def test_a_name_is_slowed_only_from_the_address_that_guesses(make: Make) -> None:
    user = make.user()
    for _ in range(conf.LOGIN_FAILURES_OF_NAME):
        with pytest.raises(Unauthenticated):
            services.log_in(username=user.username, password="wrong", ip="192.0.2.1")
    with pytest.raises(LimitExceeded) as refused:
        services.log_in(username=user.username, password=PASSWORD, ip="192.0.2.1")
    assert refused.value.retry_after_seconds == conf.LOGIN_WINDOW_SECONDS
    assert services.log_in(username=user.username, password=PASSWORD, ip="192.0.2.2") == user


def test_an_address_that_tries_many_names_is_slowed_for_all(make: Make) -> None:
    user = make.user()
    for number in range(conf.LOGIN_FAILURES_OF_ADDRESS):
        services.note_failed_login(username=f"name{number}", ip="192.0.2.1")
    with pytest.raises(LimitExceeded):
        services.check_login_allowed(username=user.username, ip="192.0.2.1")


def test_a_login_forgets_the_failures_of_its_name_but_not_of_the_address(make: Make) -> None:
    user = make.user()
    for _ in range(conf.LOGIN_FAILURES_OF_ADDRESS - 1):
        services.note_failed_login(username="other", ip="192.0.2.1")
    services.log_in(username=user.username, password=PASSWORD, ip="192.0.2.1")
    services.note_failed_login(username="other", ip="192.0.2.1")
    with pytest.raises(LimitExceeded):
        services.check_login_allowed(username=user.username, ip="192.0.2.1")


def test_a_failure_that_expires_while_it_is_counted_counts_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "add", lambda *args, **kwargs: False)
    services.note_failed_login(username="ann", ip=None)
    services.check_login_allowed(username="ann", ip=None)


def test_a_user_that_is_switched_off_cannot_log_in(make: Make) -> None:
    user = make.user(is_active=False)
    with pytest.raises(Unauthenticated):
        services.log_in(username=user.username, password=PASSWORD)


def test_a_name_with_a_nul_character_is_just_unknown(make: Make) -> None:
    workspace = make.workspace()
    access = access_of_user(make.member(workspace, Role.OWNER))
    with pytest.raises(Unauthenticated):
        services.log_in(username="a\x00b", password=PASSWORD)
    with pytest.raises(Invalid):
        services.add_member(access=access, workspace_id=workspace.id, username="a\x00b", role=Role.VIEWER)


# Secrets


def test_a_database_too_busy_to_note_a_keys_use_does_not_refuse_the_request(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = access_of_user(make.member(make.workspace(), Role.OWNER))
    key, _ = services.create_key(access=access, name="k")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("workspaces.services.keys.ApiKey.objects.filter", refuse)
    services.touch_key(key=key)


def test_neither_password_nor_key_nor_ticket_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    user = make.member(make.workspace(), Role.OWNER)
    with pytest.raises(Unauthenticated):
        services.log_in(username=user.username, password="a-wrong-guess", ip="192.0.2.1")
    services.log_in(username=user.username, password=PASSWORD)
    _, secret = services.create_key(access=access_of_user(user), name="k")
    ticket = services.issue_ticket(holder=user)
    services.redeem_ticket(ticket=ticket)
    assert "login_failed" in caplog.text
    for word in ("a-wrong-guess", PASSWORD, secret, ticket):
        assert word not in caplog.text


def test_a_ticket_of_a_user_switched_off_meanwhile_is_void(make: Make) -> None:
    user = make.user()
    ticket = services.issue_ticket(holder=user)
    User.objects.update(is_active=False)
    with pytest.raises(Unauthenticated, match="no longer active"):
        services.redeem_ticket(ticket=ticket)


# Races

REDEEM = """
import django, sys
django.setup()
from core.errors import Unauthenticated
from workspaces.services import redeem_ticket
sys.stdin.readline()
try:
    print(redeem_ticket(ticket=sys.argv[1]).actor)
except Unauthenticated:
    print("refused")
"""


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_one_redeems_a_ticket() -> None:
    user = Make().user(username="ann")
    ticket = services.issue_ticket(holder=user)
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "orchestrator_site.settings", "DATABASE_URL": database_url()}
    command = [sys.executable, "-c", REDEEM, ticket]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=environ, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.communicate(timeout=60)[0].strip() for process in processes)
    assert said == ["ann", "refused"]
    assert Ticket.objects.count() == 0


def database_url() -> str:
    """The test database, for another process."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(given['NAME']))}"
    user = ":".join(quote(str(given[part])) for part in ("USER", "PASSWORD") if given[part])
    return f"postgresql://{user}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


@pytest.mark.django_db(transaction=True)
def test_two_owners_demoting_each_other_leave_one_owner() -> None:
    make = Make()
    workspace = make.workspace()
    owners = [make.member(workspace, Role.OWNER) for _ in range(2)]
    rows = [Membership.objects.get(user=owner) for owner in owners]
    start, outcomes = threading.Barrier(2), []

    def demote(owner: User, other: Membership) -> None:
        access = access_of_user(owner)
        start.wait()
        try:
            services.change_role(access=access, workspace_id=workspace.id, member_id=other.id, role=Role.MEMBER)
            outcomes.append("done")
        except OrchestratorError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in zip(owners, reversed(rows), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "done"]
    assert Membership.objects.filter(role=Role.OWNER).count() == 1
