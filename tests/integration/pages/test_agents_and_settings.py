"""Agents as those see them who may change them, and the settings of a workspace."""

import re

import pytest

from agents.models import Agent
from tests.integration.pages.worlds import World, configurable_agent
from tests.make import Make
from workspaces.models import ApiKey, Membership, Project
from workspaces.states import Role

pytestmark = pytest.mark.django_db


def test_an_operator_sees_only_the_moves_an_agent_can_make(make: Make) -> None:
    operator = World(make, Role.OPERATOR)
    agent = make.agent(operator.project)
    page = operator.client.get(f"/agents/{agent.id}").content.decode()
    assert f"/agents/{agent.id}/pause" in page
    assert f"/agents/{agent.id}/resume" not in page
    operator.client.post(f"/agents/{agent.id}/pause")
    assert Agent.objects.get(id=agent.id).state_detail == "PAUSED"
    page = operator.client.get(f"/agents/{agent.id}").content.decode()
    assert f"/agents/{agent.id}/resume" in page
    assert operator.user.username in page


def test_a_member_sees_no_lifecycle_buttons_and_may_not_use_them(world: World) -> None:
    agent = world.make.agent(world.project)
    assert f"/agents/{agent.id}/pause" not in world.client.get(f"/agents/{agent.id}").content.decode()
    assert world.client.post(f"/agents/{agent.id}/pause").status_code == 403


def test_an_operator_changes_the_configuration_by_its_schema(make: Make) -> None:
    operator = World(make, Role.OPERATOR)
    agent = configurable_agent(operator)
    assert operator.client.post(f"/agents/{agent.id}/configure", {"config-depth": "9"}).status_code == 302
    assert Agent.objects.get(id=agent.id).configuration == {"depth": 9}
    assert operator.client.post(f"/agents/{agent.id}/configure", {"config-depth": "11"}).status_code == 400
    assert Agent.objects.get(id=agent.id).configuration == {"depth": 9}


def test_an_owner_adds_changes_and_removes_members(owner: World) -> None:
    friend = owner.make.user()
    owner.client.post("/settings/members", {"username": friend.username, "role": "VIEWER"})
    member = Membership.objects.get(user=friend)
    assert member.role == "VIEWER"
    owner.client.post(f"/settings/members/{member.id}/role", {"role": "MEMBER"})
    assert Membership.objects.get(id=member.id).role == "MEMBER"
    owner.client.post(f"/settings/members/{member.id}/remove")
    assert not Membership.objects.filter(id=member.id).exists()


def test_an_unknown_member_is_refused_with_a_sentence(owner: World) -> None:
    page = owner.client.post("/settings/members", {"username": "nobody-here", "role": "VIEWER"}).content.decode()
    assert "There is no user named" in page
    assert 'value="nobody-here"' in page


def test_the_last_owner_cannot_leave(owner: World) -> None:
    member = Membership.objects.get(user=owner.user)
    answer = owner.client.post(f"/settings/members/{member.id}/remove", follow=True)
    assert "last owner" in answer.content.decode()
    assert Membership.objects.filter(id=member.id).exists()


def test_a_key_is_shown_once(owner: World) -> None:
    made = owner.client.post("/settings/keys", {"name": "nightly", "role": "MEMBER", "days": "30"}).content.decode()
    secret = re.search(r'id="secret" value="([^"]+)"', made)[1]
    assert secret.startswith("ao_")
    later = owner.client.get("/settings/keys").content.decode()
    assert "nightly" in later
    assert secret not in later
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    owner.client.post(f"/settings/keys/{key.id}/revoke")
    assert ApiKey.objects.get().revoked_at is not None


def test_a_new_project_can_be_worked_in(owner: World) -> None:
    owner.client.post("/settings/projects", {"name": "Second"})
    second = Project.objects.get(name="Second")
    owner.client.post("/switch", {"project": str(second.id)})
    assert "Second" in owner.client.get("/documents").content.decode()


def test_members_may_not_administer(world: World) -> None:
    friend = world.make.user()
    page = world.client.post("/settings/members", {"username": friend.username, "role": "VIEWER"}).content.decode()
    assert 'role="alert"' in page
    assert not Membership.objects.filter(user=friend).exists()
    assert "For owners and admins" in world.client.get("/settings/keys").content.decode()
