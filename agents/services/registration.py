"""From what a caller says of a new agent to the agent: which project, which definition, which type."""

from typing import Unpack, cast

from agents.models import Agent
from agents.selectors import definition_for
from agents.services.agents import AgentFields, NewAgent, SpawnedAgent, create_agent
from agents.services.choosing import choose, definition_row
from agents.services.lifecycle import start_agent
from agents.services.templating import TemplateUse, apply_template
from workspaces.access import Access
from workspaces.models import Project
from workspaces.selectors import project_for
from workspaces.states import Role


def register_agent(*, access: Access, origin: TemplateUse | None = None, **asked: Unpack[NewAgent]) -> Agent:
    """A new agent of the definition named, or of what the type word means; in the project given or the default one.
    With an `origin` it is made of that template, as `apply_template` does.

    Raises: Invalid, with what is allowed, when neither tells a definition; and as `create_agent`.
    """
    if origin is not None:
        return apply_template(access=access, use=origin, **asked)
    project = _project(access, asked)
    fields = cast(AgentFields, dict(asked.get("fields") or {}))
    has_endpoint = bool(fields.get("endpoint"))
    choice = choose(asked.get("definition", ""), asked.get("type_word", ""), has_endpoint=has_endpoint)
    if choice.agent_type:
        fields["type"] = str(choice.agent_type)
    if has_endpoint:
        fields["protocol"] = fields.get("protocol") or "http"
    if choice.kept_word:
        fields["metadata"] = {**fields.get("metadata", {}), "type": choice.kept_word}
    return create_agent(
        access=access,
        project=project,
        definition=definition_row(choice.slug),
        name=asked.get("name", ""),
        configuration=asked.get("configuration"),
        **fields,
    )


def spawn_agent(*, access: Access, slug: str, start: bool = False, **asked: Unpack[SpawnedAgent]) -> Agent:
    """A new agent of this definition; with `start` it is on its way to ACTIVE.

    Raises: NotFound for no such definition or project; and as `create_agent`.
    """
    agent = create_agent(
        access=access,
        project=_project(access, asked),
        definition=definition_for(slug),
        name=asked.get("name", ""),
        configuration=asked.get("configuration"),
    )
    return start_agent(access=access, agent_id=agent.id, reason="spawned to work") if start else agent


def _project(access: Access, asked: SpawnedAgent) -> Project:
    place = {"project_id": asked.get("project_id"), "workspace_id": asked.get("workspace_id")}
    return project_for(access=access, role=Role.OPERATOR, **place)
