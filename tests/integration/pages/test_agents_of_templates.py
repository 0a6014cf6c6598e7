"""Agents made of templates, and brought to their newer versions, through the pages."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from templates_app.models import AgentTemplate
from templates_app.services import create_template, update_template
from templates_app.values import TemplateValues
from tests.integration.pages.worlds import World
from tests.make import Make
from tests.unit.agents.worlds import access_to, use_usual_registry
from workspaces.states import Role

pytestmark = pytest.mark.django_db

FILLED = {"asked_to_start": "1", "origin": "template:scribe", "name": "Ada's", "config-depth": "3", "word-tone": "dry"}
VALUES = TemplateValues(
    name="Scribe",
    slug="scribe",
    description="Writes things down",
    definition="recorder",
    configuration_schema={
        "type": "object",
        "properties": {
            "depth": {"type": "integer", "minimum": 1, "maximum": 9},
            "paper": {"type": "object", "properties": {"size": {"type": "string"}, "lined": {"type": "boolean"}}},
        },
    },
    default_configuration={"depth": 3, "paper": {"size": "A5", "lined": True}},
    prompt_template="Write in a {{tone}} tone for {{reader}}.",
    prompt_variables=[{"name": "tone", "default": "warm"}, {"name": "reader", "required": True, "default": "you"}],
)


@pytest.fixture
def operator(make: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    use_usual_registry(monkeypatch)
    return World(make, Role.OPERATOR)


@pytest.fixture
def template(operator: World) -> AgentTemplate:
    return create_template(access=access_to(operator.project), workspace_id=operator.workspace.id, values=VALUES)


def page_of(world: World, path: str, status: int = 200) -> str:
    answer = world.client.get(path)
    assert answer.status_code == status
    return str(answer.content.decode())


def made(operator: World, **posted: str) -> Agent:
    answer = operator.client.post("/agents/new", {**FILLED, **posted})
    assert answer.status_code == 302, answer.content.decode()
    return Agent.objects.select_related("template_version", "definition").get()


def moved_on(operator: World, template: AgentTemplate, **changes: Any) -> None:
    update_template(
        access=access_to(operator.project), template_id=template.slug, changes=changes, change_description="better now"
    )


def test_a_template_is_chosen_and_its_fields_are_filled_in(operator: World, template: AgentTemplate) -> None:
    for page in (
        page_of(operator, "/agents/new?template=scribe"),
        operator.client.post("/agents/new", {"origin": "template:scribe", "choose": "1"}).content.decode(),
    ):
        assert '<option value="template:scribe" selected>Scribe</option>' in page
        assert 'name="config-depth" value="3"' in page
        assert 'name="config-paper.size" value="A5"' in page
        assert 'name="word-tone" value="warm"' in page
        assert "record\nlisten</textarea>" in page


def test_an_agent_is_made_with_what_differs_laid_over_the_template(operator: World, template: AgentTemplate) -> None:
    agent = made(operator, **{"config-depth": "5", "config-paper.size": "A4"})
    assert agent.configuration == {"depth": 5, "paper": {"size": "A4", "lined": False}}
    assert agent.prompt_template == "Write in a dry tone for you."
    assert (agent.template, agent.name, agent.description) == (template, "Ada's", "Writes things down")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"config-depth": "10"}, "greater than the maximum"), ({"name": "x" * 101}, "Give at most 100 characters.")],
)
def test_what_does_not_fit_the_template_is_said_at_its_field(
    operator: World, template: AgentTemplate, wrong: dict[str, str], said: str
) -> None:
    answer = operator.client.post("/agents/new", {**FILLED, **wrong})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert 'name="word-tone" value="dry"' in page
    assert not Agent.objects.exists()


def test_choosing_another_origin_keeps_capabilities_that_were_changed(operator: World, template: AgentTemplate) -> None:
    posted = {**FILLED, "choose": "1", "origin": "definition:scripted", "usual_capabilities": "record\nlisten"}
    same = operator.client.post("/agents/new", {**posted, "capabilities": "record\r\nlisten"}).content.decode()
    assert "scripted</textarea>" in same
    changed = operator.client.post("/agents/new", {**posted, "capabilities": "my own"}).content.decode()
    assert "my own</textarea>" in changed


def test_an_agent_that_lags_is_upgraded_and_keeps_what_is_its_own(operator: World, template: AgentTemplate) -> None:
    agent = made(operator, **{"config-depth": "5"})
    assert "behind" not in page_of(operator, f"/agents/{agent.id}").partition("</h1>")[2].partition("</nav>")[0]
    moved_on(operator, template, default_configuration={"depth": 2, "paper": {"size": "A3", "lined": True}})
    moved_on(operator, template, prompt_template="Write, {{tone}}, for {{reader}}.")
    assert "2 versions behind" in page_of(operator, f"/agents/{agent.id}")
    page = page_of(operator, f"/agents/{agent.id}/upgrade")
    assert "better now" in page
    assert "$.prompt_template" in page
    assert 'name="word-tone" value="dry"' in page
    operator.client.post(f"/agents/{agent.id}/upgrade", {"word-tone": "kind", "word-reader": "you"})
    agent = Agent.objects.select_related("template_version").get()
    assert agent.template_version is not None
    assert agent.template_version.version == 3
    assert (agent.configuration["depth"], agent.configuration["paper"]["size"]) == (5, "A3")
    assert agent.prompt_template == "Write, kind, for you."
    assert operator.client.get(f"/agents/{agent.id}/upgrade")["Location"] == f"/agents/{agent.id}"


def test_an_upgrade_that_does_not_fit_says_why_and_changes_nothing(operator: World, template: AgentTemplate) -> None:
    agent = made(operator, **{"config-depth": "9"})
    schema = {"type": "object", "properties": {"depth": {"type": "integer", "maximum": 4}}}
    moved_on(operator, template, configuration_schema=schema)
    answer = operator.client.post(f"/agents/{agent.id}/upgrade")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "9 is greater than the maximum of 4" in page
    assert Agent.objects.get().template_version == agent.template_version


def test_its_settings_are_those_of_its_version_of_the_template(operator: World, template: AgentTemplate) -> None:
    agent = made(operator)
    assert 'name="config-paper.size"' in page_of(operator, f"/agents/{agent.id}/settings")
    posted = {"config-depth": "4", "config-paper.size": "", "config-paper.lined": "true"}
    operator.client.post(f"/agents/{agent.id}/configure", posted)
    assert Agent.objects.get().configuration == {"depth": 4, "paper": {"lined": True}}


def test_who_may_not_upgrade_is_told_and_shown_no_button(operator: World, template: AgentTemplate) -> None:
    agent = made(operator)
    moved_on(operator, template, description="Writes it all down")
    viewer = World(operator.make, Role.VIEWER)
    viewer.client.force_login(operator.make.member(operator.workspace, Role.VIEWER))
    page = page_of(viewer, f"/agents/{agent.id}")
    assert "1 version behind" in page
    assert "/upgrade" not in page
    assert viewer.client.get(f"/agents/{agent.id}/upgrade").status_code == 403
    assert viewer.client.post(f"/agents/{agent.id}/upgrade").status_code == 403
    plain = operator.make.agent(operator.project)
    assert operator.client.get(f"/agents/{plain.id}/upgrade").status_code == 404


def test_an_agent_that_is_switched_off_says_so_and_is_enabled_again(operator: World) -> None:
    agent = operator.make.agent(operator.project)
    facts = {"name": agent.name, "max_concurrent_tasks": "4", "weight": "1"}
    operator.client.post(f"/agents/{agent.id}/edit", facts)
    assert not Agent.objects.get(id=agent.id).is_enabled
    assert "Switched off." in page_of(operator, f"/agents/{agent.id}")
    operator.client.post(f"/agents/{agent.id}/edit", {**facts, "is_enabled": "1"})
    assert Agent.objects.get(id=agent.id).is_enabled


def test_the_pages_need_few_queries_however_many_versions_there_are(
    operator: World, template: AgentTemplate, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    agent = made(operator)
    for number in range(8):
        moved_on(operator, template, description=f"Writes, {number}")
    for path, bound in ((f"/agents/{agent.id}/upgrade", 12), (f"/agents/{agent.id}/settings", 10), ("/agents", 12)):
        with django_assert_max_num_queries(bound):
            page_of(operator, path)


def test_ones_own_template_stands_for_the_built_in_one_of_the_same_id(operator: World, template: AgentTemplate) -> None:
    AgentTemplate.objects.create(slug="scribe", name="Another", agent_type="CUSTOM")
    page = page_of(operator, "/agents/new")
    assert page.count('value="template:scribe"') == 1
    assert made(operator).template == template
