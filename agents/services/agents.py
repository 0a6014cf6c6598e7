"""Making, changing and removing agents."""

from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction

from agents.conf import agents_enabled
from agents.errors import AgentsDisabled
from agents.models import Agent, AgentDefinition, AgentStateHistory
from agents.policies import endpoint_problem
from agents.selectors import agent_for, name_is_taken
from agents.services.lifecycle import request_transition, start_agent
from agents.services.moves import audit, bring_online, history_values, locked, snapshot
from agents.states import AgentStateDetail, agent_type
from core.errors import Conflict, Invalid
from core.ids import new_id
from core.json_bounds import json_problem
from core.json_schema import config_errors
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.policies import MAX_CONFIGURATION_BYTES
from workspaces.access import Access
from workspaces.models import Project
from workspaces.states import Role

MAX_METADATA_BYTES = 64 * 1024


class AgentFields(TypedDict, total=False):
    """What may be said of an agent beside its name and configuration; the model's defaults for what is left out."""

    description: str
    type: str
    capabilities: list[str]
    prompt_template: str
    endpoint: str
    protocol: str
    is_enabled: bool
    max_concurrent_tasks: int
    weight: int
    metadata: dict[str, Any]
    template: AgentTemplate
    template_version: AgentTemplateVersion
    template_variables: dict[str, Any]


class SpawnedAgent(TypedDict, total=False):
    """What a caller may say of a new agent whose definition is known."""

    name: str
    project_id: UUID | None
    workspace_id: UUID | None
    configuration: dict[str, Any] | None


class NewAgent(SpawnedAgent, total=False):
    """What a caller may say of any new agent; `definition` by its slug, `type_word` in any vocabulary."""

    definition: str
    type_word: str
    fields: AgentFields | None


def create_agent(
    *,
    access: Access,
    project: Project,
    definition: AgentDefinition,
    name: str = "",
    configuration: dict[str, Any] | None = None,
    **fields: Unpack[AgentFields],
) -> Agent:
    """A new agent in state CREATED; one with an endpoint is brought up to ACTIVE at once, by a worker.

    Type and capabilities are the definition's where none are given; without a name one is made up.
    Raises: NotFound, Forbidden, AgentsDisabled, Invalid for a disabled definition or a configuration that breaks its
    schema, Conflict for a name another agent of the workspace has.
    """
    access.require(project.workspace_id, Role.OPERATOR)
    if not agents_enabled():
        raise AgentsDisabled
    if not definition.is_enabled:
        sentence = f"The definition {definition.slug} is disabled: {definition.disabled_because}. Choose another."
        raise Invalid(sentence, details={"definition": [sentence]})
    _check_configuration(definition, configuration or {})
    _check_metadata(fields.get("metadata", {}))
    _check_endpoint(fields.get("endpoint", ""))
    values: dict[str, Any] = {"type": definition.agent_type, "capabilities": definition.capabilities, **fields}
    agent_id = new_id()
    agent = Agent(
        id=agent_id,
        workspace=project.workspace,
        project=project,
        definition=definition,
        name=name or f"{definition.slug}-{str(agent_id)[-8:]}",
        configuration=configuration or {},
        **values,
    )
    return _insert(access, agent)


@transaction.atomic
def _insert(access: Access, agent: Agent) -> Agent:
    _save_with_free_name(agent, force_insert=True)
    AgentStateHistory.objects.create(**history_values(agent, None, reason="created", actor=access.actor))
    audit(access, agent, "agent.created", before=None, after=described(agent))
    if not agent.endpoint:
        return agent
    return start_agent(access=access, agent_id=agent.id, reason="registered with an endpoint")


EDITABLE = (
    "name",
    "description",
    "configuration",
    "prompt_template",
    "capabilities",
    "endpoint",
    "protocol",
    "is_enabled",
    "max_concurrent_tasks",
    "weight",
    "metadata",
)


