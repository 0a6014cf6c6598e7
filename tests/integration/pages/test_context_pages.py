"""The contexts of an agent, through the pages."""

from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from agents.models import Agent, AgentContext
from agents.policies import author_of_agent
from agents.services import write_context
from tests.integration.pages.worlds import World, context_of
from tests.make import Make
from workspaces.access import Access
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent(world: World) -> Agent:
    return world.make.agent(world.project)


def address(context: AgentContext, action: str = "") -> str:
    return f"/agents/{context.agent_id}/contexts/{context.id}{action}"


def page_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_list_says_who_wrote_last_and_what_for(world: World, agent: Agent) -> None:
    context = context_of(agent, {"a": 1}, {"a": 2})
    context_of(agent, name="empty")
    page = page_of(world.client, f"/agents/{agent.id}/contexts")
    assert address(context) in page
    assert "ada" in page
    assert "change 2" in page
    assert "nothing yet" in page


def test_what_an_agent_wrote_is_by_its_name_with_the_way_to_its_session(world: World, agent: Agent) -> None:
    context = context_of(agent, {"word": "first"})
    session = world.make.session(world.project)
    author = author_of_agent("scribe", str(session.id))
    access = Access(actor=author, user_id=None, roles={agent.workspace_id: Role.MEMBER})
    write_context(access=access, context_id=context.id, data={})
    for path in (address(context), f"/agents/{agent.id}/contexts"):
        page = page_of(world.client, path)
        assert "agent:scribe" in page
        assert author not in page
    assert f'href="/sessions/{session.id}"' in page_of(world.client, address(context))


