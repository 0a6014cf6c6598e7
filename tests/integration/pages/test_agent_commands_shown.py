"""What takes time with an agent, as its page shows it: under way, done, failed."""

import pytest

from agents.models import Agent
from frontend.views.agents import making, overview
from tests.integration.pages.worlds import World
from tests.make import Make
from tests.unit.agents.worlds import fresh, use_usual_registry, work_off
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(make: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    """Nobody carries anything out until the test does, so no page waits for it."""
    use_usual_registry(monkeypatch)
    for door in (overview, making):
        monkeypatch.setattr(door, "PATIENCE_SECONDS", 0)
    return World(make, Role.OPERATOR)


def recorder(world: World, **configuration: str) -> Agent:
    return world.make.agent(
        world.project, "recorder", state_detail="CREATED", status="INACTIVE", configuration=configuration
    )


def page_of(world: World, path: str) -> str:
    answer = world.client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_while_something_is_under_way_the_page_says_what_since_when_and_for_whom(operator: World) -> None:
    agent = recorder(operator)
    answer = operator.client.post(f"/agents/{agent.id}/initialize", {"reason": "the night shift"}, follow=True)
    page = answer.content.decode()
    assert "It is being initialized." in page
    assert "It waits for a worker." in page
    assert f"Asked for by {operator.user.username}" in page
    assert "the night shift" in page
    assert f'href="/agents/{agent.id}">See how far it is</a>' in page, "without scripts"
    assert "The agent was" not in page
    assert f"/agents/{agent.id}/terminate" in page
    assert f"/agents/{agent.id}/activate" not in page
    assert "under way" in page_of(operator, f"/agents/{agent.id}/history")


def test_when_it_is_done_nothing_is_under_way(operator: World) -> None:
    agent = recorder(operator)
    operator.client.post(f"/agents/{agent.id}/initialize")
    work_off()
    page = page_of(operator, f"/agents/{agent.id}")
    assert 'id="under-way"' not in page
    assert f"/agents/{agent.id}/activate" in page
    history = page_of(operator, f"/agents/{agent.id}/history")
    assert "Initialize</b>" in history
    assert '<span class="pill st st-COMPLETED">done</span>' in history


def test_a_failure_is_told_and_can_be_recovered_from(operator: World) -> None:
    agent = recorder(operator, initialize="fail")
    operator.client.post(f"/agents/{agent.id}/initialize")
    work_off()
    page = page_of(operator, f"/agents/{agent.id}")
    assert "It failed." in page
    assert "the model file is missing" in page
    assert f"/agents/{agent.id}/recover" in page
    assert '<span class="pill st st-FAILED">failed</span>' in page_of(operator, f"/agents/{agent.id}/history")
    Agent.objects.filter(id=agent.id).update(configuration={})
    operator.client.post(f"/agents/{agent.id}/recover")
    assert "It is being recovered." in page_of(operator, f"/agents/{agent.id}")
    work_off()
    assert fresh(agent).state_detail == "READY"
    assert "the model file is missing" not in page_of(operator, f"/agents/{agent.id}").partition("Latest moves")[0]


def test_a_second_wish_waits_for_the_first_and_is_told_so(operator: World) -> None:
    agent = recorder(operator)
    operator.client.post(f"/agents/{agent.id}/initialize")
    page = operator.client.post(f"/agents/{agent.id}/initialize", follow=True).content.decode()
    assert "is under way" in page[page.index('id="notices"') : page.index('id="agent"')]


def test_the_box_of_the_form_starts_the_new_agent(operator: World) -> None:
    posted = {"origin": "definition:recorder", "name": "Scribe", "start": "1"}
    page = operator.client.post("/agents/new", posted, follow=True).content.decode()
    assert "It is being started." in page
    work_off()
    agent = Agent.objects.get()
    assert agent.state_detail == "ACTIVE"
    assert "started when it was made" in page_of(operator, f"/agents/{agent.id}/history")


def test_the_end_of_a_terminated_agent_stays_readable(operator: World) -> None:
    agent = recorder(operator, shutdown="fail")
    operator.client.post(f"/agents/{agent.id}/terminate", {"reason": "no longer needed"})
    work_off()
    page = page_of(operator, f"/agents/{agent.id}")
    assert '<span class="pill st st-TERMINATED">terminated</span>' in page
    assert "It did not end cleanly." in page
    assert "no longer needed" in page
