"""Templates on pages: the gallery, one template, its versions, making an agent of it, writing it."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from agents.services import TemplateUse, apply_template
from templates_app.models import AgentTemplate
from templates_app.services import create_template, set_enabled, update_template
from templates_app.values import TemplateValues
from tests.integration.pages.worlds import HOSTILE, World
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.models import Membership
from workspaces.states import Role

pytestmark = pytest.mark.django_db

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["depth"],
    "properties": {
        "depth": {"type": "integer", "minimum": 1, "maximum": 9, "title": "How deep"},
        "tone": {"enum": ["calm", "brisk"]},
        "limits": {"type": "object", "properties": {"seconds": {"type": "integer", "maximum": 60}}},
    },
}
VARIABLES = [{"name": "topic", "description": "What it is about", "required": True}]


@pytest.fixture
def operator(make: Make) -> World:
    return World(make, Role.OPERATOR)


def template_of(world: World, name: str = "Digger", **fields: Any) -> AgentTemplate:
    world.make.definition("scripted")
    values = {
        "agent_type": "CUSTOM",
        "definition": "scripted",
        "description": "Digs.",
        "configuration_schema": SCHEMA,
        "default_configuration": {"depth": 3, "limits": {"seconds": 30}},
        "prompt_template": "Dig into {{topic}}.",
        "prompt_variables": VARIABLES,
        **fields,
    }
    return create_template(
        access=access_to(world.project),
        workspace_id=world.workspace.id,
        values=TemplateValues(name=name, **values),
        change_description="first",
    )


def changed(world: World, template: AgentTemplate, why: str = "second", **changes: Any) -> AgentTemplate:
    return update_template(
        access=access_to(world.project), template_id=template.id, changes=changes, change_description=why
    )


def agent_of(world: World, template: AgentTemplate, name: str = "one") -> Agent:
    use = TemplateUse(template.id, variables={"topic": "coal"})
    return apply_template(access=access_to(world.project), use=use, name=name, project_id=world.project.id)


def built_in(world: World, slug: str = "ready-made") -> AgentTemplate:
    row = AgentTemplate.objects.create(
        slug=slug, name="Ready made", agent_type="CUSTOM", definition=world.make.definition("scripted")
    )
    row.versions.create(version=1, snapshot={"name": "Ready made", "agent_type": "CUSTOM", "definition": "scripted"})
    return row


def text_of(world: World, path: str, status: int = 200, **query: str) -> str:
    answer = world.client.get(path, query)
    assert answer.status_code == status
    return str(answer.content.decode())


def post(world: World, path: str, **values: Any) -> Any:
    return world.client.post(path, values)


# ------------------------------------------------------------------------------------------------ the gallery


def test_the_gallery_shows_what_is_built_in_and_what_is_ours(operator: World, make: Make) -> None:
    template_of(operator)
    built_in(operator)
    template_of(World(make), "Of somebody else")
    page = text_of(operator, "/templates")
    assert "Digger" in page
    assert "Ready made" in page
    assert "Of somebody else" not in page
    assert 'href="/templates/digger/use"' in page
    assert "Ready made" not in text_of(operator, "/templates", origin="own")
    assert "Digger" not in text_of(operator, "/templates", origin="builtin")
    assert "Nothing matches" in text_of(operator, "/templates", q="zzz")
    assert "Digger" in text_of(operator, "/templates", q="dig", type="CUSTOM")
    assert "Nothing matches" in text_of(operator, "/templates", type="AUDITOR", origin="own")


def test_a_disabled_template_is_marked_and_cannot_be_used_from_the_gallery(operator: World) -> None:
    template = template_of(operator)
    set_enabled(access=access_to(operator.project), template_id=template.id, enabled=False)
    page = text_of(operator, "/templates")
    assert '<span class="chip">disabled</span>' in page
    assert "/templates/digger/use" not in page
    assert "Digger" in text_of(operator, "/templates", enabled="no")
    assert "Nothing matches" in text_of(operator, "/templates", enabled="yes", origin="own")


def test_the_gallery_comes_in_pages(operator: World) -> None:
    for number in range(30):
        template_of(operator, f"Digger {number:02}")
    assert "1–24 of 30" in text_of(operator, "/templates", origin="own")
    assert "Digger 29" in text_of(operator, "/templates", origin="own", page="2")


# ------------------------------------------------------------------------------------------------ one template


def test_a_template_shows_its_settings_prompt_and_versions(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, "Deeper <b>now</b>", default_configuration={"depth": 5})
    page = text_of(operator, "/templates/digger")
    assert "1 to 9" in page
    assert '<code title="$.limits.seconds">seconds</code>' in page
    assert "<mark>{{topic}}</mark>" in page
    assert "What it is about" in page
    assert "Deeper &lt;b&gt;now&lt;/b&gt;" in page
    assert "ada, <time" in page
    assert "/templates/digger/restore/1" in page


def test_what_a_template_says_is_never_run(operator: World) -> None:
    template_of(operator, HOSTILE, slug="hostile", description=HOSTILE, prompt_template=f"{HOSTILE} {{{{topic}}}}")
    for path in ("", "/use", "/edit", "/versions"):
        assert HOSTILE not in text_of(operator, f"/templates/hostile{path}")
    assert HOSTILE not in text_of(operator, "/templates")


def test_agents_that_lag_behind_are_upgraded_one_or_all(operator: World) -> None:
    template = template_of(operator)
    first, second = agent_of(operator, template, "one"), agent_of(operator, template, "two")
    assert "lags behind" not in text_of(operator, "/templates/digger")
    changed(operator, template, default_configuration={"depth": 7, "limits": {"seconds": 30}})
    page = text_of(operator, "/templates/digger")
    assert page.count("lags behind") == 2
    assert "Upgrade all that lag behind (2)" in page
    post(operator, "/templates/digger/upgrade", agent=str(first.id))
    assert Agent.objects.get(id=first.id).configuration["depth"] == 7
    assert Agent.objects.get(id=second.id).configuration["depth"] == 3
    post(operator, "/templates/digger/upgrade")
    assert Agent.objects.get(id=second.id).configuration["depth"] == 7
    assert "Upgraded to version 2: two" in text_of(operator, "/templates/digger")


def test_an_agent_that_cannot_be_upgraded_is_named_and_stays(operator: World) -> None:
    template = template_of(operator)
    agent_of(operator, template)
    needed = [*VARIABLES, {"name": "depth_of_it", "required": True}]
    changed(operator, template, prompt_template="{{topic}} {{depth_of_it}}", prompt_variables=needed)
    post(operator, "/templates/digger/upgrade")
    assert "one stays as it is" in text_of(operator, "/templates/digger")


def test_a_template_is_switched_copied_exported_and_deleted(operator: World) -> None:
    template = template_of(operator)
    post(operator, "/templates/digger/enabled", enabled="no")
    assert not AgentTemplate.objects.get(id=template.id).is_enabled
    post(operator, "/templates/digger/enabled", enabled="yes")
    assert AgentTemplate.objects.get(id=template.id).is_enabled
    assert post(operator, "/templates/digger/copy")["Location"] == "/templates/digger-2/edit"
    export = operator.client.get("/templates/digger/export")
    assert export["Content-Disposition"] == 'attachment; filename="digger.yaml"'
    assert "name: Digger" in export.content.decode()
    assert post(operator, "/templates/digger/delete")["Location"] == "/templates"
    assert not AgentTemplate.objects.filter(slug="digger").exists()


def test_a_template_in_use_is_not_deleted(operator: World) -> None:
    template = template_of(operator)
    agent_of(operator, template)
    assert "/templates/digger/delete" not in text_of(operator, "/templates/digger")
    assert post(operator, "/templates/digger/delete")["Location"] == "/templates/digger"
    assert "Disable it instead" in text_of(operator, "/templates/digger")


def test_a_built_in_template_is_used_and_copied_but_not_changed(operator: World) -> None:
    row = built_in(operator)
    page = text_of(operator, f"/templates/{row.slug}")
    for path in ("edit", "enabled", "delete", "restore/1"):
        assert f"/templates/{row.slug}/{path}" not in page
    assert f"/templates/{row.slug}/use" in page
    assert post(operator, f"/templates/{row.slug}/delete")["Location"] == f"/templates/{row.slug}"
    assert post(operator, f"/templates/{row.slug}/enabled", enabled="no").status_code == 403
    assert operator.client.get(f"/templates/{row.slug}/edit")["Location"] == f"/templates/{row.slug}"
    assert AgentTemplate.objects.get(id=row.id).is_enabled
    post(operator, f"/templates/{row.slug}/copy")
    assert AgentTemplate.objects.filter(workspace=operator.workspace).get().slug == "ready-made-2"


# ------------------------------------------------------------------------------------------------ versions


def test_two_versions_stand_side_by_side(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, prompt_template="Dig deep into {{topic}}.", description="Digs deep.")
    page = text_of(operator, "/templates/digger/compare")
    assert "$.prompt_template" in page
    assert "Dig deep into {{topic}}." in page
    assert "$.name" not in page
    assert "Nothing differs" in text_of(operator, "/templates/digger/compare", **{"from": "1", "to": "1"})
    assert operator.client.get("/templates/digger/compare?from=7").status_code == 404
    assert operator.client.get("/templates/digger/compare?from=x&to=%F0%9D%9F%99").status_code == 200


def test_a_version_is_restored_as_a_new_one(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, description="Digs deep.")
    post(operator, "/templates/digger/restore/1")
    now = AgentTemplate.objects.get(id=template.id)
    assert (now.version, now.description) == (3, "Digs.")
    page = text_of(operator, "/templates/digger/versions")
    assert "restored from version 1" in page
    assert post(operator, "/templates/digger/restore/9").status_code == 404


# ------------------------------------------------------------------------------------------------ use

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


# ------------------------------------------------------------------------------------------------ write


def written(**changes: str) -> dict[str, str]:
    return {
        "name": "Sifter",
        "slug": "",
        "description": "Sifts.",
        "definition": "scripted",
        "agent_type": "",
        "configuration_schema": json.dumps(SCHEMA),
        "default_configuration": '{"depth": 2}',
        "prompt_template": "Sift {{topic}}.",
        "prompt_variables": json.dumps(VARIABLES),
        "change_description": "A start",
        **changes,
    }


def test_a_template_is_made_by_its_form(operator: World) -> None:
    operator.make.definition("scripted")
    assert operator.client.get("/templates/new").status_code == 200
    assert post(operator, "/templates/new", **written())["Location"] == "/templates/sifter"
    made = AgentTemplate.objects.get(slug="sifter")
    assert made.default_configuration == {"depth": 2}
    assert made.versions.get().change_description == "A start"


def test_a_new_template_begins_with_what_its_definition_knows(operator: World) -> None:
    operator.make.definition("digger", config_schema=SCHEMA)
    page = text_of(operator, "/templates/new", definition="digger")
    assert '<option value="digger" selected>' in page
    assert "&quot;maximum&quot;: 60" in page
    assert '<option value="digger">' in text_of(operator, "/templates/new", definition="nothing")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "Give a name"),
        ({"slug": "Not One!"}, "slug", "lower-case"),
        ({"default_configuration": '{"depth": 20}'}, "default_configuration", "maximum of 9"),
        ({"default_configuration": "[1]"}, "default_configuration", "Give a JSON object"),
        ({"configuration_schema": '{"type": "objekt"}'}, "configuration_schema", "objekt"),
        ({"configuration_schema": '{"type": "object",\n "properties" {}}'}, "configuration_schema", "line 2"),
        ({"prompt_variables": '"x"'}, "prompt_variables", "Give a JSON list"),
        ({"prompt_template": "Sift {{other}}."}, "prompt_template", "not declared"),
    ],
)
def test_what_is_wrong_with_a_template_stands_at_its_field(
    operator: World, changes: dict[str, str], field: str, said: str
) -> None:
    operator.make.definition("scripted")
    answer = post(operator, "/templates/new", **written(**changes))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page.split(f'name="{field}"')[1].split("form-text")[0]
    assert "A start" in page
    assert not AgentTemplate.objects.filter(workspace__isnull=False).exists()
    [problem] = post(operator, "/templates/validate", **written(**changes)).json()["problems"].get(field, [None])[:1]
    assert field in ("name", "slug") or said in problem["message"]


def test_a_taken_id_is_said_at_the_id(operator: World) -> None:
    template_of(operator)
    page = post(operator, "/templates/new", **written(slug="digger")).content.decode()
    assert "is taken" in page.split('name="slug"')[1].split("form-text")[0]


def edited(template: AgentTemplate, **changes: str) -> dict[str, str]:
    texts = {name: getattr(template, name) for name in ("name", "description", "agent_type", "prompt_template")}
    values = ("configuration_schema", "default_configuration", "prompt_variables")
    return {
        **texts,
        **{name: json.dumps(getattr(template, name)) for name in values},
        "definition": "scripted",
        "version": str(template.version),
        "change_description": "mine",
        **changes,
    }


def test_a_change_is_a_new_version_with_its_reason(operator: World) -> None:
    template = template_of(operator)
    assert "Save as version 2" in text_of(operator, "/templates/digger/edit")
    post(operator, "/templates/digger/edit", **edited(template, description="Digs a lot."))
    row = AgentTemplate.objects.get(id=template.id).versions.get(version=2)
    assert row.snapshot["description"] == "Digs a lot."
    assert (row.change_description, row.created_by) == ("mine", operator.user.username)


def test_a_change_in_between_is_not_written_over_and_both_are_kept(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, "theirs", description="Their words.")
    answer = post(operator, "/templates/digger/edit", **edited(template, description="My words."))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody changed it meanwhile" in page
    assert "Their words." in page
    assert ">My words.</textarea>" in page
    assert AgentTemplate.objects.get(id=template.id).description == "Their words."
    again = edited(template, description="My words.", version="2")
    assert 'name="version" value="2"' in page
    post(operator, "/templates/digger/edit", **again)
    assert AgentTemplate.objects.get(id=template.id).description == "My words."


def test_a_template_is_imported_from_a_file_or_its_text(operator: World) -> None:
    template_of(operator)
    source = operator.client.get("/templates/digger/export").content.decode()
    other = source.replace("id: digger", "id: other")
    file = SimpleUploadedFile("other.yaml", other.encode())
    assert post(operator, "/templates/import", file=file)["Location"] == "/templates/other"
    refused = post(operator, "/templates/import", text=source)
    assert refused.status_code == 400
    assert "taken" in refused.content.decode()
    anew = source.replace("Digs.", "Digs anew.")
    assert post(operator, "/templates/import", text=anew, update="yes")["Location"] == "/templates/digger"
    assert AgentTemplate.objects.get(slug="digger").version == 2


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name: [", b"- 1", b"", b"x" * 600_000, b"name: a\nwhat: 1"])
def test_a_file_that_is_no_template_says_why(operator: World, content: bytes) -> None:
    answer = post(operator, "/templates/import", file=SimpleUploadedFile("a.yaml", content))
    assert answer.status_code == 400
    assert "Nothing was imported." in answer.content.decode()


# ------------------------------------------------------------------------------------------------ who may what


def test_a_viewer_reads_and_writes_nothing(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    template_of(viewer)
    page = text_of(viewer, "/templates/digger")
    for word in ("use", "edit", "copy", "enabled", "delete", "restore", "upgrade"):
        assert f"/templates/digger/{word}" not in page
    assert "/templates/digger/export" in page
    assert "/templates/new" not in text_of(viewer, "/templates")
    assert text_of(viewer, "/templates/digger/versions")
    for path in ("/templates/new", "/templates/import", "/templates/digger/use", "/templates/digger/edit"):
        assert viewer.client.get(path).status_code == 403, path
    for word in ("copy", "enabled", "delete", "restore/1", "upgrade", "use", "edit"):
        assert post(viewer, f"/templates/digger/{word}").status_code == 403, word


def test_a_template_of_another_workspace_is_not_there(operator: World, make: Make) -> None:
    template_of(World(make))
    for path in ("", "/use", "/edit", "/versions", "/compare", "/export"):
        assert operator.client.get(f"/templates/digger{path}").status_code == 404, path
    for word in ("copy", "enabled", "delete", "restore/1", "upgrade"):
        assert post(operator, f"/templates/digger/{word}").status_code == 404, word


def test_who_is_in_two_workspaces_sees_the_templates_of_the_present_one(operator: World, make: Make) -> None:
    other = World(make, Role.OPERATOR)
    Membership.objects.create(workspace=other.workspace, user=operator.user, role=Role.OPERATOR)
    template_of(operator, description="Of the first.")
    template_of(other, description="Of the second.")
    template_of(other, "Elsewhere")
    assert "Of the first." in text_of(operator, "/templates/digger")
    assert operator.client.get("/templates/elsewhere").status_code == 404
    post(operator, "/switch", project=str(other.project.id))
    assert "Of the second." in text_of(operator, "/templates/digger")
    assert "Elsewhere" in text_of(operator, "/templates")


# ------------------------------------------------------------------------------------------------ what it costs

BOUNDS = {
    "/templates": 8,
    "/templates/digger": 10,
    "/templates/digger/use": 6,
    "/templates/digger/edit": 7,
    "/templates/digger/versions": 8,
    "/templates/digger/compare": 9,
    "/templates/new": 6,
    "/templates/import": 5,
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_page_of_templates_needs_no_more_queries_for_many_rows_than_for_few(
    operator: World, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    template = template_of(operator)
    for number in range(6):
        agent_of(operator, template, f"agent {number}")
        changed(operator, template, description=f"Digs {number} times.")
        template_of(operator, f"Digger {number}")
    with django_assert_max_num_queries(BOUNDS[path]):
        assert operator.client.get(path).status_code == 200
