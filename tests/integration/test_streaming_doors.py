"""WebSocket, server-sent events and long-poll of one session: the same frames, the same credentials, any cursor."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import AsyncClient, Client

from core.clock import SYSTEM_CLOCK
from orchestrator_site.asgi import application
from sessions.models import AgentSession, PrunedSession
from sessions.streaming import backlog, conf, publisher
from sessions.streaming.frames import Notice
from sessions.streaming.hub import running_hub
from tests.logs import write_events
from tests.make import Make
from workspaces.models import ApiKey, Membership
from workspaces.selectors import access_of_user
from workspaces.services import create_key, issue_ticket
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = b"http://testserver"


@pytest.fixture(autouse=True)
async def closed_hub(transactional_db: None) -> AsyncIterator[None]:
    yield
    await running_hub().close()


@pytest.fixture
def world(transactional_db: None) -> "World":
    return World()


class World:
    """A member of a workspace with one session, and the ways they may prove who they are."""

    def __init__(self) -> None:
        make = Make()
        self.make = make
        self.workspace = make.workspace()
        self.user = make.member(self.workspace)
        self.session = make.session(make.project(self.workspace))
        self.client = Client()
        self.client.force_login(self.user)

    @property
    def cookie(self) -> str:
        return f"sessionid={self.client.cookies['sessionid'].value}"

    def api_key(self) -> str:
        owner = self.make.member(self.workspace, Role.OWNER)
        return create_key(access=access_of_user(owner), name="stream", workspace_id=self.workspace.id)[1]

    def expel(self) -> None:
        """The member leaves and the workspace's keys are revoked."""
        Membership.objects.filter(user=self.user).delete()
        ApiKey.objects.update(revoked_at=SYSTEM_CLOCK.now())

    def bearer(self) -> str:
        login = {"username": self.user.username, "password": "secret-enough-1"}
        answer = Client().post("/api/v1/auth/token", login, content_type="application/json")
        return f"Bearer {answer.json()['access']}"


write = sync_to_async(write_events)


async def get(path: str, *, cookie: str = "", **headers: str) -> Any:
    """The response of a GET with these headers (AsyncClient forgets the default headers it is given)."""
    client = AsyncClient()
    if cookie:
        client.cookies["sessionid"] = cookie.partition("=")[2]
    return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def socket_to(path: str, *, cookie: str = "", origin: bytes | None = ORIGIN, authorization: str = "") -> Any:
    headers = [(b"host", b"testserver")]
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    if origin:
        headers.append((b"origin", origin))
    if authorization:
        headers.append((b"authorization", authorization.encode()))
    return WebsocketCommunicator(application, path, headers=headers)


async def frames_of(socket: Any, count: int) -> list[str]:
    return [await socket.receive_from(timeout=5) for _ in range(count)]


async def refusal(socket: Any) -> tuple[int, str]:
    """The close code, and the message of the frame that came before it."""
    assert (await socket.connect())[0]
    frame = json.loads(await socket.receive_from(timeout=5))
    closed = await socket.receive_output(timeout=5)
    assert (closed["type"], closed["code"]) == ("websocket.close", frame["code"])
    return frame["code"], frame["message"]


async def sse_events(response: Any, count: int) -> list[tuple[int | None, str]]:
    """The first (id, data) pairs of a server-sent stream."""
    found: list[tuple[int | None, str]] = []
    buffer = ""
    async for part in response.streaming_content:
        buffer += part.decode()
        *blocks, buffer = buffer.split("\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            if "data" in fields:
                found.append((int(fields["id"]) if "id" in fields else None, fields["data"]))
        if len(found) >= count:
            return found
    return found


async def test_a_socket_sends_the_backlog_then_what_happens_as_the_stored_texts(world: World) -> None:
    old = await write(world.session, "session.created", "task.created")
    socket = socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie)
    assert (await socket.connect())[0]
    assert await frames_of(socket, 2) == old
    new = await write(world.session, "session.started", data={"tasks": 1})
    assert await frames_of(socket, 1) == new
    await socket.disconnect()


async def test_the_stream_address_of_the_api_also_takes_sockets(world: World) -> None:
    texts = await write(world.session, "session.created", "task.created", "task.queued")
    socket = socket_to(f"/api/v1/sessions/{world.session.id}/stream?after=1", cookie=world.cookie)
    assert (await socket.connect())[0]
    assert await frames_of(socket, 2) == texts[1:]
    await socket.disconnect()


