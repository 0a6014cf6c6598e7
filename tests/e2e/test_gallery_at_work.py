"""Every template of the gallery works today, on the sample documents and without a language model."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from agents.services import sync_definitions
from templates_app.services import sync_gallery
from templates_app.services.gallery import gallery
from tests.e2e.test_agent_workflows import SAMPLES, execute, follow, upload
from tests.engine import running_engine
from tests.make import Make
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Which lighthouse was lit first, Skarholm Light or Vessla Light?"
OUTPUT = {"research": "passages", "synthesis": "sentences", "validation": "claims", "planning": "tasks"}


@pytest.fixture
def client(make: Make) -> APIClient:
    sync_definitions()
    sync_gallery()
    client = APIClient()
    client.force_login(make.member(make.workspace(), Role.OPERATOR))
    return client


@pytest.fixture(autouse=True)
def engine(client: APIClient) -> Iterator[None]:
    with running_engine():
        yield


def test_an_agent_of_each_template_works_in_a_session(client: APIClient) -> None:
    documents = list(upload(client, SAMPLES).values())
    for values in gallery():
        body = {"name": values.slug, "start": True}
        path = f"/api/v1/templates/{values.slug}/apply"
        answer = client.post(path, body, format="json", headers={"Prefer": "wait=30"})
        assert (answer.status_code, answer.json()["state_detail"]) == (201, "ACTIVE"), answer.json()
    tasks: list[dict[str, Any]] = [
        {"name": values.slug, "agent": values.slug, "input_data": {"text": "Vessla Light was lit in 1859."}}
        for values in gallery()
    ]
    session_id = execute(client, task_description=QUESTION, tasks=tasks, context={"document_ids": documents})
    _, session = follow(client, session_id)
    assert session["status"] == "COMPLETED", session
    for values, task in zip(gallery(), session["tasks"], strict=True):
        assert task["agent"]["name"] == values.slug
        assert task["result"][OUTPUT[values.definition]], f"{values.slug} found nothing: {task['result']}"
