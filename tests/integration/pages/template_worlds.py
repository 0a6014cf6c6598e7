"""What the tests of templates on pages share: templates, their agents, and a short way to ask for a page."""

from typing import Any

from agents.models import Agent
from agents.services import TemplateUse, apply_template
from templates_app.models import AgentTemplate
from templates_app.services import create_template, update_template
from templates_app.values import TemplateValues
from tests.integration.pages.worlds import World
from tests.unit.agents.worlds import access_to

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
