"""The pages of a session's history: its verdict, its export, and what is left when it was pruned."""

from typing import Any

import pytest
from django.test import Client

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentSession, AgentTask, PrunedSession
from tests.make import Make
from tests.past import Past
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
    with django_assert_num_queries(11):
        client.get(f"/sessions/{few.id}/history")
    with django_assert_num_queries(11):
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
