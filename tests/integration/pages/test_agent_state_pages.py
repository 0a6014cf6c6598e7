"""The state of an agent and its checkpoints, through the pages."""

import pytest
from django.test import Client
from django.utils.html import escape

from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from tests.integration.pages.worlds import World
from tests.make import Make
from workspaces.states import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(operator: World) -> Agent:
    return operator.make.agent(operator.project, state={"step": 1, "left": ["a", "b"]}, state_version=4)


def page_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def write(world: World, agent: Agent, data: str, version: int = 4) -> tuple[int, str]:
    answer = world.client.post(f"/agents/{agent.id}/state/write", {"data": data, "version": str(version)})
    return answer.status_code, answer.content.decode()


def keep(world: World, agent: Agent, **box: str) -> AgentCheckpoint:
    world.client.post(f"/agents/{agent.id}/checkpoints", box)
    return AgentCheckpoint.objects.get(agent=agent, is_latest=True)


def test_the_state_is_shown_with_its_version_and_written(operator: World, agent: Agent) -> None:
    page = page_of(operator.client, f"/agents/{agent.id}/state")
    assert "&quot;step&quot;: 1" in page
    assert "version 4" in page
    assert write(operator, agent, '{"step": 2}')[0] == 302
    agent = Agent.objects.get()
    assert (agent.state, agent.state_version) == ({"step": 2}, 5)


@pytest.mark.parametrize("data", ['{"step": ', "[1]", '{"a": NaN}', '{"a": "\\u0000"}'])
def test_what_is_no_state_is_refused_and_kept_in_the_form(operator: World, agent: Agent, data: str) -> None:
    status, page = write(operator, agent, data)
    assert status == 400
    assert 'role="alert"' in page
    assert f">{escape(data)}</textarea>" in page
    assert Agent.objects.get().state_version == 4


def test_of_two_writers_the_second_is_shown_both_and_saves_over_what_was_seen(operator: World, agent: Agent) -> None:
    write(operator, agent, '{"step": 2}')
    status, page = write(operator, agent, '{"step": 30}', version=4)
    assert status == 409
    assert Agent.objects.get().state == {"step": 2}
    assert "version 5" in page
    assert '<span class="gone">2</span>' in page
    assert '<span class="new">30</span>' in page
    assert "{&quot;step&quot;: 30}</textarea>" in page
    assert 'name="version" value="5"' in page
    assert write(operator, agent, '{"step": 30}', version=5)[0] == 302
    assert Agent.objects.get().state == {"step": 30}


def test_a_checkpoint_is_kept_looked_at_and_restored(operator: World, agent: Agent) -> None:
    kept = keep(operator, agent, is_recoverable="1")
    write(operator, agent, '{"step": 2}')
    listed = page_of(operator.client, f"/agents/{agent.id}/state")
    assert "Checkpoint 1" in listed
    assert "latest" in listed
    assert operator.user.username in listed
    page = page_of(operator.client, f"/agents/{agent.id}/checkpoints/{kept.sequence_number}")
    assert "$.left" in page
    assert '<tr class="is-changed"><td class="mono wrap-any">$.step</td>' in page
    stale = {"version": "4"}
    operator.client.post(f"/agents/{agent.id}/checkpoints/1/restore", stale)
    assert Agent.objects.get().state == {"step": 2}, "somebody has written since the page was shown"
    operator.client.post(f"/agents/{agent.id}/checkpoints/1/restore", {"version": "5"})
    assert Agent.objects.get().state == {"step": 1, "left": ["a", "b"]}
    same = page_of(operator.client, f"/agents/{agent.id}/checkpoints/1")
    assert "There is no difference." in same


def test_one_that_cannot_be_restored_says_so_and_has_no_button(operator: World, agent: Agent) -> None:
    keep(operator, agent)
    page = page_of(operator.client, f"/agents/{agent.id}/state")
    assert "cannot be restored" in page
    assert "/checkpoints/1/restore" not in page
    one = page_of(operator.client, f"/agents/{agent.id}/checkpoints/1")
    assert "How it differs from the state now" in one
    assert "What restoring it would change" not in one


