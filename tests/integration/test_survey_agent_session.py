"""The example of an agent that has others work for it, run by the real engine."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents import registry as registry_module
from agents.services import sync_definitions
from sessions.models import AgentSession
from tests.engine import running_engine
from tests.http_sessions import EXECUTE, World
from tests.integration.test_child_sessions import finished
from tests.make import Make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(make: Make, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings.AGENT_REGISTRY_MODULES = ["examples.word_count_agent", "examples.survey_agent"]
    monkeypatch.setattr(registry_module, "_registry", None)
    sync_definitions()
    with running_engine():
        yield World(make)


def test_a_survey_spawns_tasks_sleeps_starts_a_session_and_pays_once(world: World) -> None:
    world.make.agent(world.project, "word_count", name="counter")
    world.make.agent(world.project, "survey", name="surveyor", configuration={"cooling_seconds": 1.2})
    texts = {"sea": "tide after tide", "land": "one hill"}
    task = {"name": "survey", "agent": "surveyor", "input_data": {"texts": texts}}
    asked = world.post(EXECUTE, {"task_description": "Count the words", "tasks": [task]})
    session = finished(world, asked.json()["session_id"])

    assert session["status"] == "COMPLETED", session
    tasks = {task["name"]: task for task in session["tasks"]}
    assert set(tasks) == {"survey", "count sea", "count land"}
    survey = tasks["survey"]
    assert survey["attempt"] == 1
    assert {key: survey["result"][key] for key in ("words", "by_text", "checked")} == {
        "words": 5,
        "by_text": {"sea": 3, "land": 2},
        "checked": True,
    }
    assert session["usage"] == {"reports": 1}
    assert AgentSession.objects.filter(parent_session_id=session["id"], status="COMPLETED").count() == 1
