"""The form of a new agent where a template was chosen: short, drawn from its schema, every mistake at its field."""

import re

import pytest
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent, AgentDefinition
from frontend.presenters.agent_form import AgentForm
from frontend.presenters.agent_making import Making
from frontend.views.agents import making
from templates_app.models import AgentTemplate
from templates_app.services import set_enabled
from tests.integration.pages.template_worlds import template_of, text_of
from tests.integration.pages.worlds import HOSTILE, World
from tests.make import Make
from tests.unit.agents.worlds import access_to, use_usual_registry
from workspaces.models import Membership
from workspaces.states import Role

pytestmark = pytest.mark.django_db

LINK = "/agents/new?template=digger"
USED = {
    "asked_to_start": "1",
    "origin": "template:digger",
    "name": "Deep digger",
    "word-topic": "coal",
    "config-depth": "3",
    "config-limits.seconds": "30",
    "config-tone": "",
}
IS_OPEN = '<details class="panel" id="more" open>'


@pytest.fixture
def operator(make: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    use_usual_registry(monkeypatch)
    return World(make, Role.OPERATOR)


def sent(world: World, status: int = 302, **values: str) -> str:
    """Where it leads, or the page that says why not."""
    answer = world.client.post("/agents/new", {**USED, **values})
    assert answer.status_code == status, answer.content.decode()
    return str(answer["Location"] if status == 302 else answer.content.decode())


def said_at(page: str, field: str) -> str:
    return page.split(f'id="{field}-error">')[1].partition("</div>")[0]


def test_an_agent_is_made_by_the_form_that_the_schema_draws(operator: World) -> None:
    template_of(operator)
    page = text_of(operator, LINK)
    assert 'name="config-depth" value="3"' in page
    assert 'name="config-limits.seconds" value="30"' in page
    assert 'name="word-topic"' in page
    assert 'name="definition"' not in page, "the template says it"
    where = sent(operator, **{"config-limits.seconds": "12", "config-tone": "brisk"})
    agent = Agent.objects.get(name="Deep digger")
    assert where == f"/agents/{agent.id}"
    assert agent.configuration == {"depth": 3, "limits": {"seconds": 12}, "tone": "brisk"}
    assert agent.prompt_template == "Dig into coal."
    assert (agent.state_detail, agent.definition.slug) == ("CREATED", "scripted")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("config-depth", "12", "12 is greater than the maximum of 9"),
        ("config-depth", "deep", "Give a whole number."),
        ("config-depth", "", "This is needed: give a value."),
        ("config-limits.seconds", "90", "90 is greater than the maximum of 60"),
        ("word-topic", "", "This variable is required"),
        ("name", "Taken", "This name is taken"),
        ("endpoint", "ftp://somewhere", "http:// or https://"),
        ("weight", "0", "Give a whole number from 1 to 1000."),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(
    operator: World, field: str, value: str, said: str
) -> None:
    template_of(operator)
    operator.make.agent(operator.project, name="Taken")
    page = sent(operator, 400, **{"config-tone": "brisk", "capabilities": "dig", field: value})
    assert said in said_at(page, field)
    assert page.count('class="invalid-feedback') == 1
    for name, kept in {**USED, field: value}.items():
        if name in ("name", "config-depth", "config-limits.seconds", "word-topic", "endpoint", "weight"):
            assert re.search(rf'name="{re.escape(name)}"[^>]* value="{re.escape(kept)}"', page), name
    assert "<option selected>brisk</option>" in page
    assert ">dig</textarea>" in page
    assert not Agent.objects.exclude(name="Taken").exists()


def test_a_variable_that_no_prompt_uses_is_asked_for_all_the_same(operator: World) -> None:
    template_of(operator, prompt_template="")
    assert "This variable is required" in said_at(sent(operator, 400, **{"word-topic": ""}), "word-topic")
    sent(operator)
    assert Agent.objects.get().template_variables == {"topic": "coal"}


# ------------------------------------------------------------------------------------------------ the definition


def test_a_template_of_no_definition_asks_for_one(operator: World) -> None:
    template_of(operator, definition="")
    page = text_of(operator, LINK)
    assert '<option value="">The built-in one of its type</option><option value=' in page
    refused = sent(operator, 400)
    assert "Give a definition instead" in said_at(refused, "definition")
    assert refused.count("Give a definition instead") == 1
    sent(operator, definition="scripted")
    assert Agent.objects.get().definition.slug == "scripted"


def test_a_definition_that_cannot_be_chosen_is_said_at_it_and_the_choice_is_kept(operator: World) -> None:
    template_of(operator, definition="")
    assert "Give one of:" in said_at(sent(operator, 400, definition="go\x00ne"), "definition")
    wrong = sent(operator, 400, **{"definition": "recorder", "config-depth": "12"})
    assert '<option value="recorder" selected>' in wrong


def test_the_built_in_definition_of_its_type_is_the_empty_choice(operator: World) -> None:
    operator.make.definition("research")
    template_of(operator, definition="", agent_type="RESEARCHER")
    sent(operator)
    assert Agent.objects.get().definition.slug == "research"


def test_a_definition_that_was_switched_off_is_said_at_what_it_is_made_of(operator: World) -> None:
    template_of(operator)
    AgentDefinition.objects.filter(slug="scripted").update(is_enabled=False)
    page = sent(operator, 400)
    assert "scripted is disabled: an operator switched it off. Choose another." in said_at(page, "origin")
    assert 'value="Deep digger"' in page


# ------------------------------------------------------------------------------------------------ short, and the rest


def test_what_most_people_leave_as_it_is_is_folded(operator: World) -> None:
    template_of(operator)
    page = text_of(operator, LINK)
    folded = page.split('<details class="panel" id="more">')[1].partition("</details>")[0]
    for name in ("endpoint", "description", "capabilities", "max_concurrent_tasks", "weight"):
        assert f'name="{name}"' in folded
    places = [page.index(f'name="{name}"') for name in ("name", "word-topic", "config-depth", "endpoint")]
    assert places == sorted(places)
    assert "Dig into {{topic}}." in page.split('<details id="prompt">')[1].partition("</details>")[0]


@pytest.mark.parametrize(
    ("typed", "is_open"),
    [
        ({}, False),
        ({"description": "Digs deep"}, True),
        ({"weight": "none"}, True),
        ({"capabilities": "my own"}, True),
        ({"endpoint": "http://127.0.0.1:9/"}, True),
    ],
)
def test_it_is_open_when_something_in_it_was_changed_or_is_wrong(
    operator: World, typed: dict[str, str], is_open: bool
) -> None:
    template = template_of(operator)
    assert template.definition is not None
    capabilities = "\r\n".join(template.definition.capabilities)
    page = sent(operator, 400, **{"capabilities": capabilities, "config-depth": "12", **typed})
    assert (IS_OPEN in page) == is_open


def test_it_is_open_for_a_sentence_about_something_that_was_left_as_it_is() -> None:
    assert not Making([], []).is_more_changed
    assert Making([], [], form=AgentForm(problems={"weight": ["Too many for this place."]})).is_more_changed


def test_another_prompt_is_folded_unless_there_is_one(operator: World) -> None:
    template_of(operator)
    assert '<details id="prompt" open>' in sent(operator, 400, prompt_template="Be brief.", weight="0")
    sent(operator, prompt_template="Be brief.")
    assert Agent.objects.get().prompt_template == "Be brief."


def test_without_a_prompt_of_the_templates_the_agents_own_is_below_more(operator: World) -> None:
    template_of(operator, prompt_template="", prompt_variables=[])
    assert 'name="prompt_template"' in text_of(operator, LINK).split('id="more">')[1].partition("</details>")[0]
    assert IS_OPEN in sent(operator, 400, **{"prompt_template": "Be brief.", "config-depth": "12"})


# ------------------------------------------------------------------------------------------------ there and back


def test_it_leads_back_to_the_template_also_after_a_mistake(operator: World) -> None:
    template_of(operator)
    for page in (text_of(operator, LINK), sent(operator, 400, **{"config-depth": "12"})):
        crumbs = page.split('<div class="crumbs">')[1].partition("</div>")[0]
        assert '<a href="/templates/digger">Digger</a>' in crumbs
        assert "Back to the template" in page
        assert f'action="{LINK}"' in page
    assert "Back to the template" not in text_of(operator, "/agents/new?definition=scripted")


def test_a_button_pressed_twice_makes_one_agent(operator: World) -> None:
    template_of(operator)
    posted = {"name": "", "once": "abc"}
    sent(operator, 400, **{**posted, "config-depth": "12"})
    first, second = (sent(operator, **posted) for _ in range(2))
    assert first == second == f"/agents/{Agent.objects.get().id}"
    sent(operator, **{**posted, "once": "def"})
    assert Agent.objects.count() == 2


# ------------------------------------------------------------------------------------------------ what is not offered


def switch_off(world: World, template: AgentTemplate) -> None:
    set_enabled(access=access_to(world.project), template_id=template.id, enabled=False)


def test_a_disabled_template_is_not_offered_and_a_link_to_it_says_so(operator: World) -> None:
    switch_off(operator, template_of(operator))
    assert "digger" not in text_of(operator, "/agents/new")
    for page in (text_of(operator, LINK, 409), sent(operator, 409, choose="1")):
        assert 'The template <a href="/templates/digger">Digger</a> is disabled' in page
        assert "template:digger" not in page
        assert 'href="?definition=scripted"' in page, "another can be chosen"


def test_a_template_that_was_disabled_meanwhile_says_so_and_what_was_typed_stays(operator: World) -> None:
    switch_off(operator, template_of(operator))
    page = sent(operator, 400)
    assert "The template digger is disabled" in page
    assert '<option value="template:digger" selected>Digger (disabled)</option>' in page
    assert 'value="Deep digger"' in page
    assert 'name="word-topic" value="coal"' in page
    assert not Agent.objects.exists()


@pytest.mark.parametrize("name", ["nothing", "a/b", HOSTILE, "x" * 300])
def test_a_template_that_is_not_there_is_said_and_another_can_be_chosen(operator: World, name: str) -> None:
    operator.make.definition("scripted")
    page = text_of(operator, f"/agents/new?template={name}", 404)
    assert "There is no template <b" in page
    assert 'href="?definition=scripted"' in page
    assert HOSTILE not in page


def test_a_template_of_another_workspace_is_not_there(operator: World, make: Make) -> None:
    foreign = template_of(World(make), "Secret", slug="digger")
    for is_enabled in (True, False):
        AgentTemplate.objects.filter(id=foreign.id).update(is_enabled=is_enabled)
        for path in (LINK, f"/agents/new?template={foreign.id}"):
            assert "Secret" not in text_of(operator, path, 404)
        sent(operator, 404)
    assert not Agent.objects.exists()


def test_who_is_in_two_workspaces_makes_agents_of_the_templates_of_the_present_one(operator: World, make: Make) -> None:
    other = World(make, Role.OPERATOR)
    Membership.objects.create(workspace=other.workspace, user=operator.user, role=Role.OPERATOR)
    template_of(other)
    text_of(operator, LINK, 404)
    sent(operator, 404)
    operator.client.post("/switch", {"project": str(other.project.id)})
    sent(operator)
    assert Agent.objects.get().project == other.project


def test_one_template_too_many_for_the_choice_is_made_of_by_its_link(
    operator: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MOST_TEMPLATES", 1)
    template_of(operator)
    template_of(operator, "Archivist")
    assert "template:digger" not in text_of(operator, "/agents/new")
    assert '<option value="template:digger" selected>Digger</option>' in text_of(operator, LINK)
    sent(operator)
    assert Agent.objects.get().name == "Deep digger"


def test_a_viewer_is_refused(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    template_of(viewer)
    assert viewer.client.get(LINK).status_code == 403
    assert viewer.client.post("/agents/new", USED).status_code == 403
    assert not Agent.objects.exists()


def test_what_a_template_says_is_never_run(operator: World) -> None:
    template_of(operator, HOSTILE, slug="hostile", description=HOSTILE, prompt_template=f"{HOSTILE} {{{{topic}}}}")
    assert HOSTILE not in text_of(operator, "/agents/new?template=hostile")
    assert HOSTILE not in text_of(operator, "/agents/new")


def test_the_form_needs_no_more_queries_for_many_templates_than_for_few(
    operator: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    template_of(operator)
    for number in range(6):
        template_of(operator, f"Digger {number}")
    with django_assert_max_num_queries(7):
        text_of(operator, LINK)
