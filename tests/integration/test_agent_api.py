"""Agents at work through the API, with a running engine: as `docs/reference` and the README show it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import AsyncClient

from agents.services import ensure_builtin_agents, sync_definitions
from orchestrator_site.asgi import application
from sessions.models import AgentExecution, SessionEvent
from sessions.streaming.hub import running_hub
from tests.engine import running_engine
from tests.make import Make
from workspaces.models import Project

EXECUTE = "/api/v1/agents/execute"
Headers = Mapping[str, str]


@pytest.fixture
def engine(transactional_db: None) -> Iterator[None]:
    with running_engine():
        yield


@pytest.fixture
def make(transactional_db: None) -> Make:
    return Make()


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    yield AsyncClient()
    await running_hub().close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def auth_headers(make: Make, client: AsyncClient) -> Headers:
    """A member with a token, in a project with three scripted agents."""

    def prepare() -> str:
        project = make.project()
        for name in ("Alpha", "Beta", "Gamma"):
            make.agent(project, name=name)
        return make.member(project.workspace).username

    login = {"username": await sync_to_async(prepare)(), "password": "secret-enough-1"}
    answer = await client.post("/api/v1/auth/token", login, content_type="application/json")
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def with_the_four() -> None:
    """The built-in agents in the only project there is."""
    sync_definitions()
    ensure_builtin_agents(project=Project.objects.get())


async def post(client: AsyncClient, path: str, body: Any, headers: Headers, **more: str) -> Any:
    return await client.post(path, json.dumps(body), content_type="application/json", headers={**headers, **more})


async def shown(client: AsyncClient, session_id: str, headers: Headers, what: str = "") -> Any:
    return (await client.get(f"/api/v1/sessions/{session_id}{what}", headers=dict(headers))).json()


async def until(client: AsyncClient, session_id: str, headers: Headers, *statuses: str) -> Any:
    """The session once it has one of the statuses."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        session = await shown(client, session_id, headers)
        if session["status"] in statuses:
            return session
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {session['status']}, not {statuses}: {session}")


def task(name: str, agent: str = "Alpha", after: tuple[str, ...] = (), **orders: Any) -> dict[str, Any]:
    return {"name": name, "agent": agent, "depends_on": list(after), "input_data": {"say": name, **orders}}


