"""A planned session over two-document comparison questions of HotpotQA, with 200 of its paragraphs as documents."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from agents.services import ensure_builtin_agents, sync_definitions
from documents.models import Document
from tests.engine import running_engine
from tests.make import Make
from workspaces.models import Project
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)

PARAGRAPHS = 200
QUESTIONS = 6


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def chosen(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first comparison questions, and their paragraphs among the first others, 200 in all."""
    asked = [row for row in read_lines(folder / "questions.jsonl") if row["type"] == "comparison"][:QUESTIONS]
    wanted = {title for row in asked for title in row["gold_titles"]}
    corpus = read_lines(folder / "corpus.jsonl")
    gold = [row for row in corpus if row["title"] in wanted]
    others = [row for row in corpus if row["title"] not in wanted]
    return asked, gold + others[: PARAGRAPHS - len(gold)]


def upload(client: APIClient, paragraphs: list[dict[str, Any]]) -> None:
    """As a person would: files, then a title where a file name cannot hold it."""
    for start in range(0, len(paragraphs), 50):
        part = paragraphs[start : start + 50]
        files = [SimpleUploadedFile(f"paragraph {start + n}.txt", row["text"].encode()) for n, row in enumerate(part)]
        results = client.post("/api/v1/documents", {"files[]": files}, format="multipart").json()["results"]
        for row, result in zip(part, results, strict=True):
            assert result["status"] == "READY", result
            changed = client.patch(f"/api/v1/documents/{result['id']}", {"title": row["title"]}, format="json")
            assert changed.status_code == 200, changed.json()


def finished(client: APIClient, session_id: str, seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        session = client.get(f"/api/v1/sessions/{session_id}").json()
        if session["status"] in ("COMPLETED", "FAILED", "CANCELLED"):
            return dict(session)
        time.sleep(0.1)
    raise AssertionError(f"not finished within {seconds} s: {session}")


def test_a_comparison_over_200_documents_cites_the_right_two(make: Make, data_sets: Path) -> None:
    questions, paragraphs = chosen(data_sets / "hotpotqa")
    project: Project = make.project()
    sync_definitions()
    ensure_builtin_agents(project=project)
    client = APIClient()
    client.force_login(make.member(project.workspace, Role.MEMBER))
    upload(client, paragraphs)
    with running_engine():
        for row in questions:
            body = {"task_description": row["question"], "timeout": 60}
            session = finished(client, client.post("/api/v1/agents/execute", body, format="json").json()["session_id"])
            assert session["status"] == "COMPLETED", session["error"]
            cited = [entry for sentence in session["result"]["sentences"] for entry in sentence["citations"]]
            assert set(row["gold_titles"]) <= {entry["title"] for entry in cited}, row["question"]
            for entry in cited:
                text = Document.objects.get(id=entry["document_id"]).text
                assert text[entry["start"] : entry["end"]] == entry["quote"]
            assert {task["agent"]["definition"] for task in session["tasks"]} >= {"research", "synthesis", "validation"}
            assert all(claim["verdict"] for claim in session["result"]["claims"])