@transaction.atomic
def update_agent(*, access: Access, agent_id: UUID, changes: dict[str, Any], replace: bool = False) -> Agent:
    """Set some of `EDITABLE`; with `replace`, capabilities left out are the definition's again.

    `definition` and `type` may be among the changes, but only as they are.
    Raises: NotFound, Forbidden, Conflict when terminated or the name is taken, Invalid for a configuration that breaks
    the definition's schema.
    """
    agent = locked(access, agent_id)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise Conflict(f"The agent {agent.name} is terminated and stays as it was. Create a new one.")
    _check_identity(agent, changes)
    if replace:
        changes = {"capabilities": agent.definition.capabilities, **changes}
    if "configuration" in changes:
        _check_configuration(agent.definition, changes["configuration"])
    _check_metadata(changes.get("metadata", {}))
    _check_endpoint(changes.get("endpoint", ""))
    before = described(agent)
    changed = [name for name in EDITABLE if name in changes and getattr(agent, name) != changes[name]]
    if not changed:
        return agent
    for name in changed:
        setattr(agent, name, changes[name])
    if not agent.endpoint:
        bring_online(access, agent, reason="it has no endpoint any more")
    _save_with_free_name(agent, update_fields=[*changed, "updated_at"])
    after = described(agent)
    audit(
        access,
        agent,
        "agent.updated",
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    return agent


def delete_agent(*, access: Access, agent_id: UUID) -> Agent:
    """Archive an agent: it is terminated, which supersedes an open command; its row and all it did stay.

    Also one that never worked: the audit log and its commands speak of it, and its name is free at once either way.
    Without effect when it is terminated already. Raises: NotFound, Forbidden.
    """
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        return agent
    return request_transition(
        access=access, agent_id=agent_id, verb="terminate", reason="deleted", action="agent.deleted"
    )


def described(agent: Agent) -> dict[str, Any]:
    """An agent as the audit log keeps it."""
    return {
        "definition": agent.definition.slug,
        "type": agent.type,
        **{name: getattr(agent, name) for name in EDITABLE},
        **snapshot(agent),
    }


def _save_with_free_name(agent: Agent, **how: Any) -> None:
    try:
        with transaction.atomic():
            agent.save(**how)
    except IntegrityError as error:
        if not name_is_taken(agent, agent.name):
            raise
        raise Conflict(
            f"An agent named {agent.name!r} exists in this workspace already. Give another name.",
            code="name_taken",
            details={"name": ["This name is taken in the workspace."]},
        ) from error


def _check_identity(agent: Agent, changes: dict[str, Any]) -> None:
    word = changes.get("type", agent.type)
    same_type = str(agent_type(word)) == agent.type or word == agent.metadata.get("type")
    if not same_type or changes.get("definition", agent.definition.slug) != agent.definition.slug:
        raise Invalid(
            f"An agent keeps its definition ({agent.definition.slug}) and type ({agent.type}). Create a new agent.",
            details={"definition": ["It cannot be changed."]},
        )


def _check_endpoint(url: str) -> None:
    problem = endpoint_problem(url) if url else ""
    if problem:
        raise Invalid(problem, code="invalid_endpoint", details={"endpoint": [problem]})


def _check_configuration(definition: AgentDefinition, configuration: dict[str, Any]) -> None:
    problem = json_problem(configuration, max_bytes=MAX_CONFIGURATION_BYTES)
    problems = [problem] if problem else config_errors(definition.config_schema, configuration)
    if problems:
        raise Invalid(
            f"The configuration does not fit the definition {definition.slug}: {problems[0]}",
            code="invalid_configuration",
            details={"configuration": problems},
        )


def _check_metadata(metadata: dict[str, Any]) -> None:
    problem = json_problem(metadata, max_bytes=MAX_METADATA_BYTES)
    if problem:
        raise Invalid(f"The metadata cannot be kept: {problem}", details={"metadata": [problem]})
