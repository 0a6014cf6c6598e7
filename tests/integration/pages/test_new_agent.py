"""The form of a new agent."""

import pytest
from django.test import Client

from agents.models import Agent
from tests.integration.pages.worlds import World, configurable_agent
from tests.make import Make
from tests.unit.agents.worlds import use_usual_registry
from workspaces.states import Role

pytestmark = pytest.mark.django_db

FILLED = {
    "asked_to_start": "1",
    "origin": "definition:recorder",
    "name": "Scribe",
    "config-depth": "3",
    "capabilities": "record\nlisten",
}


@pytest.fixture
def operator(make: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    use_usual_registry(monkeypatch)
    return World(make, Role.OPERATOR)


def page_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_list_leads_operators_to_the_form_and_nobody_else(operator: World, world: World) -> None:
    assert 'href="/agents/new"' in page_of(operator.client, "/agents")
    assert 'href="/agents/new"' not in page_of(world.client, "/agents")
    assert world.client.get("/agents/new").status_code == 403
    assert world.client.post("/agents/new", FILLED).status_code == 403


def test_choosing_a_definition_shows_its_fields_and_keeps_what_was_typed(operator: World) -> None:
    first = page_of(operator.client, "/agents/new")
    assert "config-depth" not in first
    assert "Make the agent" not in first
    assert 'href="?definition=recorder"' in first
    chosen = operator.client.post(
        "/agents/new", {"origin": "definition:recorder", "name": "Scribe", "description": "Writes", "choose": "1"}
    )
    page = chosen.content.decode()
    assert chosen.status_code == 200
    assert 'name="config-depth"' in page
    assert 'value="Scribe"' in page
    assert ">Writes</textarea>" in page
    assert "record\nlisten</textarea>" in page
    assert 'name="start" value="1" checked' in page
    assert not Agent.objects.exists()


def test_a_box_that_was_not_ticked_stays_so(operator: World) -> None:
    answer = operator.client.post("/agents/new", {**FILLED, "choose": "1"})
    assert 'name="start" value="1" checked' not in answer.content.decode()


def test_a_link_chooses_the_definition(operator: World) -> None:
    assert 'name="config-depth"' in page_of(operator.client, "/agents/new", definition="recorder")
    missing = operator.client.get("/agents/new?definition=no-such-thing")
    assert missing.status_code == 404
    assert 'href="?definition=recorder"' in missing.content.decode(), "another can be chosen"


def test_an_agent_is_made_in_the_present_project(operator: World) -> None:
    more = {"description": "Writes", "max_concurrent_tasks": "7", "weight": "2", "prompt_template": "Be brief."}
    answer = operator.client.post("/agents/new", {**FILLED, **more})
    agent = Agent.objects.get()
    assert answer["Location"] == f"/agents/{agent.id}"
    assert (agent.project, agent.name, agent.definition.slug) == (operator.project, "Scribe", "recorder")
    assert (agent.configuration, agent.capabilities) == ({"depth": 3}, ["record", "listen"])
    assert (agent.max_concurrent_tasks, agent.weight, agent.prompt_template) == (7, 2, "Be brief.")
    assert agent.state_detail == "CREATED", "the box was not ticked"


def test_without_a_name_one_is_made_up(operator: World) -> None:
    operator.client.post("/agents/new", {**FILLED, "name": " "})
    assert Agent.objects.get().name.startswith("recorder-")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"config-depth": "deep"}, "Give a whole number."),
        ({"config-depth": "0"}, "less than the minimum"),
        ({"max_concurrent_tasks": "0"}, "Give a whole number from 1 to 1000."),
        ({"weight": "many"}, "Give a whole number from 1 to 1000."),
        ({"name": "x" * 101}, "Give at most 100 characters."),
        ({"name": "Taken"}, "This name is taken in the workspace."),
        ({"endpoint": "ftp://somewhere"}, "http:// or https://"),
        ({"capabilities": "\n".join(map(str, range(101)))}, "Give at most 100 words"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    operator: World, wrong: dict[str, str], said: str
) -> None:
    operator.make.agent(operator.project, name="Taken")
    answer = operator.client.post("/agents/new", {**FILLED, "description": "Writes", **wrong})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert page.count('class="invalid-feedback"') == 1
    assert ">Writes</textarea>" in page
    for value in wrong.values():
        assert value.split("\n")[0] in page
    assert not Agent.objects.exclude(name="Taken").exists()


def test_a_definition_that_is_gone_is_not_made_of(operator: World) -> None:
    answer = operator.client.post("/agents/new", {**FILLED, "origin": "definition:gone"})
    assert answer.status_code == 404
    assert 'There is no definition <b class="wrap-any">gone</b> here' in answer.content.decode()
    assert not Agent.objects.exists()
    assert 'value="Scribe"' not in answer.content.decode(), "there are no fields before something is chosen"


def test_a_definition_without_a_schema_takes_json(operator: World) -> None:
    operator.make.definition("free", config_schema={})
    posted = {**FILLED, "origin": "definition:free"}
    refused = operator.client.post("/agents/new", {**posted, "configuration": "[1]"})
    assert refused.status_code == 400
    assert "Give a JSON object" in refused.content.decode()
    assert operator.client.post("/agents/new", {**posted, "configuration": '{"any": 1}'}).status_code == 302
    assert Agent.objects.get().configuration == {"any": 1}


def test_nul_in_a_text_is_dropped(operator: World) -> None:
    operator.client.post("/agents/new", {**FILLED, "description": "a\x00b"})
    assert Agent.objects.get().description == "ab"


def test_a_default_that_was_emptied_is_left_out(operator: World) -> None:
    configurable_agent(operator)
    operator.client.post("/agents/new", {**FILLED, "origin": "definition:digger", "config-depth": ""})
    assert Agent.objects.get(name="Scribe").configuration == {}


def test_a_button_pressed_twice_makes_one_agent(operator: World) -> None:
    posted = {**FILLED, "name": "", "once": "abc"}
    assert operator.client.post("/agents/new", {**posted, "weight": "0"}).status_code == 400
    answers = [operator.client.post("/agents/new", posted) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {f"/agents/{Agent.objects.get().id}"}
