"""A session's history over HTTP: checked, handed out as a file, and what is said when it was pruned."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentSession, PrunedSession, SessionEvent
from tests.make import Make
from tests.past import Past
from workspaces.states import Role

SESSIONS = "/api/v1/sessions"


@pytest.fixture
def past(make: Make) -> Past:
    return Past(make)


@pytest.fixture
def client(past: Past) -> Client:
    client = Client()
    client.force_login(past.make.member(past.project.workspace, Role.VIEWER))
    return client


def prune(session: AgentSession, **fields: Any) -> PrunedSession:
    """The session as the retention leaves it in the middle of its work."""
    now = SYSTEM_CLOCK.now()
    row = PrunedSession.objects.create(
        id=session.id,
        workspace=session.workspace,
        status=session.status,
        completed_at=session.completed_at,
        last_seq=session.last_seq,
        last_hash=session.last_hash,
        created_at=now,
        **fields,
    )
    AgentSession.objects.filter(pk=session.pk).update(pruning_at=now)
    return row


def test_a_whole_history_is_said_to_be_whole(past: Past, client: Client) -> None:
    session = past.session()
    answer = client.get(f"{SESSIONS}/{session.id}/verify")
    assert answer.status_code == 200
    assert answer.json() == {
        "session_id": str(session.id),
        "is_whole": True,
        "is_compared": True,
        "events": session.last_seq,
        "last_seq": session.last_seq,
        "last_hash": session.last_hash,
        "problems": [],
    }


def test_a_broken_history_names_the_first_break(past: Past, client: Client) -> None:
    session = past.session()
    SessionEvent.objects.filter(session=session, seq=3).delete()
    found = client.get(f"{SESSIONS}/{session.id}/verify").json()
    assert (found["is_whole"], found["events"], found["last_seq"]) == (False, 2, 2)
    assert found["problems"] == [{"seq": 3, "code": "broken_chain", "message": "Event 3 is missing."}]


def test_checking_takes_a_fixed_number_of_queries(past: Past, client: Client, django_assert_num_queries: Any) -> None:
    few, many = past.session({"a": 1}), past.session({f"t{n}": n for n in range(15)})
    with django_assert_num_queries(11):
        client.get(f"{SESSIONS}/{few.id}/verify")
    with django_assert_num_queries(11):
        client.get(f"{SESSIONS}/{many.id}/verify")


@pytest.mark.parametrize("path", ["", "/verify", "/tasks", "/messages", "/graph"])
def test_a_pruned_session_is_gone_with_a_snapshot_for_members(past: Past, client: Client, path: str) -> None:
    session = past.session()
    prune(session, export="a/b.zip", export_sha256="0" * 64, export_bytes=5)
    answer = client.get(f"{SESSIONS}/{session.id}{path}")
    assert (answer.status_code, answer.json()["code"]) == (410, "session_gone")
    assert f"GET {SESSIONS}/{session.id}/export" in answer.json()["message"]
    left = answer.json()["details"]
    assert (left["status"], left["last_seq"], left["last_hash"]) == ("COMPLETED", session.last_seq, session.last_hash)
    assert left["export"] == {
        "file": "a/b.zip", "sha256": "0" * 64, "bytes": 5, "href": f"{SESSIONS}/{session.id}/export"
    }  # fmt: skip


def test_a_pruned_session_of_another_workspace_was_never_there(past: Past, client: Client) -> None:
    foreign = Past(past.make).session()
    prune(foreign)
    assert client.get(f"{SESSIONS}/{foreign.id}").status_code == 404


def test_a_pruned_session_is_in_no_list(past: Past, client: Client) -> None:
    session, kept = past.session(), past.session()
    task = session.tasks.first()
    prune(session)
    assert [row["id"] for row in client.get(SESSIONS).json()["results"]] == [str(kept.id)]
    assert {row["session_id"] for row in client.get("/api/v1/tasks").json()["results"]} == {str(kept.id)}
    assert client.get(f"/api/v1/tasks/{task.id}").status_code == 404


def test_nothing_can_be_asked_of_a_pruned_session(past: Past) -> None:
    session, client = past.session(), Client()
    client.force_login(past.user)
    prune(session)
    answer = client.post(f"{SESSIONS}/{session.id}/cancel", "{}", content_type="application/json")
    assert answer.status_code == 410


class TestLiveRoutes:
    """The asynchronous routes: export, stream, events."""

    pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tidy_loop")]

    @pytest.fixture
    async def world(self, transactional_db: None) -> tuple[Past, AgentSession, AsyncClient]:
        past = await sync_to_async(lambda: Past(Make()))()
        session = await sync_to_async(past.session)()
        client = AsyncClient()
        await client.aforce_login(past.user)
        return past, session, client

    async def test_a_session_is_handed_out_as_a_bundle(self, world: Any) -> None:
        _, session, client = world
        answer = await client.get(f"{SESSIONS}/{session.id}/export")
        body = b"".join([piece async for piece in answer.streaming_content])
        answer.close()
        assert answer["Content-Type"] == "application/zip"
        assert int(answer["Content-Length"]) == len(body)
        assert answer["Content-Disposition"] == f'attachment; filename="session-{session.id}.zip"'
        with ZipFile(BytesIO(body)) as bundle:
            assert json.loads(bundle.read("manifest.json"))["last_hash"] == session.last_hash

    async def test_of_a_pruned_session_the_kept_bundle_is_handed_out(
        self, world: Any, settings: Any, tmp_path: Path
    ) -> None:
        _, session, client = world
        settings.RETENTION_EXPORT_DIR = tmp_path
        (tmp_path / "kept.zip").write_bytes(b"what was written then")
        await sync_to_async(prune)(session, export="kept.zip")
        answer = await client.get(f"{SESSIONS}/{session.id}/export")
        assert b"".join([piece async for piece in answer.streaming_content]) == b"what was written then"
        answer.close()
        (tmp_path / "kept.zip").unlink()
        gone = await client.get(f"{SESSIONS}/{session.id}/export")
        assert (gone.status_code, gone.json()["code"]) == (410, "session_gone")

    @pytest.mark.parametrize("path", ["events?after=3", "stream?after=3", "export"])
    async def test_a_pruned_cursor_is_answered_with_a_snapshot(self, world: Any, path: str) -> None:
        _, session, client = world
        await sync_to_async(prune)(session)
        answer = await client.get(f"{SESSIONS}/{session.id}/{path}")
        assert answer.status_code == 410
        assert answer.json()["details"]["last_seq"] == session.last_seq
        assert answer.json()["details"]["export"] is None
