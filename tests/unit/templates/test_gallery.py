"""The templates that come with the product: each holds together and makes an agent that works today."""

from dataclasses import replace

import pytest

from agents.services import TemplateUse, apply_template
from core.enums import AgentType
from templates_app.models import AgentTemplate
from templates_app.selectors import current_values, problems_of_draft
from templates_app.services import sync_gallery
from templates_app.services.gallery import FOLDER, gallery
from templates_app.values import TemplateValues
from tests.make import Make
from tests.unit.agents.worlds import access_to, fresh, work_off

SLUGS = [values.slug for values in gallery()]


@pytest.mark.parametrize("values", gallery(), ids=SLUGS)
def test_a_template_of_the_gallery_holds_together(db: None, values: TemplateValues) -> None:
    assert problems_of_draft(values) == {}
    row = AgentTemplate.objects.get(slug=values.slug, workspace__isnull=True)
    assert current_values(row) == values
    assert row.versions.get().snapshot == values.snapshot()


@pytest.mark.parametrize("slug", SLUGS)
def test_a_template_of_the_gallery_makes_an_agent_that_becomes_active(make: Make, slug: str) -> None:
    agent = apply_template(access=access_to(make.project()), use=TemplateUse(slug), start=True)
    work_off()
    assert (fresh(agent).state_detail, fresh(agent).last_error) == ("ACTIVE", "")
    assert "{{" not in agent.prompt_template


@pytest.mark.parametrize("values", gallery(), ids=SLUGS)
def test_the_defaults_of_the_schema_are_those_of_the_template(values: TemplateValues) -> None:
    properties = values.configuration_schema["properties"]
    assert {name: rule["default"] for name, rule in properties.items()} == values.default_configuration


@pytest.mark.parametrize("values", gallery(), ids=SLUGS)
def test_a_description_says_what_works_without_a_language_model(values: TemplateValues) -> None:
    assert "language model" in values.description or "by rules" in values.description
    assert values.prompt_variables
    assert (FOLDER / f"{values.slug}.yaml").is_file()


def test_there_is_a_template_for_every_type_and_the_three_that_were_asked_for() -> None:
    assert {values.agent_type for values in gallery()} == {str(kind) for kind in AgentType}
    assert {"reviewer", "builder", "tester"} <= set(SLUGS)


def test_bringing_in_the_gallery_twice_changes_nothing(db: None) -> None:
    report = sync_gallery()
    assert (report.created, report.updated, report.disabled) == ((), (), ())


def test_a_changed_file_is_a_new_version(db: None) -> None:
    changed = [replace(values, name="New name") if values.slug == "reviewer" else values for values in gallery()]
    assert sync_gallery(templates=changed).updated == ("reviewer",)
    row = AgentTemplate.objects.get(slug="reviewer", workspace__isnull=True)
    last = row.versions.get(version=2)
    assert (row.name, row.version, last.snapshot["name"]) == ("New name", 2, "New name")
    assert (last.change_description, last.created_by) == ("came with the update", "system")


def test_the_template_of_a_file_that_is_gone_is_disabled_until_it_is_back(db: None) -> None:
    rest = [values for values in gallery() if values.slug != "tester"]
    assert sync_gallery(templates=rest).disabled == ("tester",)
    assert not AgentTemplate.objects.get(slug="tester").is_enabled
    assert sync_gallery(templates=rest).disabled == ()
    sync_gallery()
    row = AgentTemplate.objects.get(slug="tester")
    assert (row.is_enabled, row.version) == (True, 1)


def test_a_template_of_a_definition_that_is_not_there_is_passed_over(db: None) -> None:
    strange = TemplateValues(name="Strange", slug="strange", agent_type="CUSTOM", definition="nobody")
    assert sync_gallery(templates=[*gallery(), strange]).created == ()


def test_a_template_of_ones_own_is_left_alone(make: Make) -> None:
    own = AgentTemplate.objects.create(workspace=make.workspace(), slug="own", name="Own", agent_type="CUSTOM")
    sync_gallery(templates=[])
    assert AgentTemplate.objects.get(id=own.id).is_enabled
