"""Whole workflows as a client of the API lives them: upload, ask, follow, read the cited answer.

What agents remember of a session, and refinement after feedback, come with memory and feedback.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from agents.services import ensure_builtin_agents, sync_definitions
from sessions.models import SessionEvent
from sessions.streaming.verify import ChainRow, verify_chain
from tests.engine import running_engine
from tests.make import Make
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "documents").iterdir())
FINISHED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture
def client(make: Make) -> APIClient:
    """A member of a project with the built-in agents."""
    project = make.project()
    sync_definitions()
    ensure_builtin_agents(project=project)
    client = APIClient()
    client.force_login(make.member(project.workspace, Role.MEMBER))
    return client


@pytest.fixture(autouse=True)
def engine(client: APIClient) -> Iterator[None]:
    with running_engine():
        yield


def upload(client: APIClient, paths: list[Path]) -> dict[str, str]:
    """Document ids by title."""
    files = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
    results = client.post("/api/v1/documents", {"files[]": files}, format="multipart").json()["results"]
    assert [result["status"] for result in results] == ["READY"] * len(paths)
    return {result["title"]: result["id"] for result in results}


def execute(client: APIClient, **body: Any) -> str:
    answer = client.post("/api/v1/agents/execute", body, format="json")
    assert answer.status_code == 202, answer.json()
    return str(answer.json()["session_id"])


def follow(client: APIClient, session_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(every event in order of arrival, the finished session): page after page from a cursor, as a client would."""
    events: list[dict[str, Any]] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        after = events[-1]["seq"] if events else 0
        events += frames(client, session_id, after)
        session = client.get(f"/api/v1/sessions/{session_id}").json()
        if session["status"] in FINISHED and events and events[-1]["seq"] == session["last_seq"]:
            return events, session
        time.sleep(0.05)
    raise AssertionError(f"not finished: {session}")


def frames(client: APIClient, session_id: str, after: int) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/sessions/{session_id}/events?after={after}&limit=100")
    return list(json.loads(async_to_sync(read_all)(answer))["results"])


async def read_all(answer: Any) -> bytes:
    return b"".join([part async for part in answer.streaming_content])


def assert_cited(client: APIClient, session: dict[str, Any]) -> None:
    """Every sentence cites, and every citation quotes its document to the letter."""
    for sentence in session["result"]["sentences"]:
        assert sentence["citations"], sentence
        for citation in sentence["citations"]:
            span = f"start={citation['start']}&end={citation['end']}"
            shown = client.get(f"/api/v1/documents/{citation['document_id']}/text?{span}").json()
            assert shown["text"] == citation["quote"]


class TestAgentWorkflows:
    def test_document_analysis_workflow(self, client: APIClient) -> None:
        """Documents are uploaded and analysed; progress is followed event by event; the synthesis cites them."""
        documents = upload(client, SAMPLES)
        chosen = [documents["Skarholm Light"], documents["Vessla Light"]]
        question = "Which lighthouse was lit first, Skarholm Light or Vessla Light?"
        session_id = execute(client, task_description=question, context={"document_ids": chosen})
        events, session = follow(client, session_id)
        assert session["status"] == "COMPLETED", session["error"]
        assert [event["seq"] for event in events] == list(range(1, session["last_seq"] + 1))
        types = [event["type"] for event in events]
        assert {"session.planning", "task.started", "execution.progress", "message.sent"} <= set(types)
        assert types[-1] == "session.completed"
        assert_cited(client, session)
        cited = {c["document_id"] for s in session["result"]["sentences"] for c in s["citations"]}
        assert cited == set(chosen)
        assert "1871" in session["result"]["answer"]
        assert "1884" in session["result"]["answer"]
        rows = SessionEvent.objects.filter(session_id=session_id).order_by("seq")
        assert verify_chain(ChainRow(row.seq, row.payload, row.hash) for row in rows).is_whole

    def test_research_and_report_generation(self, client: APIClient) -> None:
        """Research gathers, validation checks, synthesis reports: each sees what the ones before it found."""
        upload(client, SAMPLES)
        question = "Who designed the Harrow Bridge?"
        session_id = execute(
            client,
            task_description=question,
            agents=["research", "synthesis", "validation"],
            execution_mode="sequential",
            timeout=60,
        )
        _, session = follow(client, session_id)
        assert session["status"] == "COMPLETED", session["error"]
        tasks = {task["agent"]["definition"]: task for task in session["tasks"]}
        assert list(tasks) == ["research", "synthesis", "validation"]
        assert tasks["research"]["result"]["passages"]
        assert "Ingrid Tolvane" in session["result"]["answer"]
        assert_cited(client, session)
        claims = session["result"]["claims"]
        assert [claim["text"] for claim in claims] == [s["text"] for s in session["result"]["sentences"]]
        assert {claim["verdict"] for claim in claims} == {"supported"}
        assert all(claim["evidence"] for claim in claims)
        messages = client.get(f"/api/v1/sessions/{session_id}/messages").json()["results"]
        assert len(messages) >= 2