@pytest.mark.usefixtures("engine")
class TestAgentAPI:
    @pytest.mark.asyncio
    async def test_execute_simple_agent_task(self, client: AsyncClient, auth_headers: Headers) -> None:
        """One agent, one task: the answer comes with the call that waits for it."""
        body = {"task_description": "Say hello", "tasks": [task("hello")], "timeout": 30}
        answer = await post(client, EXECUTE, body, auth_headers, Prefer="wait=20")
        assert answer.status_code == 200, answer.content
        assert answer["Preference-Applied"] == "wait=20"
        session = answer.json()
        assert (session["status"], session["execution_mode"], session["error"]) == ("COMPLETED", "dag", None)
        [only] = session["tasks"]
        assert only["result"] == {"said": "hello", "attempt": 1}
        assert (only["status"], only["attempt"], only["progress_percentage"]) == ("COMPLETED", 1, 100.0)
        assert (only["agent"]["name"], only["assignment"]["by"]) == ("Alpha", "name")
        assert session["result"] is not None
        executions = await shown(client, session["id"], auth_headers, "/executions")
        assert [row["state"] for row in executions["results"]] == ["COMPLETED"]

    @pytest.mark.asyncio
    async def test_execute_multi_agent_workflow(self, client: AsyncClient, auth_headers: Headers) -> None:
        """Seven tasks of three agents by name and by capability: one fails once, all end, each after its inputs."""
        tasks = [
            task("plan"),
            task("left", "Beta", ("plan",)),
            task("right", "Gamma", ("plan",), fail_times=1),
            {**task("any", after=("plan",)), "agent": None, "required_capabilities": ["scripted"]},
            task("join", "Alpha", ("left", "right", "any"), send={"done": True}, to="Beta"),
            task("check", "Beta", ("join",), events=3),
            task("report", "Gamma", ("check",)),
        ]
        answer = await post(client, EXECUTE, {"task_description": "Work together", "tasks": tasks}, auth_headers)
        assert answer.status_code == 202
        accepted = answer.json()
        assert set(accepted) == {"id", "session_id", "status", "links"}
        session = await until(client, accepted["session_id"], auth_headers, "COMPLETED", "FAILED")
        rows = {row["name"]: row for row in session["tasks"]}
        assert {row["status"] for row in rows.values()} == {"COMPLETED"}
        assert (rows["right"]["attempt"], rows["right"]["result"]["attempt"]) == (2, 2)
        assert rows["any"]["agent"] is not None
        assert rows["any"]["assignment"]["by"] == "capability"
        for row in rows.values():
            assert all(rows[name]["completed_at"] <= row["started_at"] for name in row["depends_on"])
        messages = (await shown(client, session["id"], auth_headers, "/messages"))["results"]
        assert {"done": True} in [message["content"] for message in messages]
        graph = await shown(client, session["id"], auth_headers, "/graph")
        assert [node["level"] for node in graph["nodes"]] == [0, 1, 1, 1, 2, 3, 4]
        assert len(graph["edges"]) == 8

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "chosen",
        [
            {},
            {"agents": ["research", "synthesis", "validation"]},
            {"agents": ["research", "synthesis"], "execution_mode": "sequential"},
        ],
        ids=["planned", "parallel", "one after another"],
    )
    async def test_a_question_about_an_uploaded_document_is_answered_with_its_citation(
        self, client: AsyncClient, auth_headers: Headers, chosen: dict[str, Any]
    ) -> None:
        """The four built-in agents, chosen or left to the planner: a cited answer over exactly the scope given."""
        await sync_to_async(with_the_four)()
        text = "The Skarholm lighthouse was designed by Ingrid Tolvane. It was lit for the first time in 1887."
        file = SimpleUploadedFile("light.txt", text.encode(), content_type="text/plain")
        uploaded = await client.post("/api/v1/documents", {"files[]": file}, headers=dict(auth_headers))
        [document] = uploaded.json()["results"]
        body = {
            "task_description": "Who designed the Skarholm lighthouse?",
            "context": {"document_ids": [document["id"]]},
            "timeout": 60,
            **chosen,
        }
        answer = await post(client, EXECUTE, body, auth_headers, Prefer="wait=30")
        assert answer.status_code == 200, answer.content
        session = answer.json()
        assert session["status"] == "COMPLETED", session["error"]
        assert "Ingrid Tolvane" in session["result"]["answer"]
        cited = [citation for sentence in session["result"]["sentences"] for citation in sentence["citations"]]
        assert {citation["document_id"] for citation in cited} == {document["id"]}
        assert all(text[citation["start"] : citation["end"]] == citation["quote"] for citation in cited)

    @pytest.mark.asyncio
    async def test_session_cancellation(self, client: AsyncClient, auth_headers: Headers) -> None:
        """A running session is cancelled: what is finished stays, what runs is stopped, nothing else starts."""
        tasks = [task("first"), task("long", "Beta", ("first",), sleep=60), task("never", "Gamma", ("long",))]
        accepted = await post(client, EXECUTE, {"task_description": "Too long", "tasks": tasks}, auth_headers)
        session_id = accepted.json()["session_id"]
        await self._until_running(client, session_id, auth_headers, "long")
        path = f"/api/v1/sessions/{session_id}/cancel"
        answer = await post(client, path, {"reason": "enough"}, auth_headers, Prefer="wait=10")
        assert answer.status_code == 200, answer.content
        assert (answer.json()["kind"], answer.json()["outcome"]) == ("cancel", "applied")
        session = await until(client, session_id, auth_headers, "CANCELLED")
        assert {row["name"]: row["status"] for row in session["tasks"]} == {
            "first": "COMPLETED",
            "long": "CANCELLED",
            "never": "CANCELLED",
        }
        assert session["error"] == {"code": "cancelled", "message": "enough"}
        refused = await post(client, f"/api/v1/sessions/{session_id}/resume", {}, auth_headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "session_finished")
        assert not await sync_to_async(AgentExecution.objects.filter(task__name="never").exists)()

    @pytest.mark.asyncio
    async def test_websocket_streaming(self, client: AsyncClient, auth_headers: Headers) -> None:
        """The socket brings every event of the log, in order, once; from a cursor exactly the rest."""
        tasks = [task("slow", sleep=0.3, events=2), task("last", "Beta", ("slow",))]
        accepted = await post(client, EXECUTE, {"task_description": "Watch me", "tasks": tasks}, auth_headers)
        session_id = accepted.json()["session_id"]
        frames = [json.loads(text) for text in await self._streamed(session_id, auth_headers)]
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        types = [frame["type"] for frame in frames]
        assert types[0] == "session.created"
        assert types[-1] == "session.completed"
        assert types.count("execution.progress") == 2
        stored = sync_to_async(
            lambda: list(SessionEvent.objects.filter(session=session_id).values_list("payload", flat=True))
        )
        assert [json.loads(text) for text in await stored()] == frames
        rest = await self._streamed(session_id, auth_headers, after=4)
        assert [json.loads(text)["seq"] for text in rest] == [frame["seq"] for frame in frames[4:]]

    @pytest.mark.asyncio
    async def test_a_paused_session_starts_nothing_until_it_is_resumed(
        self, client: AsyncClient, auth_headers: Headers
    ) -> None:
        tasks = [task("first", sleep=0.5), task("second", "Beta", ("first",))]
        accepted = await post(client, EXECUTE, {"task_description": "Slowly", "tasks": tasks}, auth_headers)
        path = f"/api/v1/sessions/{accepted.json()['session_id']}"
        await self._until_running(client, accepted.json()["session_id"], auth_headers, "first")
        paused = await post(client, f"{path}/pause", {"reason": "lunch"}, auth_headers, Prefer="wait=10")
        assert (paused.status_code, paused.json()["status"]) == (200, "PAUSED")
        await asyncio.sleep(0.8)
        assert not await AgentExecution.objects.filter(task__name="second").aexists()
        again = await post(client, f"{path}/pause", {}, auth_headers)
        assert (again.status_code, again.json()["code"]) == (409, "command_refused")
        resumed = await post(client, f"{path}/resume", {}, auth_headers, Prefer="wait=10")
        assert resumed.json()["outcome"] == "applied"
        session = await until(client, accepted.json()["session_id"], auth_headers, "COMPLETED")
        assert {row["status"] for row in session["tasks"]} == {"COMPLETED"}

    @pytest.mark.asyncio
    async def test_a_task_made_alone_runs_when_it_is_executed(self, client: AsyncClient, auth_headers: Headers) -> None:
        """The example of the service documentation: create, then execute and read the result."""
        body = {
            "type": "document_analysis",
            "description": "Analyze security document for threats",
            "input_data": {"say": "no threats"},
            "required_capabilities": ["scripted"],
            "priority": 1,
        }
        made = await post(client, "/api/v1/tasks", body, auth_headers)
        assert made.status_code == 201
        path = f"/api/v1/tasks/{made.json()['task_id']}"
        await asyncio.sleep(0.5)
        assert (await client.get(path, headers=dict(auth_headers))).json()["status"] == "PENDING"
        done = await post(client, f"{path}/execute", {}, auth_headers)
        assert (done.status_code, done.json()["result"]["said"]) == (200, "no threats")
        again = await post(client, f"{path}/execute", {}, auth_headers)
        assert (again.status_code, again.json()["code"]) == (409, "session_finished")

    @pytest.mark.asyncio
    async def test_a_task_made_alone_can_be_cancelled_before_it_starts(
        self, client: AsyncClient, auth_headers: Headers
    ) -> None:
        made = await post(client, "/api/v1/tasks", {"description": "Never", "agent": "Alpha"}, auth_headers)
        path = f"/api/v1/tasks/{made.json()['task_id']}"
        assert (await client.delete(path, headers=dict(auth_headers))).status_code == 202
        session = await until(client, made.json()["session_id"], auth_headers, "CANCELLED")
        assert [row["status"] for row in session["tasks"]] == ["CANCELLED"]

    async def _until_running(self, client: AsyncClient, session_id: str, headers: Headers, name: str) -> None:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            rows = (await shown(client, session_id, headers, "/tasks"))["results"]
            if any(row["name"] == name and row["status"] == "RUNNING" for row in rows):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} does not run: {rows}")

    async def _streamed(self, session_id: str, headers: Headers, after: int = 0) -> list[str]:
        """All frames of the session's socket until it ends."""
        lines = [(b"host", b"testserver"), (b"authorization", headers["Authorization"].encode())]
        socket = WebsocketCommunicator(application, f"/ws/sessions/{session_id}?after={after}", headers=lines)
        assert (await socket.connect())[0]
        frames: list[str] = []
        while not frames or json.loads(frames[-1])["type"] != "session.completed":
            frames.append(await socket.receive_from(timeout=10))
        await socket.disconnect()
        return frames
