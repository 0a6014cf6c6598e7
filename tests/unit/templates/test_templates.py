"""Templates: made, changed, restored, copied, removed; every change is a version."""

from typing import Any

import pytest

from agents.models import AgentDefinition
from core.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from templates_app import selectors, services
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.values import TemplateValues
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.access import Access
from workspaces.models import AuditEntry, Project
from workspaces.states import Role

SCHEMA = {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1}}, "additionalProperties": False}


def values(**fields: Any) -> TemplateValues:
    given = {
        "name": "Night watch",
        "agent_type": "planner",
        "configuration_schema": SCHEMA,
        "default_configuration": {"depth": 2},
        "prompt_template": "Watch {{place}}.",
        "prompt_variables": [{"name": "place", "default": "the gate"}],
        **fields,
    }
    return TemplateValues(**given)


@pytest.fixture
def access(project: Project) -> Access:
    return access_to(project)


@pytest.fixture
def template(access: Access) -> AgentTemplate:
    return services.create_template(access=access, values=values())


def numbers(template: AgentTemplate) -> list[int]:
    return list(template.versions.order_by("version").values_list("version", flat=True))


def test_a_template_gets_its_id_from_its_name_and_its_type_from_an_older_word(template: AgentTemplate) -> None:
    assert (template.slug, template.agent_type, template.version) == ("night-watch", "COORDINATOR", 1)
    first = template.versions.get()
    assert first.snapshot == {**values().snapshot(), "agent_type": "COORDINATOR"}
    assert (first.created_by, first.change_description) == ("ada", "created")
    assert AuditEntry.objects.get(action="template.created").object_id == str(template.id)


def test_the_type_is_the_definitions_when_none_is_given(access: Access) -> None:
    made = services.create_template(access=access, values=TemplateValues(name="x", definition="research"))
    assert (made.agent_type, made.definition) == ("RESEARCHER", AgentDefinition.objects.get(slug="research"))


@pytest.mark.parametrize("slug", ["night-watch", "reviewer"])
def test_an_id_in_use_is_a_conflict_also_a_built_in_one(access: Access, template: AgentTemplate, slug: str) -> None:
    with pytest.raises(Conflict, match=slug):
        services.create_template(access=access, values=values(slug=slug))


