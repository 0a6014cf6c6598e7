"""From what a caller says of a new agent to the agent: which project, which definition, which type."""

from typing import Any, cast
from uuid import UUID

from agents.models import Agent, AgentDefinition
from agents.policies import TypeChoice, choose_definition
from agents.selectors import definition_for, enabled_slugs
from agents.services.agents import AgentFields, create_agent
from agents.services.lifecycle import start_agent
from core.enums import AgentType
from core.errors import Invalid
from workspaces.access import Access
from workspaces.selectors import project_for
from workspaces.states import Role


def register_agent(
    *,
    access: Access,
    name: str = "",
    definition: str = "",
    type_word: str = "",
    project_id: UUID | None = None,
    workspace_id: UUID | None = None,
    configuration: dict[str, Any] | None = None,
    fields: AgentFields | None = None,
) -> Agent:
    """A new agent of the definition named, or of what the type word means; in the project given or the default one.

    Raises: Invalid, with what is allowed, when neither tells a definition; and as `create_agent`.
    """
    project = project_for(access=access, project_id=project_id, workspace_id=workspace_id, role=Role.OPERATOR)
    fields = cast(AgentFields, dict(fields or {}))
    choice = _choose(definition, type_word, has_endpoint=bool(fields.get("endpoint")))
    if choice.agent_type:
        fields["type"] = str(choice.agent_type)
    if fields.get("endpoint"):
        fields["protocol"] = fields.get("protocol") or "http"
    if choice.kept_word:
        fields["metadata"] = {**fields.get("metadata", {}), "type": choice.kept_word}
    return create_agent(
        access=access,
        project=project,
        definition=_row(choice.slug),
        name=name,
        configuration=configuration,
        **fields,
    )


def spawn_agent(
    *,
    access: Access,
    slug: str,
    name: str = "",
    project_id: UUID | None = None,
    workspace_id: UUID | None = None,
    configuration: dict[str, Any] | None = None,
    start: bool = False,
) -> Agent:
    """A new agent of this definition; with `start` it is on its way to ACTIVE.

    Raises: NotFound for no such definition or project; and as `create_agent`.
    """
    project = project_for(access=access, project_id=project_id, workspace_id=workspace_id, role=Role.OPERATOR)
    agent = create_agent(
        access=access, project=project, definition=definition_for(slug), name=name, configuration=configuration
    )
    if not start:
        return agent
    return start_agent(access=access, agent_id=agent.id, reason="spawned to work")


def _choose(definition: str, type_word: str, *, has_endpoint: bool) -> TypeChoice:
    slugs = enabled_slugs()
    if definition and not type_word:
        return TypeChoice(definition, None)
    choice = choose_definition(type_word, slugs=slugs, has_endpoint=has_endpoint)
    if definition:
        known = choice.agent_type if choice else None
        return TypeChoice(definition, known, choice.kept_word if choice else type_word)
    if choice is None:
        raise Invalid(
            f"No definition here stands for the type {type_word!r}.",
            code="unknown_type",
            details={
                "type": [
                    f"Give a definition instead: {', '.join(slugs) or 'none is registered'}; "
                    "or an endpoint, for a remote agent."
                ],
                "definitions": slugs,
                "types": [str(word) for word in AgentType],
            },
        )
    return choice


def _row(slug: str) -> AgentDefinition:
    row = AgentDefinition.objects.filter(slug=slug).first()
    if row is None:
        slugs = ", ".join(enabled_slugs()) or "none is registered"
        raise Invalid(
            f"There is no agent definition {slug!r}.",
            code="unknown_definition",
            details={"definition": [f"Give one of: {slugs}."]},
        )
    return row
