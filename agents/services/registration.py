"""From what a caller says of a new agent to the agent: which project, which definition, which type."""

from typing import Any, cast
from uuid import UUID

from agents.models import Agent
from agents.selectors import definition_for
from agents.services.agents import AgentFields, create_agent
from agents.services.choosing import choose, definition_row
from agents.services.lifecycle import start_agent
from agents.services.templating import TemplateUse, apply_template
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
    origin: TemplateUse | None = None,
) -> Agent:
    """A new agent of the definition named, or of what the type word means; in the project given or the default one.
    With an `origin` it is made of that template, as `apply_template` does.

    Raises: Invalid, with what is allowed, when neither tells a definition; and as `create_agent`.
    """
    if origin is not None:
        return apply_template(
            access=access,
            use=origin,
            name=name,
            definition=definition,
            type_word=type_word,
            project_id=project_id,
            workspace_id=workspace_id,
            configuration=configuration,
            fields=fields,
        )
    project = project_for(access=access, project_id=project_id, workspace_id=workspace_id, role=Role.OPERATOR)
    fields = cast(AgentFields, dict(fields or {}))
    choice = choose(definition, type_word, has_endpoint=bool(fields.get("endpoint")))
    if choice.agent_type:
        fields["type"] = str(choice.agent_type)
    if fields.get("endpoint"):
        fields["protocol"] = fields.get("protocol") or "http"
    if choice.kept_word:
        fields["metadata"] = {**fields.get("metadata", {}), "type": choice.kept_word}
    return create_agent(
        access=access,
        project=project,
        definition=definition_row(choice.slug),
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
