"""Agents made of templates, and brought to newer versions of theirs."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Agent
from agents.selectors import agents_of_template
from agents.services import TemplateUse, apply_template, request_transition, update_agent, upgrade_agent
from core.errors import Conflict, Forbidden, Invalid, NotFound
from templates_app import services
from templates_app.models import AgentTemplate
from templates_app.values import TemplateValues
from tests.make import Make
from tests.unit.agents.worlds import access_to, fresh, work_off
from workspaces.access import Access
from workspaces.models import AuditEntry, Project
from workspaces.states import Role

DEFAULTS = {"max_claims": 5, "style": {"tone": "dry", "length": 1}}
SCHEMA = {
    "type": "object",
    "properties": {"max_claims": {"type": "integer"}, "style": {"type": "object"}, "extra": {}},
    "additionalProperties": False,
}


@pytest.fixture
def access(project: Project) -> Access:
    return access_to(project)


@pytest.fixture
def template(access: Access) -> AgentTemplate:
    values = TemplateValues(
        name="Critic",
        description="Looks for faults.",
        definition="validation",
        configuration_schema=SCHEMA,
        default_configuration=DEFAULTS,
        prompt_template="Criticise {{what}} for {{whom}}.",
        prompt_variables=[{"name": "what", "required": True}, {"name": "whom", "default": "us"}],
    )
    return services.create_template(access=access, values=values)


def use(**fields: Any) -> TemplateUse:
    return TemplateUse(**{"template_id": "critic", "variables": {"what": "it"}, **fields})


def applied(access: Access, **fields: Any) -> Agent:
    return apply_template(access=access, **{"use": use(), **fields})


def changed(access: Access, **changes: Any) -> AgentTemplate:
    return services.update_template(access=access, template_id="critic", changes=changes)


# Applying


def test_an_agent_is_what_its_template_says(access: Access, template: AgentTemplate, project: Project) -> None:
    agent = applied(access, name="Ann", configuration={"max_claims": 9, "style": {"length": 2}})
    assert (agent.name, agent.project, agent.type, agent.definition.slug) == ("Ann", project, "AUDITOR", "validation")
    assert agent.configuration == {"max_claims": 9, "style": {"tone": "dry", "length": 2}}
    assert (agent.prompt_template, agent.description) == ("Criticise it for us.", "Looks for faults.")
    assert (agent.template, agent.template_version, agent.versions_behind) == (template, template.versions.get(), 0)
    entry = AuditEntry.objects.get(action="agent.made_of_template")
    assert entry.after == {"template": "critic", "template_version": 1, "template_variables": {"what": "it"}}


def test_a_null_takes_a_default_away_and_a_name_is_made_up(access: Access, template: AgentTemplate) -> None:
    agent = applied(access, configuration={"style": None})
    assert agent.configuration == {"max_claims": 5}
    assert agent.name.startswith("critic-")


def test_an_older_version_may_be_applied(access: Access, template: AgentTemplate) -> None:
    changed(access, default_configuration={"max_claims": 7})
    assert applied(access).configuration == {"max_claims": 7}
    old = applied(access, use=use(version=1))
    assert (old.configuration, old.versions_behind) == (DEFAULTS, 1)


@pytest.mark.parametrize(
    ("configuration", "variables", "details"),
    [
        ({"max_claims": "x"}, {"what": "it"}, {"configuration": ["$.max_claims: 'x' is not of type 'integer'"]}),
        ({"max_claims": 1000}, {"what": "it"}, {"configuration": ["$.max_claims: 1000 is greater than"]}),
        ({"colour": 1}, {"what": "it"}, {"configuration": ["$: Additional properties"]}),
        ({}, {}, {"variables": ["$.what: This variable is required."]}),
        ({}, {"what": 7}, {"variables": ["$.what: Give a text"]}),
        ({}, {"what": "x", "who": "y"}, {"variables": ["$.who: There is no such variable. Declared: what, whom."]}),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(
    access: Access, template: AgentTemplate, configuration: Any, variables: Any, details: dict[str, list[str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        applied(access, configuration=configuration, use=use(variables=variables))
    for field, starts in details.items():
        found = refused.value.details[field]
        assert [sentence.startswith(start) for sentence, start in zip(found, starts, strict=True)] == [True]
    assert not Agent.objects.filter(template=template).exists()


def test_braces_in_a_value_are_not_filled_in_again(access: Access, template: AgentTemplate) -> None:
    agent = applied(access, use=use(variables={"what": "{{whom}} {0} %s ${x}"}))
    assert agent.prompt_template == "Criticise {{whom}} {0} %s ${x} for us."


def test_a_disabled_template_makes_no_agent(access: Access, template: AgentTemplate) -> None:
    services.set_enabled(access=access, template_id="critic", enabled=False)
    with pytest.raises(Conflict, match="disabled") as refused:
        applied(access)
    assert refused.value.code == "template_disabled"


def test_a_template_is_used_in_its_own_workspace(make: Make, access: Access, template: AgentTemplate) -> None:
    other = make.project()
    both = Access(actor="ada", user_id=None, roles={**access.roles, other.workspace_id: Role.OPERATOR})
    with pytest.raises(Invalid, match="another workspace"):
        applied(both, project_id=other.id)
    with pytest.raises(NotFound):
        applied(access_to(other), use=use(template_id=template.id))
    assert apply_template(access=both, use=TemplateUse("reviewer"), project_id=other.id).project == other


def test_a_viewer_makes_no_agent(project: Project, template: AgentTemplate) -> None:
    with pytest.raises(Forbidden):
        applied(access_to(project, Role.MEMBER))


def test_a_template_without_a_definition_takes_one(access: Access) -> None:
    services.create_template(access=access, values=TemplateValues(name="Open", agent_type="CUSTOM"))
    with pytest.raises(Invalid, match="CUSTOM"):
        apply_template(access=access, use=TemplateUse("open"))
    agent = apply_template(access=access, use=TemplateUse("open"), definition="synthesis")
    assert (agent.definition.slug, agent.type) == ("synthesis", "CUSTOM")
    services.create_template(access=access, values=TemplateValues(name="Typed", agent_type="planner"))
    assert apply_template(access=access, use=TemplateUse("typed")).definition.slug == "planning"


@pytest.mark.parametrize("asked", [{"definition": "research"}, {"type_word": "designer"}])
def test_a_caller_who_asks_for_something_else_is_told(
    access: Access, template: AgentTemplate, asked: dict[str, str]
) -> None:
    with pytest.raises(Invalid, match="Leave it out"):
        applied(access, **asked)
    assert applied(access, definition="validation", type_word="reviewer").template == template


def test_an_agent_may_be_started_at_once(access: Access, template: AgentTemplate) -> None:
    agent = applied(access, start=True)
    work_off()
    assert fresh(agent).state_detail == "ACTIVE"


# Upgrading


def test_an_upgrade_keeps_what_was_set_and_takes_the_rest(access: Access, template: AgentTemplate) -> None:
    agent = applied(access, configuration={"max_claims": 9})
    update_agent(
        access=access,
        agent_id=agent.id,
        changes={"configuration": {"max_claims": 9, "style": {"tone": "warm", "length": 1}}},
    )
    changed(
        access,
        default_configuration={"max_claims": 3, "style": {"tone": "dull", "length": 4}, "extra": True},
        prompt_template="Judge {{what}} for {{whom}}!",
        description="Judges.",
    )
    assert fresh(agent).versions_behind == 1
    upgraded = upgrade_agent(access=access, agent_id=agent.id)
    assert upgraded.configuration == {"max_claims": 9, "style": {"tone": "warm", "length": 4}, "extra": True}
    assert (upgraded.prompt_template, upgraded.description) == ("Judge it for us!", "Judges.")
    assert (upgraded.versions_behind, upgraded.template_variables) == (0, {"what": "it"})
    entry = AuditEntry.objects.get(action="agent.upgraded")
    assert (entry.before["template_version"], entry.after["template_version"]) == (1, 2)


def test_a_prompt_edited_by_hand_stays(access: Access, template: AgentTemplate) -> None:
    agent = applied(access)
    update_agent(access=access, agent_id=agent.id, changes={"prompt_template": "My own."})
    changed(access, prompt_template="Judge {{what}}!")
    assert upgrade_agent(access=access, agent_id=agent.id).prompt_template == "My own."


def test_an_upgrade_that_no_longer_fits_changes_nothing(access: Access, template: AgentTemplate) -> None:
    agent = applied(access, configuration={"max_claims": 90})
    smaller = {**SCHEMA, "properties": {**SCHEMA["properties"], "max_claims": {"type": "integer", "maximum": 10}}}
    changed(access, configuration_schema=smaller)
    with pytest.raises(Invalid) as refused:
        upgrade_agent(access=access, agent_id=agent.id)
    assert refused.value.details == {"configuration": ["$.max_claims: 90 is greater than the maximum of 10"]}
    assert fresh(agent).versions_behind == 1


def test_new_variables_are_given_with_the_upgrade_and_old_ones_are_forgotten(
    access: Access, template: AgentTemplate
) -> None:
    agent = applied(access)
    changed(access, prompt_template="For {{who}}.", prompt_variables=[{"name": "who", "required": True}])
    with pytest.raises(Invalid, match="required"):
        upgrade_agent(access=access, agent_id=agent.id)
    upgraded = upgrade_agent(access=access, agent_id=agent.id, variables={"who": "all"})
    assert (upgraded.prompt_template, upgraded.template_variables) == ("For all.", {"who": "all"})
    again = upgrade_agent(access=access, agent_id=agent.id, variables={"who": "none"})
    assert again.prompt_template == "For none."


def test_an_agent_may_go_back_to_an_older_version(access: Access, template: AgentTemplate) -> None:
    agent = applied(access)
    changed(access, default_configuration={"max_claims": 3})
    assert upgrade_agent(access=access, agent_id=agent.id).configuration == {"max_claims": 3}
    assert upgrade_agent(access=access, agent_id=agent.id, version=1).configuration == DEFAULTS
    with pytest.raises(NotFound, match="1 to 2"):
        upgrade_agent(access=access, agent_id=agent.id, version=3)


def test_upgrading_to_the_same_version_does_nothing(access: Access, template: AgentTemplate) -> None:
    agent = applied(access)
    assert upgrade_agent(access=access, agent_id=agent.id).updated_at == fresh(agent).updated_at
    assert not AuditEntry.objects.filter(action="agent.upgraded").exists()


def test_who_cannot_be_upgraded_is_told_why(make: Make, access: Access, template: AgentTemplate) -> None:
    plain = make.agent(template.workspace.projects.get(), definition="validation")
    with pytest.raises(Conflict, match="no template"):
        upgrade_agent(access=access, agent_id=plain.id)
    gone = applied(access)
    request_transition(access=access, agent_id=gone.id, verb="terminate")
    work_off()
    with pytest.raises(Conflict, match="terminated"):
        upgrade_agent(access=access, agent_id=gone.id)
    agent = applied(access)
    changed(access, definition="research", configuration_schema={}, default_configuration={})
    with pytest.raises(Invalid, match="research") as refused:
        upgrade_agent(access=access, agent_id=agent.id)
    assert refused.value.code == "definition_changed"
    with pytest.raises(NotFound):
        upgrade_agent(access=access_to(make.project()), agent_id=agent.id)


def test_agents_that_lag_behind_are_found(make: Make, access: Access, template: AgentTemplate) -> None:
    old = applied(access, name="old")
    changed(access, description="Anew.")
    new = applied(access, name="young")
    assert list(agents_of_template(access, template)) == [old, new]
    assert list(agents_of_template(access, template, behind=True)) == [old]
    assert not agents_of_template(access_to(make.project()), template).exists()


NUMBERS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 3), max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=NUMBERS, overrides=NUMBERS, new=NUMBERS)
def test_overrides_outlive_any_upgrade(
    make: Make, old: dict[str, int], overrides: dict[str, int], new: dict[str, int]
) -> None:
    access = access_to(make.project())
    values = TemplateValues(name="Any", definition="validation", default_configuration=old)
    template = services.create_template(access=access, values=values)
    agent = apply_template(access=access, use=TemplateUse(template.id), configuration=overrides)
    services.update_template(access=access, template_id=template.id, changes={"default_configuration": new})
    configuration = upgrade_agent(access=access, agent_id=agent.id).configuration
    set_by_hand = {key: value for key, value in overrides.items() if old.get(key) != value}
    assert configuration == {**new, **set_by_hand}
