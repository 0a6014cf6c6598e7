"""Templates in the admin: every save is a version, nothing goes past the services, nothing typed is lost."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from templates_app.models import AgentTemplate
from tests.integration.pages.template_worlds import SCHEMA, VARIABLES, agent_of, built_in, changed, template_of
from tests.integration.pages.worlds import World
from tests.make import Make
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db

NAMES = "admin:templates_app_agenttemplate"


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


@pytest.fixture
def pages(make: Make) -> Client:
    pages = Client()
    pages.force_login(make.user(username="root", is_staff=True, is_superuser=True))
    return pages


def address(name: str, *args: Any) -> str:
    return reverse(f"{NAMES}_{name}", args=args)


def written(world: World, **changes: str) -> dict[str, str]:
    return {
        "workspace": str(world.workspace.id),
        "slug": "",
        "name": "Sifter",
        "description": "Sifts.",
        "definition": str(world.make.definition("scripted").id),
        "agent_type": "",
        "configuration_schema": json.dumps(SCHEMA),
        "default_configuration": '{"depth": 2}',
        "prompt_template": "Sift {{topic}}.",
        "prompt_variables": json.dumps(VARIABLES),
        "change_description": "A start",
        **changes,
    }


def edited(world: World, template: AgentTemplate, **changes: str) -> dict[str, str]:
    texts = {"name": template.name, "description": template.description, "agent_type": template.agent_type}
    value = {"default_configuration": json.dumps(template.default_configuration)}
    prompt = {"prompt_template": template.prompt_template, "expected_version": str(template.version)}
    return {**written(world), **texts, **value, **prompt, **changes}


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def test_everything_is_shown(pages: Client, world: World) -> None:
    template = template_of(world)
    changed(world, template, "Why it changed", description="Digs deep.")
    ready = built_in(world)
    assert "built in" in pages.get(address("changelist")).content.decode()
    assert "Digger" not in pages.get(address("changelist"), {"origin": "builtin"}).content.decode()
    for row in (template, ready):
        for name in ("change", "history", "compare", "copy"):
            assert pages.get(address(name, row.pk)).status_code == 200, name
    history = pages.get(address("history", template.pk)).content.decode()
    assert "Why it changed" in history
    assert "ada" in history
    compared = pages.get(address("compare", template.pk), {"from": "1", "to": "2"}).content.decode()
    assert "$.description" in compared
    assert "Digs deep." in compared
    assert pages.get(address("compare", template.pk), {"from": "8"}).status_code == 404
    versions = reverse("admin:templates_app_agenttemplateversion_changelist")
    assert pages.get(versions).status_code == 200
    version = template.versions.first()
    assert version is not None
    assert pages.get(reverse("admin:templates_app_agenttemplateversion_change", args=[version.pk])).status_code == 200
    assert pages.get(reverse("admin:templates_app_agenttemplateversion_add")).status_code == 403


def test_a_template_is_made(pages: Client, world: World) -> None:
    assert pages.get(address("add")).status_code == 200
    assert pages.post(address("add"), written(world)).status_code == 302
    made = AgentTemplate.objects.get(slug="sifter")
    assert (made.workspace, made.agent_type) == (world.workspace, "CUSTOM")
    version = made.versions.get()
    assert (version.change_description, version.created_by) == ("A start", "root")
    assert AuditEntry.objects.filter(action="template.created", actor="root").exists()


def test_a_save_is_a_new_version(pages: Client, world: World) -> None:
    template = template_of(world)
    page = pages.get(address("change", template.pk)).content.decode()
    assert "json-editor" in page
    assert f'data-check="{address("check")}"' in page
    posted = edited(world, template, description="Digs a lot.", change_description="More")
    assert pages.post(address("change", template.pk), posted).status_code == 302
    row = template.versions.get(version=2)
    assert (row.snapshot["description"], row.change_description, row.created_by) == ("Digs a lot.", "More", "root")


def test_what_the_service_refuses_is_an_error_of_its_field_and_nothing_is_lost(pages: Client, world: World) -> None:
    template_of(world)
    wrong = {
        "default_configuration": ('{"depth": 20}', "maximum of 9"),
        "configuration_schema": ('{"type": "objekt"}', "objekt"),
        "prompt_template": ("Sift {{other}}.", "not declared"),
        "prompt_variables": ('[{"nam": 1}]', "unknown"),
        "slug": ("digger", "is taken"),
    }
    for field, (text, said) in wrong.items():
        answer = pages.post(address("add"), written(world, **{field: text}))
        assert said in errors_of(answer)[field][0], field
        assert answer.context["adminform"].form[field].value() == text
    unreadable = pages.post(address("add"), written(world, configuration_schema='{"type": "object",\n'))
    assert "line 2" in errors_of(unreadable)["configuration_schema"][0]
    assert AgentTemplate.objects.filter(workspace=world.workspace).count() == 1


def test_a_change_in_between_is_not_written_over(pages: Client, world: World) -> None:
    template = template_of(world)
    changed(world, template, description="Theirs.")
    answer = pages.post(address("change", template.pk), edited(world, template, description="Mine."))
    assert "at version 2 now" in errors_of(answer)["__all__"][0]
    assert "Mine." in answer.content.decode()
    assert AgentTemplate.objects.get(pk=template.pk).description == "Theirs."


def test_the_editor_is_told_what_is_wrong_before_anything_is_saved(pages: Client, world: World) -> None:
    wrong = written(world, name="", default_configuration='{"depth": 0}')
    told = pages.post(address("check"), wrong).json()["problems"]
    assert told == {"default_configuration": [{"path": "$.depth", "message": "0 is less than the minimum of 1"}]}
    told = pages.post(address("check"), written(world, prompt_variables="[1")).json()["problems"]
    assert "line 1" in told["prompt_variables"][0]["message"]
    assert pages.post(address("check"), written(world)).json() == {"problems": {}}
    assert not AgentTemplate.objects.filter(workspace=world.workspace).exists()


def test_a_version_is_restored(pages: Client, world: World) -> None:
    template = template_of(world)
    changed(world, template, description="Digs deep.")
    assert pages.get(address("restore", template.pk, 1)).status_code == 403
    pages.post(address("restore", template.pk, 1))
    now = AgentTemplate.objects.get(pk=template.pk)
    assert (now.version, now.description) == (3, "Digs.")


def test_a_built_in_template_is_copied_and_not_changed(pages: Client, world: World) -> None:
    row = built_in(world)
    assert "_save" not in pages.get(address("change", row.pk)).content.decode()
    assert pages.post(address("change", row.pk), written(world)).status_code == 403
    assert pages.post(address("delete", row.pk), {"post": "yes"}).status_code == 403
    assert pages.post(address("restore", row.pk, 1)).status_code == 403
    posted = {"workspace": str(world.workspace.id), "name": "Ours", "slug": ""}
    made = pages.post(address("copy", row.pk), posted)
    copy = AgentTemplate.objects.get(workspace=world.workspace)
    assert made["Location"] == address("change", copy.pk)
    assert (copy.name, copy.slug) == ("Ours", "ready-made-2")
    refused = pages.post(address("copy", row.pk), {**posted, "slug": "ready-made"})
    assert "is taken" in refused.content.decode()


def act(pages: Client, action: str, *templates: AgentTemplate) -> str:
    ids = [str(template.pk) for template in templates]
    answer = pages.post(address("changelist"), {"action": action, "_selected_action": ids, "post": "yes"}, follow=True)
    return str(answer.content.decode())


def test_templates_are_switched_by_actions(pages: Client, world: World) -> None:
    template, ready = template_of(world), built_in(world)
    page = act(pages, "disable_templates", template, ready)
    assert "Digger is disabled" in page
    assert "built in and stays" in page
    assert not AgentTemplate.objects.get(pk=template.pk).is_enabled
    act(pages, "enable_templates", template)
    assert AgentTemplate.objects.get(pk=template.pk).is_enabled
    assert AgentTemplate.objects.get(pk=ready.pk).is_enabled


def test_only_what_nobody_used_is_deleted(pages: Client, world: World) -> None:
    used, unused, other = template_of(world), template_of(world, "Unused"), template_of(world, "Other")
    agent_of(world, used)
    asked = pages.get(address("delete", used.pk)).content.decode()
    assert "1 agent was made of it. Disable it instead." in asked
    assert "Yes, I’m sure" not in asked
    assert "agents" not in str(pages.get(address("delete", unused.pk)).context["model_count"])
    refused = pages.post(address("delete", used.pk), {"post": "yes"}, follow=True)
    assert "Disable it instead" in refused.content.decode()
    pages.post(address("delete", unused.pk), {"post": "yes"})
    page = act(pages, "delete_selected", used, other)
    assert "Disable it instead" in page
    assert list(AgentTemplate.objects.filter(workspace=world.workspace)) == [used]


def test_an_agent_is_made_of_a_template(pages: Client, world: World) -> None:
    template = template_of(world)
    make_agent = reverse("admin:agents_agent_from_template", args=[template.pk])
    assert pages.get(make_agent).status_code == 200
    posted = {
        "project": str(world.project.id),
        "name": "From the admin",
        "configuration": '{"depth": 4}',
        "variables": '{"topic": "coal"}',
    }
    made = pages.post(make_agent, posted)
    agent = Agent.objects.get(name="From the admin")
    assert made["Location"] == reverse("admin:agents_agent_change", args=[agent.pk])
    assert agent.configuration == {"depth": 4, "limits": {"seconds": 30}}
    assert agent.prompt_template == "Dig into coal."
    wrong = {
        "configuration": ('{"depth": 40}', "maximum of 9"),
        "variables": ("{}", "required"),
        "name": (agent.name, "taken"),
    }
    for field, (text, said) in wrong.items():
        page = pages.post(make_agent, {**posted, "name": "another", field: text}).content.decode()
        assert said in page, field
    checked = reverse("admin:agents_agent_of_template", args=[template.pk])
    told = pages.post(checked, {**posted, "configuration": '{"depth": 40}'}).json()["problems"]
    assert told["configuration"][0]["path"] == "$.depth"
    assert Agent.objects.count() == 1


def test_a_template_of_no_definition_asks_for_one(pages: Client, world: World) -> None:
    template = template_of(world, definition="")
    make_agent = reverse("admin:agents_agent_from_template", args=[template.pk])
    posted = {"project": str(world.project.id), "configuration": "{}", "variables": '{"topic": "coal"}'}
    refused = pages.post(make_agent, posted)
    assert "definition" in refused.context["form"].errors
    pages.post(make_agent, {**posted, "definition": "scripted"})
    assert Agent.objects.get().definition.slug == "scripted"


def test_staff_without_the_right_can_do_nothing(make: Make, world: World) -> None:
    template = template_of(world)
    changed(world, template, description="Digs deep.")
    looking = make.user(is_staff=True)
    looking.user_permissions.add(Permission.objects.get(codename="view_agenttemplate"))
    pages = Client()
    pages.force_login(looking)
    assert pages.get(address("change", template.pk)).status_code == 200
    assert "Restore as" not in pages.get(address("history", template.pk)).content.decode()
    assert pages.post(address("restore", template.pk, 1)).status_code == 403
    assert pages.post(address("check"), written(world)).status_code == 404
    assert pages.get(address("copy", template.pk)).status_code == 403
    assert pages.get(reverse("admin:agents_agent_from_template", args=[template.pk])).status_code == 403
    act(pages, "disable_templates", template)
    assert AgentTemplate.objects.get(pk=template.pk).is_enabled
    stranger = Client()
    stranger.force_login(make.user(is_staff=True))
    for name in ("history", "compare"):
        assert stranger.get(address(name, template.pk)).status_code == 403


def test_the_list_needs_no_more_queries_for_many_rows(
    pages: Client, world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        template_of(world, f"Digger {number}")
    with django_assert_max_num_queries(9):
        assert pages.get(address("changelist")).status_code == 200
