"""The list of agents, and the page of one in its sections."""

import re

import pytest
from django.test import Client

from agents.models import Agent
from templates_app.models import AgentTemplate, AgentTemplateVersion
from tests.integration.pages.worlds import World, configurable_agent
from tests.make import Make
from workspaces.states import Role

pytestmark = pytest.mark.django_db

SECTIONS = ("", "/settings", "/history", "/state", "/contexts")


def page_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def template_at(world: World, version: int) -> tuple[AgentTemplate, AgentTemplateVersion]:
    """A template that has moved on to a version, and the first version of it."""
    template = AgentTemplate.objects.create(
        workspace=world.workspace, slug="reviewer", name="Reviewer", agent_type="AUDITOR", version=version
    )
    return template, AgentTemplateVersion.objects.create(template=template, version=1, snapshot={"name": "Reviewer"})


# ------------------------------------------------------------------------------------------------------- the list


def test_the_list_is_narrowed_by_what_agents_are(operator: World) -> None:
    make, project = operator.make, operator.project
    template, first = template_at(operator, 3)
    make.agent(project, name="Plain", type="DEVELOPER", capabilities=["build"])
    make.agent(project, "digger", name="Lagging", template=template, template_version=first)
    make.agent(project, name="Gone", state_detail="TERMINATED", status="INACTIVE")
    make.agent(project, name="Resting", in_maintenance=True, status="MAINTENANCE")
    expected = {
        "q=lag": {"Lagging"},
        "type=DEVELOPER": {"Plain"},
        "definition=digger": {"Lagging"},
        "template=reviewer": {"Lagging"},
        "capability=build": {"Plain"},
        "behind=1": {"Lagging"},
        "archived=1": {"Gone"},
        "status=MAINTENANCE": {"Resting"},
        "status=nonsense&type=nonsense": {"Plain", "Lagging", "Resting"},
    }
    names = ("Plain", "Lagging", "Gone", "Resting")
    for query, wanted in expected.items():
        page = page_of(operator.client, f"/agents?{query}")
        assert {name for name in names if f"</i>{name}</a>" in page} == wanted, query


def test_the_list_says_how_far_an_agent_lags_behind_its_template(operator: World) -> None:
    template, first = template_at(operator, 3)
    operator.make.agent(operator.project, template=template, template_version=first)
    page = page_of(operator.client, "/agents")
    assert "2 behind" in page
    assert "v1" in page


def test_a_filter_that_finds_nothing_says_so(operator: World) -> None:
    assert "Nothing matches" in page_of(operator.client, "/agents?capability=no-such-thing")


# ----------------------------------------------------------------------------------------------------- one agent


