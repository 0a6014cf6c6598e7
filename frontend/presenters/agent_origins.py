"""What a new agent can be made of, as the form shows it: templates, and definitions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.models import AgentDefinition
from frontend.presenters.schemas import Field
from templates_app.models import AgentTemplate

LONGEST_LINE = 80


@dataclass(frozen=True, slots=True)
class Origin:
    """A definition, or a template (which has a `template_id`), by the `key` its option has in the form.

    `configuration` is what an agent of it has unless told otherwise; `variables` are the words of its prompt. A
    template may name no `definition`: then one is asked for.
    """

    key: str
    name: str
    description: str
    definition: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Sequence[str] = ()
    template_id: UUID | None = None
    version: int = 0
    prompt: str = ""
    variables: Sequence[Mapping[str, Any]] = ()
    is_enabled: bool = True

    @property
    def asks_for_definition(self) -> bool:
        return not self.definition

    @property
    def kind(self) -> str:
        return self.key.partition(":")[0]

    @property
    def slug(self) -> str:
        return self.key.partition(":")[2]

    @property
    def usual_capabilities(self) -> str:
        return "\n".join(self.capabilities)


def definition_origins(rows: Iterable[AgentDefinition]) -> list[Origin]:
    return [
        Origin(
            key=f"definition:{row.slug}",
            name=row.name,
            description=row.description,
            definition=row.slug,
            schema=row.config_schema,
            capabilities=row.capabilities,
        )
        for row in rows
    ]


def template_origins(rows: Iterable[AgentTemplate]) -> list[Origin]:
    """A built-in one is left out where the workspace has one of its own under the same id."""
    listed = list(rows)
    own = {row.slug for row in listed if not row.is_built_in}
    return [
        Origin(
            key=f"template:{row.slug}",
            name=row.name,
            description=row.description,
            definition=row.definition.slug if row.definition else "",
            schema=schema_for(row.configuration_schema, row.definition),
            configuration=row.default_configuration,
            capabilities=row.definition.capabilities if row.definition else (),
            template_id=row.id,
            version=row.version,
            prompt=row.prompt_template,
            variables=row.prompt_variables,
            is_enabled=row.is_enabled,
        )
        for row in listed
        if not (row.is_built_in and row.slug in own)
    ]


def schema_for(schema: Mapping[str, Any], definition: AgentDefinition | None) -> Mapping[str, Any]:
    """The schema a form is made of: the template's, or the definition's where the template says nothing."""
    return schema if schema.get("properties") or definition is None else definition.config_schema


def variable_fields(variables: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> list[Field]:
    """The inputs of the words that stand in a prompt, filled with `values`, else with what the template says."""
    return [_variable_field(one, values) for one in variables]


def _variable_field(one: Mapping[str, Any], values: Mapping[str, Any]) -> Field:
    name = str(one.get("name", ""))
    value = str(values.get(name, one.get("default") or ""))
    return Field(
        name=name,
        input=f"word-{name}",
        label=name.replace("_", " ").capitalize(),
        kind="long" if "\n" in value or len(value) > LONGEST_LINE else "text",
        value=value,
        help=str(one.get("description") or ""),
        path=f"$.{name}",
        required=bool(one.get("required")),
    )
