"""The dashboard's socket: a snapshot, then what changes, of the caller's workspaces only."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from orchestrator_site.asgi import application
from sessions.consumers import dashboard
from sessions.models import AgentSession
from sessions.streaming import publisher
from sessions.streaming.hub import running_hub
from tests.make import Make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def closed_hub(transactional_db: None) -> AsyncIterator[None]:
    yield
    await running_hub().close()


def world() -> tuple[AgentSession, AgentSession, str]:
    """A session of the caller, one of somebody else, and the caller's cookie."""
    make = Make()
    workspace = make.workspace()
    client = Client()
    client.force_login(make.member(workspace))
    own = make.session(make.project(workspace), title="ours")
    return own, make.session(title="theirs"), client.cookies["sessionid"].value


def change(session: AgentSession, title: str) -> None:
    AgentSession.objects.filter(pk=session.pk).update(title=title)
    publisher.publish_change(str(session.pk))


async def connected(cookie: str) -> Any:
    headers = [(b"host", b"testserver"), (b"cookie", f"sessionid={cookie}".encode())]
    socket = WebsocketCommunicator(application, "/ws/dashboard", headers=headers)
    assert (await socket.connect())[0]
    return socket


async def frame(socket: Any, kind: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = json.loads(await socket.receive_from(timeout=8))
        if found["type"] == kind:
            return found


async def test_a_snapshot_then_the_changes_of_the_callers_workspaces() -> None:
    own, foreign, cookie = await sync_to_async(world)()
    socket = await connected(cookie)
    snapshot = await frame(socket, "snapshot")
    assert [session["title"] for session in snapshot["sessions"]] == ["ours"]
    assert snapshot["figures"]["pending_sessions"] == 1
    await sync_to_async(change)(foreign, "secret")
    await sync_to_async(change)(own, "renamed")
    assert (await frame(socket, "session"))["session"]["title"] == "renamed"
    await socket.disconnect()


async def test_a_change_without_a_hint_is_found_by_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "LOOK_SECONDS", 0.1)
    own, _, cookie = await sync_to_async(world)()
    socket = await connected(cookie)
    await frame(socket, "snapshot")
    await sync_to_async(AgentSession.objects.filter(pk=own.pk).update)(title="quietly")
    assert (await frame(socket, "session"))["session"]["title"] == "quietly"
    assert await frame(socket, "heartbeat")
    await socket.disconnect()


async def test_nobody_gets_no_dashboard() -> None:
    socket = await connected("no-such-login")
    assert (await frame(socket, "closing"))["code"] == 4401