def test_every_section_can_be_read_by_a_viewer_and_has_no_button(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    agent = configurable_agent(viewer)
    for section in SECTIONS:
        page = page_of(viewer.client, f"/agents/{agent.id}{section}")
        content = page[page.index('<main class="main"') : page.index("</main>")]
        assert 'method="post"' not in content, section


def test_what_a_viewer_may_not_do_is_refused_with_a_page(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    agent = make.agent(viewer.project)
    for action in ("pause", "maintenance", "edit", "configure"):
        answer = viewer.client.post(f"/agents/{agent.id}/{action}", {"name": "x", "enabled": "true"})
        assert answer.status_code == 403, action
        assert "<h1>" in answer.content.decode(), action
    assert Agent.objects.get().state_detail == "ACTIVE"


def test_a_terminated_agent_is_read_and_no_more(operator: World) -> None:
    agent = operator.make.agent(operator.project, state_detail="TERMINATED", status="INACTIVE", configuration={"a": 1})
    for section in SECTIONS:
        page = page_of(operator.client, f"/agents/{agent.id}{section}")
        content = page[page.index('<main class="main"') : page.index("</main>")]
        assert 'method="post"' not in content, section
    assert "A terminated agent stays as it was." in page_of(operator.client, f"/agents/{agent.id}/settings")
    refused = operator.client.post(f"/agents/{agent.id}/edit", {"name": "Other"})
    assert refused.status_code == 400
    assert Agent.objects.get().name == agent.name


def test_the_reason_that_was_given_is_in_the_history(operator: World) -> None:
    agent = operator.make.agent(operator.project)
    operator.client.post(f"/agents/{agent.id}/pause", {"reason": "  the model is being moved "})
    page = page_of(operator.client, f"/agents/{agent.id}/history")
    assert "the model is being moved" in page
    assert "Paused" in page
    assert f"by {operator.user.username}" in page


def test_maintenance_is_begun_and_ended(operator: World) -> None:
    agent = operator.make.agent(operator.project)
    operator.client.post(f"/agents/{agent.id}/maintenance", {"enabled": "true", "reason": "new disks"})
    page = page_of(operator.client, f"/agents/{agent.id}")
    assert Agent.objects.get().in_maintenance
    assert "In maintenance." in page
    assert "gets nothing new for now" in page
    assert "It is given work" not in page
    assert "End maintenance" in page
    assert "Maintenance begun" in page
    operator.client.post(f"/agents/{agent.id}/maintenance", {"enabled": "false"})
    assert not Agent.objects.get().in_maintenance
    assert "Maintenance ended" in page_of(operator.client, f"/agents/{agent.id}")


def test_the_history_is_narrowed_by_state_and_actor(operator: World) -> None:
    agent = operator.make.agent(operator.project)
    for verb in ("pause", "resume"):
        operator.client.post(f"/agents/{agent.id}/{verb}", {"reason": f"why {verb}"})
    paused = page_of(operator.client, f"/agents/{agent.id}/history", state="PAUSED")
    assert "why pause" in paused
    assert "why resume" not in paused
    nobody = page_of(operator.client, f"/agents/{agent.id}/history", actor="nobody")
    assert "No moves like that" in nobody
    mine = page_of(operator.client, f"/agents/{agent.id}/history", actor=operator.user.username)
    assert "why resume" in mine
    assert "why pause" in mine


def test_the_facts_are_edited(operator: World) -> None:
    agent = operator.make.agent(operator.project)
    posted = {"name": "New name", "description": "For\r\nthis", "capabilities": "a\nb\na", "weight": "3"}
    answer = operator.client.post(f"/agents/{agent.id}/edit", {**posted, "prompt_template": "Be kind."})
    assert answer["Location"] == f"/agents/{agent.id}/settings"
    agent = Agent.objects.get()
    assert (agent.name, agent.description, agent.capabilities) == ("New name", "For\nthis", ["a", "b"])
    assert (agent.weight, agent.prompt_template) == (3, "Be kind.")


def test_facts_that_are_wrong_are_said_at_their_field_and_nothing_is_lost(operator: World) -> None:
    operator.make.agent(operator.project, name="Taken")
    agent = operator.make.agent(operator.project)
    for name, said in (("Taken", "This name is taken in the workspace."), ("", "Give a name.")):
        answer = operator.client.post(f"/agents/{agent.id}/edit", {"name": name, "description": "Typed at length"})
        page = answer.content.decode()
        assert answer.status_code == 400
        assert said in page
        assert "Typed at length" in page
    assert Agent.objects.get(id=agent.id).name == agent.name


def test_a_configuration_that_breaks_the_schema_is_said_at_its_field(operator: World) -> None:
    agent = configurable_agent(operator)
    answer = operator.client.post(f"/agents/{agent.id}/configure", {"config-depth": "11"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "11 is greater than the maximum of 10" in page[page.index('value="11"') :]


def test_nothing_inline_is_on_the_pages_of_an_agent(operator: World) -> None:
    agent = configurable_agent(operator)
    for path in ("/agents/new?definition=digger", *(f"/agents/{agent.id}{section}" for section in SECTIONS)):
        page = page_of(operator.client, path)
        assert not re.search(r"<[^>]*\s(?:style|on[a-z]+)=", page), path
        assert all("src=" in tag for tag in re.findall(r"<script([^>]*)>", page)), path
