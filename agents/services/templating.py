"""Agents made of templates, and brought to a newer version of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Unpack, cast
from uuid import UUID

from django.db import transaction

from agents.models import Agent, AgentDefinition
from agents.selectors.templating import agents_of_template, facts_of
from agents.services.agents import AgentFields, NewAgent, create_agent
from agents.services.choosing import choose, definition_row
from agents.services.lifecycle import start_agent
from agents.services.moves import audit, locked
from agents.states import AgentStateDetail, agent_type
from core.errors import Conflict, Invalid, OrchestratorError
from core.ids import new_id
from core.merging import rebased
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.policies import Problems, application_problems, configured
from templates_app.prompts import rendered
from templates_app.selectors import template_for, version_at
from templates_app.services import lock_for_use
from templates_app.values import TemplateValues, values_of
from workspaces.access import Access
from workspaces.models import Project
from workspaces.selectors import project_for
from workspaces.states import Role

MOST_AT_ONCE = 200
"""Agents upgraded in one call; those left still lag behind, and the next call takes them."""


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """Which template, at which version (None: the newest), with which values of its prompt's variables."""

    template_id: str | UUID
    version: int | None = None
    variables: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def apply_template(*, access: Access, use: TemplateUse, start: bool = False, **asked: Unpack[NewAgent]) -> Agent:
    """A new agent as the template says: its configuration is the defaults with `configuration` laid over them
    (RFC 7396), its prompt the template's with the variables filled in, unless `fields` has one.

    `definition` and `type_word` may only say what the template says; where it names no definition, they may choose one.
    With `start` it is brought up to ACTIVE. Raises: NotFound, Forbidden, Conflict for a disabled template or a taken
    name, Invalid with JSON paths under `configuration` and `variables`.
    """
    workspace_id = asked.get("workspace_id")
    template = template_for(access, use.template_id, workspace_id=workspace_id)
    project = _project(access, template, asked.get("project_id"), workspace_id)
    template = _usable(template)
    version = version_at(template, use.version)
    values = values_of(version.snapshot, template.slug)
    given = cast(AgentFields, dict(asked.get("fields") or {}))
    row = _definition(values, asked, has_endpoint=bool(given.get("endpoint")))
    overrides = asked.get("configuration") or {}
    _refuse(template, application_problems(values, facts_of(row), overrides, use.variables))
    agent = create_agent(
        access=access,
        project=project,
        definition=row,
        name=asked.get("name") or f"{template.slug}-{str(new_id())[-8:]}",
        configuration=configured(values, overrides),
        **_fields(given, values, template, version, use.variables),
    )
    audit(access, agent, "agent.made_of_template", before=None, after=_origin(agent))
    return start_agent(access=access, agent_id=agent.id, reason=f"made of {template.slug}") if start else agent


