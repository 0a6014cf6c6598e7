"""The pages of a session's history: its verdict, its export, and what is left when it was pruned."""

from typing import Any

import pytest
from django.test import Client

from core.clock import SYSTEM_CLOCK
from core.errors import Invalid
from core.ids import new_id
from sessions.models import AgentSession, AgentTask, PrunedSession
from tests.make import Make
from tests.past import Past
from workspaces.models import AuditEntry, Workspace
from workspaces.selectors import access_of_user
from workspaces.services import update_workspace
from workspaces.states import Role


@pytest.fixture
def past(make: Make) -> Past:
    return Past(make)


@pytest.fixture
def client(past: Past) -> Client:
    client = Client()
    client.force_login(past.make.member(past.project.workspace, Role.VIEWER))
    return client


def test_the_session_page_links_to_its_history_and_its_bundle(past: Past, client: Client) -> None:
    session = past.session()
    shown = client.get(f"/sessions/{session.id}").content.decode()
    assert f'href="/sessions/{session.id}/history" data-verify="/api/v1/sessions/{session.id}/verify"' in shown
    assert f'href="/api/v1/sessions/{session.id}/export" download' in shown


def test_a_whole_history_is_shown_with_its_last_hash(past: Past, client: Client) -> None:
    session = past.session()
    shown = client.get(f"/sessions/{session.id}/history").content.decode()
    assert "History verified." in shown
    assert session.last_hash in shown


def test_a_broken_history_is_shown_with_what_is_wrong(past: Past, client: Client) -> None:
    session = past.session()
    AgentTask.objects.filter(session=session, name="first").update(name="<b>forged</b>")
    shown = client.get(f"/sessions/{session.id}/history").content.decode()
    assert "This history is not whole." in shown
    assert "the name of a task is first in the log and &lt;b&gt;forged&lt;/b&gt; in the row" in shown


def test_the_history_page_takes_a_fixed_number_of_queries(
    past: Past, client: Client, django_assert_num_queries: Any
) -> None:
    few, many = past.session({"a": 1}), past.session({f"t{n}": n for n in range(15)})
    client.get(f"/sessions/{few.id}/history")
    with django_assert_num_queries(13):
        client.get(f"/sessions/{few.id}/history")
    with django_assert_num_queries(13):
        client.get(f"/sessions/{many.id}/history")


@pytest.mark.parametrize(("export", "words"), [("a.zip", "Download its export"), ("", "keeps no exports")])
@pytest.mark.parametrize("path", ["", "/history"])
def test_a_pruned_session_is_said_to_be_deleted(past: Past, client: Client, path: str, export: str, words: str) -> None:
    session, now = past.session(), SYSTEM_CLOCK.now()
    PrunedSession.objects.create(
        id=session.id, workspace=session.workspace, status="COMPLETED", completed_at=now, last_seq=9,
        last_hash="f" * 64, created_at=now, export=export,
    )  # fmt: skip
    AgentSession.objects.filter(pk=session.pk).delete()
    answer = client.get(f"/sessions/{session.id}{path}")
    assert answer.status_code == 410
    assert "This session was deleted" in answer.content.decode()
    assert words in answer.content.decode()
    stranger = Client()
    stranger.force_login(Past(past.make).user)
    assert stranger.get(f"/sessions/{session.id}{path}").status_code == 404


# ----------------------------------------------------------------------------------------------------------- retention


@pytest.fixture
def owner(past: Past) -> Client:
    client = Client()
    client.force_login(past.make.member(past.project.workspace, Role.OWNER))
    return client


def workspace_of(past: Past) -> Workspace:
    return Workspace.objects.get(pk=past.project.workspace_id)


def test_an_owner_changes_the_retention_and_it_is_in_the_audit_log(past: Past, owner: Client) -> None:
    answer = owner.post("/settings/retention", {"days": "90"}, follow=True)
    assert "kept for 90 days, then deleted" in answer.content.decode()
    workspace = workspace_of(past)
    assert (workspace.retention_days, workspace.export_before_pruning) == (90, False)
    entry = AuditEntry.objects.get(action="workspace.updated")
    assert (entry.before, entry.after) == (
        {"retention_days": None, "export_before_pruning": True},
        {"retention_days": 90, "export_before_pruning": False},
    )
    owner.post("/settings/retention", {"days": "", "export": "on"})
    assert (workspace_of(past).retention_days, workspace_of(past).export_before_pruning) == (None, True)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "many", "36501", "²", "9" * 30])
def test_a_retention_that_is_none_is_refused_with_a_sentence(past: Past, owner: Client, days: str) -> None:
    shown = owner.post("/settings/retention", {"days": days}).content.decode()
    assert "Give a whole number of days" in shown
    assert workspace_of(past).retention_days is None


def test_members_see_the_retention_and_may_not_change_it(past: Past, client: Client) -> None:
    assert "kept for ever" in client.get("/settings/retention").content.decode()
    assert 'name="days"' not in client.get("/settings/retention").content.decode()
    client.post("/settings/retention", {"days": "1"})
    assert workspace_of(past).retention_days is None


def test_deleted_sessions_are_listed_with_their_exports(past: Past, client: Client) -> None:
    now = SYSTEM_CLOCK.now()
    mine, foreign = (
        PrunedSession.objects.create(
            id=new_id(), workspace=project.workspace, status="FAILED", completed_at=now, last_seq=7,
            created_at=now, export="x.zip",
        )
        for project in (past.project, past.make.project())
    )  # fmt: skip
    shown = client.get("/settings/retention").content.decode()
    assert f'href="/api/v1/sessions/{mine.id}/export"' in shown
    assert str(foreign.id) not in shown
    assert "going on" in shown


@pytest.mark.parametrize("days", [0, 36_501])
def test_the_api_refuses_a_retention_that_is_none(past: Past, owner: Client, days: int) -> None:
    path = f"/api/v1/workspaces/{past.project.workspace_id}"
    answer = owner.patch(path, {"retention_days": days}, content_type="application/json")
    assert answer.status_code == 400
    assert "retention_days" in answer.json()["details"]


def test_no_other_door_lets_a_retention_of_nothing_in(past: Past) -> None:
    access = access_of_user(past.make.member(past.project.workspace, Role.OWNER))
    with pytest.raises(Invalid, match="retention_days"):
        update_workspace(access=access, workspace_id=past.project.workspace_id, retention_days=0)