async def test_reconnecting_at_random_places_with_lost_hints_misses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "SAFETY_POLL_SECONDS", 0.05)
    rng = random.Random(7)
    written: list[str] = await write(world.session, "session.created")
    seen: list[str] = []
    for _ in range(12):
        socket = socket_to(f"/ws/sessions/{world.session.id}?after={len(seen)}", cookie=world.cookie)
        assert (await socket.connect())[0]
        for _ in range(rng.randint(0, 3)):
            types = ["log"] * rng.randint(1, 6)
            written += await write(world.session, *types, publish=rng.random() < 0.5)
        seen += await frames_of(socket, rng.randint(0, len(written) - len(seen)))
        await socket.disconnect()
    socket = socket_to(f"/ws/sessions/{world.session.id}?after={len(seen)}", cookie=world.cookie)
    assert (await socket.connect())[0]
    seen += await frames_of(socket, len(written) - len(seen))
    assert seen == written
    await socket.disconnect()


async def test_a_quiet_socket_gets_heartbeats_with_the_cursor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "HEARTBEAT_SECONDS", 0.05)
    await write(world.session, "session.created")
    socket = socket_to(f"/ws/sessions/{world.session.id}?after=1", cookie=world.cookie)
    assert (await socket.connect())[0]
    assert json.loads(await socket.receive_from(timeout=2)) == {"type": "heartbeat", "last_seq": 1}
    await socket.disconnect()


async def test_a_socket_stays_open_for_a_while_after_the_last_event_and_then_says_why_it_closes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "LINGER_SECONDS", 0.1)
    texts = await write(world.session, "session.created", "session.completed")
    socket = socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie)
    assert (await socket.connect())[0]
    assert await frames_of(socket, 2) == texts
    assert json.loads(await socket.receive_from(timeout=2))["resume_from"] == 2
    assert (await socket.receive_output(timeout=2))["code"] == 1000


async def test_streamed_text_reaches_the_socket_and_is_not_stored(world: World) -> None:
    await write(world.session, "session.created")
    socket = socket_to(f"/ws/sessions/{world.session.id}?after=1", cookie=world.cookie)
    assert (await socket.connect())[0]
    token = '{"data":{"text":"Hel"},"type":"token"}'
    for _ in range(100):
        publisher.publish_token(str(world.session.id), token)
        if not await socket.receive_nothing(timeout=0.05):
            break
    assert await socket.receive_from(timeout=2) == token
    await socket.disconnect()


async def test_a_slow_client_is_told_where_to_resume_and_dropped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "SLOW_CLIENT_SECONDS", 0.1)
    await write(world.session, *["log"] * 5)
    socket = socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie)
    monkeypatch.setattr(backlog, "unsent_bytes", lambda scope: conf.SLOW_CLIENT_BYTES + 1)
    assert (await socket.connect())[0]
    await frames_of(socket, 1)
    closing = json.loads(await socket.receive_from(timeout=2))
    assert (closing["code"], closing["resume_from"]) == (4408, 1)
    assert (await socket.receive_output(timeout=2))["code"] == 4408


@pytest.mark.parametrize("credential", ["cookie", "bearer", "ticket"])
async def test_every_credential_opens_a_socket(world: World, credential: str) -> None:
    texts = await write(world.session, "session.created")
    path = f"/ws/sessions/{world.session.id}"
    if credential == "cookie":
        socket = socket_to(path, cookie=world.cookie)
    elif credential == "bearer":
        socket = socket_to(path, authorization=await sync_to_async(world.bearer)(), origin=None)
    else:
        ticket = await sync_to_async(issue_ticket)(holder=world.user)
        socket = socket_to(f"{path}?ticket={ticket}", origin=None)
    assert (await socket.connect())[0]
    assert await frames_of(socket, 1) == texts
    await socket.disconnect()


async def test_a_ticket_opens_one_socket_only(world: World) -> None:
    path = f"/ws/sessions/{world.session.id}?ticket={await sync_to_async(issue_ticket)(holder=world.user)}"
    first = socket_to(path)
    assert (await first.connect())[0]
    await asyncio.sleep(0.1)
    assert (await refusal(socket_to(path)))[0] == 4401
    await first.disconnect()


