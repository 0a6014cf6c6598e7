"""The form that makes an agent of a template, drawn from the schema."""

import pytest

from agents.models import Agent
from templates_app.services import set_enabled
from tests.integration.pages.template_worlds import post, template_of, text_of
from tests.integration.pages.worlds import World
from tests.unit.agents.worlds import access_to

pytestmark = pytest.mark.django_db


USED = {
    "name": "Deep digger",
    "word-topic": "coal",
    "config-depth": "3",
    "config-limits.seconds": "30",
    "config-tone": "",
}


def test_an_agent_is_made_by_the_form_that_the_schema_draws(operator: World) -> None:
    template_of(operator)
    page = text_of(operator, "/templates/digger/use")
    assert 'name="config-depth" value="3"' in page
    assert 'name="config-limits.seconds" value="30"' in page
    assert 'name="word-topic"' in page
    answer = post(operator, "/templates/digger/use", **{**USED, "config-limits.seconds": "12", "config-tone": "brisk"})
    agent = Agent.objects.get(name="Deep digger")
    assert answer["Location"] == f"/agents/{agent.id}"
    assert agent.configuration == {"depth": 3, "limits": {"seconds": 12}, "tone": "brisk"}
    assert agent.prompt_template == "Dig into coal."
    assert agent.state_detail == "CREATED"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("config-depth", "12", "12 is greater than the maximum of 9"),
        ("config-depth", "deep", "Give a whole number."),
        ("config-depth", "", "This is needed: give a value."),
        ("config-limits.seconds", "90", "90 is greater than the maximum of 60"),
        ("word-topic", "", "this variable is required"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(
    operator: World, field: str, value: str, said: str
) -> None:
    template_of(operator)
    answer = post(operator, "/templates/digger/use", **{**USED, field: value})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert f'id="{field}-error"' in page
    assert said in page.split(f'id="{field}-error">')[1][:120]
    assert 'value="Deep digger"' in page
    assert not Agent.objects.exists()


def test_a_template_of_no_definition_asks_for_one(operator: World) -> None:
    template_of(operator, definition="")
    assert 'name="definition"' in text_of(operator, "/templates/digger/use")
    refused = post(operator, "/templates/digger/use", **USED)
    assert refused.status_code == 400
    assert 'id="definition-error">' in refused.content.decode()
    post(operator, "/templates/digger/use", **USED, definition="scripted")
    assert Agent.objects.get().definition.slug == "scripted"


def test_a_button_pressed_twice_makes_one_agent(operator: World) -> None:
    template_of(operator)
    posted = {**USED, "name": "", "once": "abc"}
    wrong = post(operator, "/templates/digger/use", **{**posted, "config-depth": "12"})
    assert wrong.status_code == 400
    first, second = (post(operator, "/templates/digger/use", **posted) for _ in range(2))
    assert first["Location"] == second["Location"] == f"/agents/{Agent.objects.get().id}"
    post(operator, "/templates/digger/use", **{**posted, "once": "def"})
    assert Agent.objects.count() == 2


def test_a_taken_name_is_said_at_the_name(operator: World) -> None:
    template_of(operator)
    operator.make.agent(operator.project, name="Deep digger")
    page = post(operator, "/templates/digger/use", **USED).content.decode()
    assert 'id="name-error">This name is taken' in page


def test_a_disabled_template_says_so_when_it_is_used(operator: World) -> None:
    template = template_of(operator)
    set_enabled(access=access_to(operator.project), template_id=template.id, enabled=False)
    answer = post(operator, "/templates/digger/use", **USED)
    assert answer.status_code == 400
    assert "disabled" in answer.content.decode()