def test_a_deleted_checkpoint_is_gone_and_the_one_before_is_the_latest(operator: World, agent: Agent) -> None:
    keep(operator, agent)
    keep(operator, agent)
    operator.client.post(f"/agents/{agent.id}/checkpoints/2/delete")
    assert list(AgentCheckpoint.objects.values_list("sequence_number", "is_latest")) == [(1, True)]
    assert operator.client.get(f"/agents/{agent.id}/checkpoints/2").status_code == 404


def test_checkpoints_are_scheduled_and_stopped(operator: World, agent: Agent) -> None:
    path = f"/agents/{agent.id}/checkpoints"
    operator.client.post(f"{path}/schedule", {"interval": "5", "unit": "minutes"})
    assert CheckpointSchedule.objects.get().interval_seconds == 300
    assert "every 5 m" in page_of(operator.client, f"/agents/{agent.id}/state")
    operator.client.post(f"{path}/unschedule")
    assert not CheckpointSchedule.objects.exists()
    for interval in ("0", "soon", "-1", "99999999", ""):
        answer = operator.client.post(f"{path}/schedule", {"interval": interval, "unit": "hours"}, follow=True)
        assert "Give a whole number of seconds" in answer.content.decode(), interval
    assert not CheckpointSchedule.objects.exists()


def test_viewers_read_it_all_and_change_nothing(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    agent = make.agent(viewer.project, state={"step": 1})
    AgentCheckpoint.objects.create(agent=agent, sequence_number=1, state_data={"step": 0}, is_latest=True)
    for path in ("state", "checkpoints/1"):
        page = page_of(viewer.client, f"/agents/{agent.id}/{path}")
        assert 'method="post"' not in page[page.index('<main class="main"') : page.index("</main>")]
    for path in ("state/write", "checkpoints", "checkpoints/1/restore", "checkpoints/1/delete"):
        assert viewer.client.post(f"/agents/{agent.id}/{path}", {"data": "{}"}).status_code == 403, path
    for path in ("checkpoints/schedule", "checkpoints/unschedule"):
        assert viewer.client.post(f"/agents/{agent.id}/{path}", {"interval": "5"}).status_code == 403, path


def test_a_terminated_agent_keeps_its_state_to_be_read(operator: World) -> None:
    agent = operator.make.agent(operator.project, state_detail="TERMINATED", status="INACTIVE", state={"step": 1})
    AgentCheckpoint.objects.create(agent=agent, sequence_number=1, state_data={"step": 0}, is_latest=True)
    for path in ("state", "checkpoints/1"):
        page = page_of(operator.client, f"/agents/{agent.id}/{path}")
        assert 'method="post"' not in page[page.index('<main class="main"') : page.index("</main>")]
    status, page = write(operator, agent, "{}", 0)
    assert status == 400
    assert "is terminated" in page


def test_what_is_too_long_is_not_compared(operator: World, agent: Agent) -> None:
    AgentCheckpoint.objects.create(agent=agent, sequence_number=1, state_data={"text": "x" * 250_000}, is_latest=True)
    assert "too long to be compared" in page_of(operator.client, f"/agents/{agent.id}/checkpoints/1")


def test_hostile_data_is_shown_as_text(operator: World, agent: Agent) -> None:
    write(operator, agent, '{"<script>alert(1)</script>": "</textarea><script>alert(2)</script>"}')
    keep(operator, agent)
    write(operator, agent, "{}", 5)
    for path in ("state", "checkpoints/1"):
        page = page_of(operator.client, f"/agents/{agent.id}/{path}")
        assert "<script>alert" not in page


def test_a_button_pressed_twice_keeps_one_checkpoint(operator: World, agent: Agent) -> None:
    for _ in range(2):
        keep(operator, agent, is_recoverable="1", once="abc")
    assert AgentCheckpoint.objects.count() == 1