async def test_a_socket_without_credentials_is_closed_with_4401(world: World) -> None:
    code, message = await refusal(socket_to(f"/ws/sessions/{world.session.id}"))
    assert code == 4401
    assert "Log in" in message


async def test_a_page_of_another_site_cannot_use_the_cookie(world: World) -> None:
    socket = socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie, origin=b"http://evil.example")
    code, message = await refusal(socket)
    assert code == 4403
    assert "evil.example" in message


async def test_a_page_of_another_site_may_use_a_ticket(world: World) -> None:
    texts = await write(world.session, "session.created")
    ticket = await sync_to_async(issue_ticket)(holder=world.user)
    socket = socket_to(f"/ws/sessions/{world.session.id}?ticket={ticket}", origin=b"http://partner.example")
    assert (await socket.connect())[0]
    assert await frames_of(socket, 1) == texts
    await socket.disconnect()


async def test_a_host_name_that_is_not_ours_is_refused(world: World, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["orchestrator.example"]
    code, message = await refusal(socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie))
    assert code == 4403
    assert "ALLOWED_HOSTS" in message


async def test_a_pruned_session_is_closed_with_4410(world: World) -> None:
    now = SYSTEM_CLOCK.now()
    await sync_to_async(PrunedSession.objects.create)(
        id=world.session.id, workspace=world.workspace, status="FAILED", completed_at=now, last_seq=1, created_at=now
    )
    await sync_to_async(AgentSession.objects.update)(pruning_at=now)
    code, message = await refusal(socket_to(f"/ws/sessions/{world.session.id}", cookie=world.cookie))
    assert code == 4410
    assert "deleted by the retention" in message


@pytest.mark.parametrize("path", ["/ws/sessions/nonsense", "/ws/elsewhere", "/ws/sessions/{foreign}"])
async def test_what_is_not_there_for_the_caller_is_closed_with_4404(world: World, path: str) -> None:
    foreign = await sync_to_async(world.make.session)()
    assert (await refusal(socket_to(path.format(foreign=foreign.id), cookie=world.cookie)))[0] == 4404


@pytest.mark.parametrize("credential", ["cookie", "key"])
async def test_who_loses_access_loses_the_stream(
    world: World, credential: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "ACCESS_SECONDS", 0.1)
    monkeypatch.setattr(conf, "HEARTBEAT_SECONDS", 0.1)
    path, headers = f"/ws/sessions/{world.session.id}", [(b"host", b"testserver")]
    secret = await sync_to_async(world.api_key)()
    proof = (b"cookie", world.cookie.encode()) if credential == "cookie" else (b"x-api-key", secret.encode())
    socket = WebsocketCommunicator(application, path, headers=[*headers, proof])
    assert (await socket.connect())[0]
    await asyncio.sleep(0.3)
    for _ in range(2):
        assert json.loads(await socket.receive_from(timeout=2))["type"] == "heartbeat"
    await sync_to_async(world.expel)()
    while (frame := json.loads(await socket.receive_from(timeout=2)))["type"] == "heartbeat":
        pass
    assert frame["code"] == 4404


@pytest.mark.parametrize("after", ["-1", "x", "7", "１"])
async def test_a_cursor_that_cannot_be_is_closed_with_4400(world: World, after: str) -> None:
    socket = socket_to(f"/ws/sessions/{world.session.id}?after={after}", cookie=world.cookie)
    assert (await refusal(socket))[0] == 4400


