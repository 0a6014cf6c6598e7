"""The form that a template is written with, and the import of files."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from templates_app.models import AgentTemplate
from tests.integration.pages.template_worlds import (
    SCHEMA,
    VARIABLES,
    changed,
    post,
    template_of,
    text_of,
)
from tests.integration.pages.worlds import World

pytestmark = pytest.mark.django_db


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