@pytest.mark.parametrize(
    "slug", ["Big", "a b", "-a", "a--b", "import", "x" * 51, "0198c0de-0000-7000-8000-000000000000"]
)
def test_what_is_no_id_is_refused(access: Access, slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.create_template(access=access, values=values(slug=slug))
    assert "id" in refused.value.details


def test_two_workspaces_may_use_one_id(make: Make, template: AgentTemplate) -> None:
    other = services.create_template(access=access_to(make.project()), values=values())
    assert other.slug == template.slug


def test_every_change_is_a_version_and_no_change_is_none(access: Access, template: AgentTemplate) -> None:
    changed = services.update_template(
        access=access, template_id="night-watch", changes={"name": "Day watch"}, change_description="by day"
    )
    assert changed.version == 2
    again = services.update_template(access=access, template_id="night-watch", changes={"name": "Day watch"})
    assert (again.version, numbers(again)) == (2, [1, 2])
    last = again.versions.get(version=2)
    assert (last.change_description, last.snapshot["name"]) == ("by day", "Day watch")
    entry = AuditEntry.objects.get(action="template.updated")
    assert (entry.before, entry.after) == ({"version": 1, "name": "Night watch"}, {"version": 2, "name": "Day watch"})


def test_a_replaced_template_keeps_only_what_is_said(access: Access, template: AgentTemplate) -> None:
    changed = services.update_template(access=access, template_id=template.id, changes={"name": "Bare"}, replace=True)
    assert selectors.current_values(changed) == TemplateValues(
        name="Bare", agent_type="COORDINATOR", slug="night-watch"
    )


def test_who_knows_an_older_version_changes_nothing(access: Access, template: AgentTemplate) -> None:
    services.update_template(access=access, template_id=template.id, changes={"name": "a"}, expected_version=1)
    with pytest.raises(PreconditionFailed):
        services.update_template(access=access, template_id=template.id, changes={"name": "b"}, expected_version=1)
    assert AgentTemplate.objects.get(id=template.id).name == "a"


def test_a_version_is_restored_as_a_new_one(access: Access, template: AgentTemplate) -> None:
    services.update_template(access=access, template_id=template.id, changes={"name": "a"})
    restored = services.restore_version(access=access, template_id=template.id, version=1)
    assert (restored.name, restored.version, numbers(restored)) == ("Night watch", 3, [1, 2, 3])
    assert restored.versions.get(version=3).change_description == "restored from version 1"
    assert services.restore_version(access=access, template_id=template.id, version=1).version == 3
    with pytest.raises(NotFound, match="1 to 3"):
        services.restore_version(access=access, template_id=template.id, version=9)


def test_enabling_is_no_version(access: Access, template: AgentTemplate) -> None:
    off = services.set_enabled(access=access, template_id=template.id, enabled=False)
    assert (off.is_enabled, off.version) == (False, 1)
    services.set_enabled(access=access, template_id=template.id, enabled=False)
    assert AuditEntry.objects.filter(action="template.disabled").count() == 1


def test_a_template_without_agents_is_deleted_with_its_versions(access: Access, template: AgentTemplate) -> None:
    services.delete_template(access=access, template_id=template.id)
    assert not AgentTemplateVersion.objects.filter(template_id=template.id).exists()


def test_a_template_of_a_terminated_agent_stays(make: Make, access: Access, template: AgentTemplate) -> None:
    make.agent(
        template.workspace.projects.get(), template=template, template_version=template.versions.get(),
        state_detail="TERMINATED", status="INACTIVE",
    )  # fmt: skip
    with pytest.raises(Conflict, match=r"An agent was .* Disable it") as refused:
        services.delete_template(access=access, template_id=template.id)
    assert refused.value.details == {"agents": 1}
    assert not AuditEntry.objects.filter(action="template.deleted").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda access: services.update_template(access=access, template_id="reviewer", changes={"name": "x"}),
        lambda access: services.restore_version(access=access, template_id="reviewer", version=1),
        lambda access: services.set_enabled(access=access, template_id="reviewer", enabled=False),
        lambda access: services.delete_template(access=access, template_id="reviewer"),
    ],
)
def test_a_built_in_template_is_changed_by_nobody(project: Project, change: Any) -> None:
    with pytest.raises(Forbidden, match="/copy"):
        change(access_to(project, Role.OWNER))


def test_a_copy_is_ones_own(access: Access) -> None:
    copy = services.copy_template(access=access, template_id="reviewer", name="Our reviewer")
    assert (copy.slug, copy.name, copy.is_built_in) == ("reviewer-2", "Our reviewer", False)
    assert services.copy_template(access=access, template_id="reviewer").slug == "reviewer-3"
    changed = services.update_template(access=access, template_id="reviewer-2", changes={"description": "Ours."})
    assert changed.version == 2


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_who_may_only_look_changes_nothing(project: Project, template: AgentTemplate, role: Role) -> None:
    weak = access_to(project, role)
    assert selectors.template_for(weak, "night-watch") == template
    for change in (
        lambda: services.create_template(access=weak, values=values(name="Other")),
        lambda: services.update_template(access=weak, template_id=template.id, changes={"name": "x"}),
        lambda: services.delete_template(access=weak, template_id=template.id),
        lambda: services.copy_template(access=weak, template_id="reviewer"),
    ):
        with pytest.raises(Forbidden):
            change()


def test_a_template_of_another_workspace_is_not_there(make: Make, template: AgentTemplate) -> None:
    stranger = access_to(make.project(), Role.OWNER)
    for key in (template.id, str(template.id), template.slug):
        with pytest.raises(NotFound):
            selectors.template_for(stranger, key)
        with pytest.raises(NotFound):
            services.update_template(access=stranger, template_id=key, changes={"name": "x"})
    assert template not in selectors.visible_templates(stranger)


def test_an_id_means_the_first_workspace_joined_that_has_it(make: Make, template: AgentTemplate) -> None:
    other = make.project()
    twin = services.create_template(access=access_to(other), values=values())
    roles = {other.workspace_id: Role.VIEWER, template.workspace_id: Role.VIEWER}
    both = Access(actor="ada", user_id=None, roles=roles)
    assert selectors.template_for(both, "night-watch") == twin
    assert selectors.template_for(both, "night-watch", workspace_id=template.workspace_id) == template
    assert selectors.template_for(both, template.id) == template
