"""The admin of agents: states are looked at, changed by actions only."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from agents import services
from agents.models import Agent, AgentCommand, AgentStateHistory
from tests.make import Make
from tests.unit.agents.worlds import fresh, moves_of, use_registry, use_usual_registry, work_off
from workspaces.models import AuditEntry, Project


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)


@pytest.fixture
def admin_pages(make: Make) -> Client:
    pages = Client()
    pages.force_login(make.user(is_staff=True, is_superuser=True))
    return pages


def test_the_admin_shows_everything_and_changes_no_state_by_hand(
    admin_pages: Client, make: Make, project: Project
) -> None:
    agent = make.agent(project, "recorder", name="one")
    for model, row in (("agent", agent), ("agentdefinition", agent.definition)):
        assert admin_pages.get(reverse(f"admin:agents_{model}_changelist")).status_code == 200
        assert admin_pages.get(reverse(f"admin:agents_{model}_change", args=[row.pk])).status_code == 200
        assert admin_pages.get(reverse(f"admin:agents_{model}_add")).status_code == 403
        assert admin_pages.get(reverse(f"admin:agents_{model}_delete", args=[row.pk])).status_code == 403
    assert admin_pages.get(reverse("admin:agents_agentstatehistory_changelist")).status_code == 200


def save_in_admin(pages: Client, agent: Agent, **changes: str) -> Any:
    values = {
        "name": agent.name,
        "configuration": "{}",
        "capabilities": "[]",
        "metadata": "{}",
        "is_enabled": "on",
        "max_concurrent_tasks": "4",
        "weight": "1",
        "state_detail": "TERMINATED",
        "status": "ERROR",
        **changes,
    }
    return pages.post(reverse("admin:agents_agent_change", args=[agent.pk]), values)


def test_the_admin_saves_through_the_service(admin_pages: Client, make: Make, project: Project) -> None:
    agent = make.agent(project, "recorder", name="one")
    answer = save_in_admin(admin_pages, agent, name="two", configuration='{"depth": 4}')
    assert answer.status_code == 302
    saved = fresh(agent)
    assert (saved.name, saved.configuration) == ("two", {"depth": 4})
    assert (saved.state_detail, saved.status) == ("ACTIVE", "ACTIVE")
    assert AuditEntry.objects.filter(action="agent.updated", object_id=str(agent.id)).exists()


def test_the_admin_refuses_what_the_service_would(admin_pages: Client, make: Make, project: Project) -> None:
    agent = make.agent(project, "recorder", name="one")
    make.agent(project, name="two")
    assert "minimum of 1" in save_in_admin(admin_pages, agent, configuration='{"depth": 0}').content.decode()
    assert "has this name" in save_in_admin(admin_pages, agent, name="two").content.decode()
    assert fresh(agent).name == "one"


def act_in_admin(pages: Client, action: str, *agents: Agent) -> str:
    url = reverse("admin:agents_agent_changelist")
    ids = [str(agent.pk) for agent in agents]
    return pages.post(url, {"action": action, "_selected_action": ids}, follow=True).content.decode()


def test_the_admins_actions_are_the_lifecycle(admin_pages: Client, make: Make, project: Project) -> None:
    active, paused = make.agent(project, "recorder"), make.agent(project, state_detail="PAUSED", status="INACTIVE")
    page = act_in_admin(admin_pages, "pause_agents", active, paused)
    assert f"{active.name} is now PAUSED" in page
    assert "pause is not possible now" in page
    act_in_admin(admin_pages, "start_maintenance", active)
    assert fresh(active).status == "MAINTENANCE"
    act_in_admin(admin_pages, "end_maintenance", active)
    assert fresh(active).status == "INACTIVE"
    assert moves_of(active)[0] == ("ACTIVE", "PAUSED")
    assert AuditEntry.objects.filter(action="agent.paused").exists()


def test_staff_who_may_only_look_cannot_act(make: Make, project: Project) -> None:
    agent = make.agent(project)
    user = make.user(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_agent"))
    pages = Client()
    pages.force_login(user)
    act_in_admin(pages, "pause_agents", agent)
    assert fresh(agent).state_detail == "ACTIVE"


def problems_of(pages: Client, agent: Agent, text: str) -> Any:
    answer = pages.post(reverse("admin:agents_agent_check", args=[agent.pk]), {"configuration": text})
    assert answer.status_code == 200
    return answer.json()["problems"].get("configuration", [])


def test_the_editor_is_told_what_is_wrong_with_a_configuration_and_where(
    admin_pages: Client, make: Make, project: Project
) -> None:
    agent = make.agent(project, "recorder")
    assert problems_of(admin_pages, agent, '{"depth": 2}') == []
    [problem] = problems_of(admin_pages, agent, '{"depth": 0}')
    assert problem["path"] == "$.depth"
    assert "minimum of 1" in problem["message"]
    [problem] = problems_of(admin_pages, agent, '{\n"depth" 0}')
    assert "line 2" in problem["message"]
    page = admin_pages.get(reverse("admin:agents_agent_change", args=[agent.pk])).content.decode()
    assert reverse("admin:agents_agent_check", args=[agent.pk]) in page
    assert "json-editor" in page


def test_json_that_cannot_be_read_is_kept_as_it_was_typed(admin_pages: Client, make: Make, project: Project) -> None:
    agent = make.agent(project, "recorder")
    for text, said in (('{"depth": 4', "line 1"), ('{"depth": NaN}', "NaN is no number"), ("[" * 100_000, "too deep")):
        page = save_in_admin(admin_pages, agent, configuration=text).content.decode()
        assert said in page
        assert text.replace('"', "&quot;") in page


def test_strangers_are_told_nothing_of_a_configuration(make: Make, project: Project) -> None:
    agent = make.agent(project, "recorder")
    address = reverse("admin:agents_agent_check", args=[agent.pk])
    pages = Client()
    assert pages.post(address, {"configuration": "{}"}).status_code == 302
    pages.force_login(make.user(is_staff=True))
    assert pages.post(address, {"configuration": "{}"}).status_code == 404


def test_what_takes_time_is_asked_for_in_the_admin_and_waits_for_a_worker(
    admin_pages: Client, make: Make, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "SHOWN_WAIT_SECONDS", 0)
    agents = [make.agent(project, "recorder", state_detail="READY", status="INACTIVE") for _ in range(2)]
    body = {"action": "activate_agents", "_selected_action": [str(agent.pk) for agent in agents]}
    answer = admin_pages.post(reverse("admin:agents_agent_changelist"), body, follow=True)
    assert answer.content.decode().count("a worker has more to do for it") == 2
    listed = admin_pages.get(reverse("admin:agents_agentcommand_changelist")).content.decode()
    assert listed.count("ACTIVATE") >= 2
    command = AgentCommand.objects.first()
    assert command is not None
    assert admin_pages.get(reverse("admin:agents_agentcommand_change", args=[command.pk])).status_code == 200
    assert admin_pages.get(reverse("admin:agents_agentcommand_add")).status_code == 403
    assert work_off() == 2
    assert {fresh(agent).state_detail for agent in agents} == {"ACTIVE"}


def test_a_definition_is_switched_off_and_on_by_an_operator_of_the_server(admin_pages: Client, make: Make) -> None:
    definition = make.definition("recorder")
    address = reverse("admin:agents_agentdefinition_change", args=[definition.pk])
    admin_pages.post(address, {})
    definition.refresh_from_db()
    assert not definition.is_enabled
    assert definition.disabled_because.endswith(" switched it off")
    admin_pages.post(address, {"is_enabled": "on"})
    definition.refresh_from_db()
    assert (definition.is_enabled, definition.metadata) == (True, {})


def test_a_definition_without_a_class_is_not_switched_on(
    admin_pages: Client, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = make.definition("recorder")
    use_registry(monkeypatch)
    address = reverse("admin:agents_agentdefinition_change", args=[definition.pk])
    page = admin_pages.post(address, {"is_enabled": "on"}, follow=True).content.decode()
    definition.refresh_from_db()
    assert not definition.is_enabled
    assert "cannot be enabled: no class is registered for it any more" in page


def test_every_page_of_the_admin_has_our_icon_and_our_styles(admin_pages: Client) -> None:
    page = admin_pages.get("/admin/").content.decode()
    assert 'href="/static/frontend/icon' in page
    assert 'href="/static/frontend/admin' in page


def test_moves_and_commands_are_named_in_words(make: Make) -> None:
    agent = make.agent(state_detail="CREATED", status="INACTIVE")
    made = AgentStateHistory(agent=agent, previous_state_detail=None, new_state_detail="CREATED")
    moved = AgentStateHistory(agent=agent, previous_state_detail="CREATED", new_state_detail="READY")
    assert [str(made), str(moved)] == ["created", "created → ready"]
    assert [str(AgentCommand(kind="START", outcome=outcome)) for outcome in (None, "DONE")] == [
        "start: under way",
        "start: done",
    ]
