"""The form of a new session."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.models import Document
from sessions.models import AgentSession
from tests.integration.pages.worlds import World, configurable_agent

pytestmark = pytest.mark.django_db


def test_a_session_starts_with_the_chosen_agents_documents_and_configuration(world: World) -> None:
    agent = configurable_agent(world)
    document = world.document("The ferry leaves at nine.")
    posted = {
        "goal": "When does the ferry leave?",
        "who": "agents",
        "agents": [str(agent.id)],
        "mode": "sequential",
        "documents": [str(document.id)],
        "timeout": "90",
        f"config-{agent.id}-depth": "7",
    }
    answer = world.client.post("/sessions/new", posted)
    session = AgentSession.objects.get()
    assert answer["Location"] == f"/sessions/{session.id}"
    assert session.timeout_seconds == 90
    assert session.execution_mode == "sequential"
    assert session.context["document_ids"] == [str(document.id)]
    assert session.context["agent_configuration"][str(agent.id)] == {"depth": 7}
    assert [task.agent_id for task in session.tasks.all()] == [agent.id]


def test_a_faulty_form_says_what_is_wrong_and_loses_nothing(world: World) -> None:
    agent = configurable_agent(world)
    document = world.document("The ferry leaves at nine.")
    posted = {
        "goal": "Keep me, please",
        "who": "agents",
        "agents": [str(agent.id)],
        "documents": [str(document.id)],
        "timeout": "soon",
        f"config-{agent.id}-depth": "many",
    }
    answer = world.client.post("/sessions/new", posted)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert not AgentSession.objects.exists()
    assert "Give a number of seconds" in page
    assert "Give a whole number." in page
    assert "Keep me, please" in page
    assert 'value="soon"' in page
    assert 'value="many"' in page
    assert re.search(rf'value="{document.id}" checked', page)
    assert re.search(rf'value="{agent.id}" checked', page)


def test_what_the_service_refuses_stands_beside_its_field(world: World) -> None:
    agent = configurable_agent(world)
    posted = {"goal": "   ", "who": "agents", "agents": [str(agent.id)], "timeout": "-3"}
    page = world.client.post("/sessions/new", posted).content.decode()
    assert 'id="goal-error"' in page
    assert page.count("is-invalid") >= 2
    assert not AgentSession.objects.exists()


def test_a_configuration_that_breaks_its_schema_is_refused_at_the_agent(world: World) -> None:
    agent = configurable_agent(world)
    posted = {"goal": "Go", "who": "agents", "agents": [str(agent.id)], f"config-{agent.id}-depth": "99"}
    answer = world.client.post("/sessions/new", posted)
    assert answer.status_code == 400
    assert "maximum" in answer.content.decode()
    assert not AgentSession.objects.exists()


def test_choosing_no_agent_is_told(world: World) -> None:
    page = world.client.post("/sessions/new", {"goal": "Go", "who": "agents"}).content.decode()
    assert "Choose at least one agent" in page


def test_files_sent_with_the_form_are_picked_and_bad_ones_keep_it_open(world: World) -> None:
    world.make.agent(world.project, "planning")
    files = [SimpleUploadedFile("good.txt", b"The ferry leaves at nine."), SimpleUploadedFile("bad.pdf", b"%PDF-x")]
    answer = world.client.post("/sessions/new", {"goal": "When?", "who": "planner", "files": files})
    page = answer.content.decode()
    good = Document.objects.get(status="READY")
    assert answer.status_code == 400
    assert re.search(rf'value="{good.id}" checked', page)
    assert Document.objects.get(status="FAILED").error[:30] in page
    again = {"goal": "When?", "who": "planner", "documents": [str(good.id)]}
    assert world.client.post("/sessions/new", again).status_code == 302


def test_an_earlier_session_can_be_used_as_a_start(world: World) -> None:
    agent = world.make.agent(world.project)
    session = world.make.session(world.project, task_description="Do it once more", tasks=1, agent=agent)
    page = world.client.get(f"/sessions/new?like={session.id}").content.decode()
    assert "Do it once more" in page
    assert re.search(rf'value="{agent.id}" checked', page)