def test_a_member_opens_a_context_by_name_and_twice_is_the_same(world: World, agent: Agent) -> None:
    answers = [world.client.post(f"/agents/{agent.id}/contexts", {"name": " plan "}) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {address(AgentContext.objects.get())}
    refused = world.client.post(f"/agents/{agent.id}/contexts", {"name": ""})
    assert refused.status_code == 400
    assert 'role="alert"' in refused.content.decode()


def test_it_is_read_at_any_version(world: World, agent: Agent) -> None:
    context = context_of(agent, {"word": "first"}, {"word": "second"})
    assert "&quot;second&quot;" in page_of(world.client, address(context))
    assert "&quot;first&quot;" in page_of(world.client, address(context), version="1")
    for version in ("9", "nonsense", "99999999999999999"):
        answer = world.client.get(address(context), {"version": version})
        assert answer.status_code == (200 if version == "nonsense" else 404), version
        assert "Versions" in answer.content.decode()


def test_a_version_that_was_pruned_is_gone_and_the_others_are_there(world: World, agent: Agent, settings: Any) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 2
    context = context_of(agent, {"n": 1}, {"n": 2}, {"n": 3})
    answer = world.client.get(address(context), {"version": "1"})
    assert answer.status_code == 410
    assert "was pruned" in answer.content.decode()


def test_two_versions_stand_side_by_side(world: World, agent: Agent) -> None:
    context = context_of(agent, {"title": "Old", "gone": True, "kept": 1}, {"title": "New", "kept": 1, "list": [1]})
    page = page_of(world.client, address(context), **{"from": "1", "to": "2"})
    assert "From version 1 to version 2" in page
    places = ("$.gone", "$.list", "$.title")
    assert all(f'<td class="mono wrap-any">{place}</td>' in page for place in places)
    assert "$.kept" not in page
    assert f'<span class="gone">{escape(chr(34) + "Old" + chr(34))}</span>' in page
    assert '<tr class="same">' in page
    assert '<tr class="changed">' in page
    same = page_of(world.client, address(context), **{"from": "2", "to": "2"})
    assert "There is no difference." in same


def test_a_new_version_is_written_with_what_it_is_for(world: World, agent: Agent) -> None:
    context = context_of(agent, {"a": 1})
    posted = {"data": '{"a": 2}', "version": "1", "change_description": "because"}
    assert world.client.post(address(context, "/write"), posted).status_code == 302
    newest = AgentContext.objects.get().versions.first()
    assert newest is not None
    assert (newest.version, newest.data, newest.created_by) == (2, {"a": 2}, world.user.username)
    assert "because" in page_of(world.client, address(context))


def test_of_two_writers_the_second_is_shown_both_and_loses_nothing(world: World, agent: Agent) -> None:
    context = context_of(agent, {"a": 1}, {"a": 2})
    posted = {"data": '{"a": 30}', "version": "1", "change_description": "mine"}
    answer = world.client.post(address(context, "/write"), posted)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert AgentContext.objects.get().current_version == 2
    assert '<span class="gone">2</span>' in page
    assert '<span class="new">30</span>' in page
    assert "{&quot;a&quot;: 30}</textarea>" in page
    assert 'value="mine"' in page
    assert world.client.post(address(context, "/write"), {**posted, "version": "2"}).status_code == 302
    assert AgentContext.objects.get().current_version == 3


@pytest.mark.parametrize("data", ["{", "[1]", '{"a": "\\u0000"}'])
def test_what_is_no_context_is_refused_and_kept_in_the_form(world: World, agent: Agent, data: str) -> None:
    context = context_of(agent, {"a": 1})
    answer = world.client.post(address(context, "/write"), {"data": data, "version": "1"})
    assert answer.status_code == 400
    assert f">{escape(data)}</textarea>" in answer.content.decode()


def test_it_is_rolled_back_and_says_so(world: World, agent: Agent) -> None:
    context = context_of(agent, {"a": 1}, {"a": 2})
    assert "/rollback" not in page_of(world.client, address(context))
    assert "Go back to version 1" in page_of(world.client, address(context), version="1")
    world.client.post(address(context, "/rollback"), {"version": "1", "reason": "it was better"})
    page = page_of(world.client, address(context))
    assert "rolled back to version 1" in page
    assert AgentContext.objects.get().current_version == 1
    assert "rolled back" in page_of(world.client, f"/agents/{agent.id}/contexts")


@pytest.mark.parametrize(("version", "said"), [("9", "has no version 9"), ("0", "no version 0"), ("x", "no version 0")])
def test_going_back_to_what_is_not_there_is_said(world: World, agent: Agent, version: str, said: str) -> None:
    context = context_of(agent, {"a": 1})
    answer = world.client.post(address(context, "/rollback"), {"version": version}, follow=True)
    page = answer.content.decode()
    assert said in page
    assert ("failed" in page) == (version == "9"), "what was tried is recorded"


def test_viewers_read_and_do_not_write(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    agent = make.agent(viewer.project)
    context = context_of(agent, {"a": 1}, {"a": 2})
    for path in (f"/agents/{agent.id}/contexts", address(context), f"{address(context)}?version=1"):
        page = page_of(viewer.client, path)
        assert 'method="post"' not in page[page.index('<main class="main"') : page.index("</main>")]
    assert viewer.client.post(f"/agents/{agent.id}/contexts", {"name": "x"}).status_code == 403
    assert viewer.client.post(address(context, "/write"), {"data": "{}"}).status_code == 403
    assert viewer.client.post(address(context, "/rollback"), {"version": "1"}).status_code == 403


def test_those_of_a_terminated_agent_are_read_only(world: World, agent: Agent) -> None:
    context = context_of(agent, {"a": 1}, {"a": 2})
    Agent.objects.filter(id=agent.id).update(state_detail="TERMINATED", status="INACTIVE")
    page = page_of(world.client, address(context), version="1")
    assert 'method="post"' not in page[page.index('<main class="main"') : page.index("</main>")]
    answer = world.client.post(address(context, "/write"), {"data": '{"a": 3}', "version": "2"})
    assert answer.status_code == 400
    assert "is terminated" in answer.content.decode()


def test_a_context_is_found_under_its_own_agent_only(world: World, make: Make, agent: Agent) -> None:
    other = make.agent(world.project)
    context = context_of(agent, {"a": 1})
    foreign = context_of(make.agent(make.project()), {"a": 1})
    for path in (
        f"/agents/{other.id}/contexts/{context.id}",
        f"/agents/{agent.id}/contexts/{foreign.id}",
        address(foreign),
    ):
        assert world.client.get(path).status_code == 404
        assert world.client.post(f"{path}/write", {"data": "{}", "version": "1"}).status_code == 404
        assert world.client.post(f"{path}/rollback", {"version": "1"}).status_code == 404


def test_hostile_data_and_words_are_shown_as_text(world: World, agent: Agent) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    context = context_of(agent, {"a": 1}, {hostile: hostile})
    posted = {"data": "{}", "version": "2", "change_description": hostile}
    world.client.post(address(context, "/write"), posted)
    for query in ({}, {"version": "2"}, {"from": "2", "to": "3"}):
        assert "<script>alert" not in page_of(world.client, address(context), **query)
    assert "<script>alert" not in page_of(world.client, f"/agents/{agent.id}/contexts")