@transaction.atomic
def upgrade_agent(
    *,
    access: Access,
    agent_id: UUID,
    version: int | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Agent:
    """Bring an agent to another version of its template, the newest by default: what was set for this agent stays, what
    it had from the template becomes what the version says.

    A prompt or description edited by hand stays; otherwise the prompt is filled in anew, with `variables` over the
    values of before. Raises: NotFound, Forbidden, Conflict when the agent is terminated or came from no template,
    Invalid with JSON paths when it would not fit.
    """
    agent = locked(access, agent_id)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise Conflict(f"The agent {agent.name} is terminated and stays as it was. Create a new one.")
    if agent.template is None or agent.template_version is None:
        raise Conflict(f"The agent {agent.name} was made of no template, so there is nothing to upgrade it to.")
    target = version_at(agent.template, version)
    if target.id == agent.template_version_id and not variables:
        return agent
    before = {**_origin(agent), "configuration": agent.configuration, "prompt_template": agent.prompt_template}
    changes = _moved(agent, values_of(agent.template_version.snapshot), values_of(target.snapshot), variables or {})
    for name, value in changes.items():
        setattr(agent, name, value)
    agent.template_version = target
    agent.save(update_fields=[*changes, "template_version", "updated_at"])
    after = {**_origin(agent), "configuration": agent.configuration, "prompt_template": agent.prompt_template}
    audit(access, agent, "agent.upgraded", before=before, after=after)
    return agent


@dataclass(frozen=True, slots=True)
class Upgrades:
    """What came of upgrading several agents: the names of those at the newest version; of the others also why."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def upgrade_lagging(*, access: Access, template: AgentTemplate, agent_id: UUID | None = None) -> Upgrades:
    """Bring the agents that lag behind to the newest version of the template, or the one given: at most `MOST_AT_ONCE`,
    each in a transaction of its own, so that one that does not fit stops no other."""
    lagging = agents_of_template(access, template, behind=True)
    if agent_id is not None:
        lagging = lagging.filter(id=agent_id)
    upgrades = Upgrades()
    for agent in lagging[:MOST_AT_ONCE]:
        try:
            upgrades.done.append(upgrade_agent(access=access, agent_id=agent.id).name)
        except OrchestratorError as error:
            upgrades.refused.append((agent.name, error.message))
    return upgrades


def _moved(agent: Agent, old: TemplateValues, new: TemplateValues, given: Mapping[str, Any]) -> dict[str, Any]:
    """What changes of an agent between two versions of its template. Raises: Invalid when it does not fit."""
    if new.definition not in ("", agent.definition.slug):
        raise Invalid(
            f"This version is of the definition {new.definition}, and the agent keeps {agent.definition.slug}. "
            "Make a new agent of it.",
            code="definition_changed",
            details={"version": [f"It is of the definition {new.definition}."]},
        )
    configuration = rebased(old.default_configuration, agent.configuration, new.default_configuration)
    declared = {variable["name"] for variable in new.prompt_variables}
    kept = {name: value for name, value in agent.template_variables.items() if name in declared}
    variables = {**kept, **given}
    whole = replace(new, default_configuration=configuration)
    _refuse(agent.template, application_problems(whole, facts_of(agent.definition), {}, variables))
    was = rendered(old.prompt_template, old.prompt_variables, agent.template_variables)
    becomes = rendered(new.prompt_template, new.prompt_variables, variables)
    return {
        "configuration": configuration,
        "prompt_template": rebased(was, agent.prompt_template, becomes),
        "description": rebased(old.description, agent.description, new.description),
        "template_variables": variables,
    }


def _project(access: Access, template: AgentTemplate, project_id: UUID | None, workspace_id: UUID | None) -> Project:
    """Where the agent goes: a template of one's own is used in its workspace only."""
    home = workspace_id or (template.workspace_id if project_id is None else None)
    project = project_for(access=access, project_id=project_id, workspace_id=home, role=Role.OPERATOR)
    if template.workspace_id not in (None, project.workspace_id):
        raise Invalid(
            f"The template {template.slug} belongs to another workspace than the project. Copy it there first "
            f"(POST /api/v1/templates/{template.id}/copy).",
            code="other_workspace",
            details={"project_id": ["It is in another workspace than the template."]},
        )
    return project


def _usable(template: AgentTemplate) -> AgentTemplate:
    template = lock_for_use(template)
    if not template.is_enabled:
        raise Conflict(
            f"The template {template.slug} is disabled: no new agent is made of it. Enable it, or use another.",
            code="template_disabled",
        )
    return template


def _definition(values: TemplateValues, asked: NewAgent, *, has_endpoint: bool) -> AgentDefinition:
    """What the agent is made of. Raises: Invalid when the caller asks for something else than the template says."""
    slug, type_word = asked.get("definition", ""), asked.get("type_word", "")
    if type_word and str(agent_type(type_word)) != values.agent_type:
        raise _other("type", type_word, values.agent_type)
    if slug and values.definition not in ("", slug):
        raise _other("definition", slug, values.definition)
    named = values.definition or slug
    return definition_row(named or choose("", values.agent_type, has_endpoint=has_endpoint).slug)


def _other(field_name: str, asked: str, said: str) -> Invalid:
    sentence = f"The template makes agents of the {field_name} {said}, not {asked[:60]}."
    return Invalid(f"{sentence} Leave it out.", code="not_the_templates", details={field_name: [sentence]})


def _fields(
    given: AgentFields,
    values: TemplateValues,
    template: AgentTemplate,
    version: AgentTemplateVersion,
    variables: dict[str, Any],
) -> AgentFields:
    protocol = given.get("protocol") or ("http" if given.get("endpoint") else "")
    filled_in = rendered(values.prompt_template, values.prompt_variables, variables)
    return {
        **given,
        "type": values.agent_type,
        "protocol": protocol,
        "description": given.get("description") or values.description,
        "prompt_template": given.get("prompt_template") or filled_in,
        "template": template,
        "template_version": version,
        "template_variables": variables,
    }


def _refuse(template: AgentTemplate | None, problems: Problems) -> None:
    if problems:
        what, sentences = next(iter(problems.items()))
        raise Invalid(
            f"The {what} does not fit the template {template.slug if template else ''}: {sentences[0]}",
            code=f"invalid_{what}",
            details=problems,
        )


def _origin(agent: Agent) -> dict[str, Any]:
    """Where an agent came from, as the audit log keeps it."""
    template, version = agent.template, agent.template_version
    return {
        "template": template.slug if template else None,
        "template_version": version.version if version else None,
        "template_variables": agent.template_variables,
    }