async def test_a_thousand_followers_read_the_log_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = running_hub()
    reads: list[int] = []
    read = hub.frames_after

    async def counted(session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        reads.append(after)
        return await read(session_id, after, limit)

    monkeypatch.setattr(hub, "frames_after", counted)
    texts = await write(world.session, *["log"] * 20)

    async def follow() -> list[str]:
        async with hub.subscribe(str(world.session.id), 0, 20) as subscription:
            seen: list[str] = []
            while len(seen) < 23:
                seen += [text for _, text in await subscription.next(5)]
            return seen

    followers = [asyncio.create_task(follow()) for _ in range(1000)]
    await asyncio.sleep(0.2)
    texts += await write(world.session, *["log"] * 3)
    assert all(seen == texts for seen in await asyncio.gather(*followers))
    assert len(reads) <= 4, Counter(reads)


# --- server-sent events ---------------------------------------------------------------------------------------------


async def test_server_sent_events_carry_the_seq_as_id_and_resume_from_last_event_id(world: World) -> None:
    texts = await write(world.session, *["log"] * 4, "session.completed")
    response = await get(f"/api/v1/sessions/{world.session.id}/stream", cookie=world.cookie, last_event_id="2")
    assert response["Content-Type"] == "text/event-stream"
    assert await sse_events(response, 99) == [(3, texts[2]), (4, texts[3]), (5, texts[4])]


async def test_a_finished_stream_tells_an_event_source_not_to_come_back(world: World) -> None:
    await write(world.session, "session.completed")
    await sync_to_async(AgentSession.objects.filter(pk=world.session.pk).update)(status="COMPLETED")
    response = await get(f"/api/v1/sessions/{world.session.id}/stream", cookie=world.cookie, last_event_id="1")
    assert response.status_code == 204


async def test_server_sent_events_arrive_live(world: World) -> None:
    await write(world.session, "session.created")
    bearer = await sync_to_async(world.bearer)()
    response = await get(f"/api/sessions/{world.session.id}/stream?after=1", authorization=bearer)
    reading = asyncio.create_task(sse_events(response, 1))
    await asyncio.sleep(0.1)
    new = await write(world.session, "session.failed")
    assert await asyncio.wait_for(reading, 3) == [(2, new[0])]


@pytest.mark.parametrize("address", ["stream", "events"])
async def test_refusals_over_http_have_the_one_error_shape(world: World, address: str) -> None:
    foreign = await sync_to_async(world.make.session)()
    path = f"/api/v1/sessions/{world.session.id}/{address}"
    cases = [
        (await get(path), 401, "not_authenticated"),
        (await get(path, authorization="Bearer no"), 401, "not_authenticated"),
        (await get(path.replace(str(world.session.id), str(foreign.id)), cookie=world.cookie), 404, "not_found"),
        (await get(f"{path}?after=x", cookie=world.cookie), 400, "invalid"),
        (await AsyncClient().post(path), 405, "method_not_allowed"),
    ]
    for response, status, code in cases:
        body = response.json()
        assert (response.status_code, body["code"]) == (status, code)
        assert set(body) == {"code", "message", "details"}


# --- pages and long-poll --------------------------------------------------------------------------------------------


async def page(world: World, query: str) -> dict[str, Any]:
    response = await get(f"/api/v1/sessions/{world.session.id}/events?{query}", cookie=world.cookie)
    assert response.status_code == 200
    body: dict[str, Any] = json.loads(b"".join([part async for part in response.streaming_content]))
    return body


async def test_pages_of_the_log_follow_each_other(world: World) -> None:
    texts = await write(world.session, *["log"] * 5)
    first = await page(world, "limit=3")
    assert first["results"] == [json.loads(text) for text in texts[:3]]
    assert (first["count"], first["after"], first["last_seq"]) == (5, 3, 5)
    second = await page(world, first["next"].partition("?")[2])
    assert second["results"] == [json.loads(text) for text in texts[3:]]
    assert second["next"] is None


async def test_a_page_that_waits_answers_when_something_happens(world: World) -> None:
    await write(world.session, "session.created")
    waiting = asyncio.create_task(page(world, "after=1&wait=20"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    new = await write(world.session, "session.started")
    assert (await asyncio.wait_for(waiting, 3))["results"] == [json.loads(new[0])]


async def test_a_page_that_waits_in_vain_is_empty(world: World) -> None:
    await write(world.session, "session.created")
    body = await page(world, "after=1&wait=0.1")
    assert (body["results"], body["after"]) == ([], 1)


@pytest.mark.parametrize("query", ["limit=0", "limit=5000", "wait=61", "wait=x", "wait=nan", "after=9"])
async def test_a_bad_page_is_refused_by_name(world: World, query: str) -> None:
    response = await get(f"/api/v1/sessions/{world.session.id}/events?{query}", cookie=world.cookie)
    assert response.status_code == 400
    assert list(response.json()["details"]) == [query.partition("=")[0]]


async def test_a_notice_for_another_session_disturbs_nobody(world: World) -> None:
    hub = running_hub()
    async with hub.subscribe(str(world.session.id), 0, 0) as subscription:
        hub.offer(Notice("other", 3, ("a", "b", "c")))
        assert await subscription.next(0.05) == []
