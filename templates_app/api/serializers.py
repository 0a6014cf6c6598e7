"""What the API reads and writes about templates."""

from collections.abc import Collection
from typing import Any

from rest_framework import serializers

from core.api.bodies import KnownFieldsSerializer, ObjectField
from core.api.schema import shown_with
from core.enums import TYPE_WORDS, agent_type
from core.versions import HIGHEST_VERSION
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.policies import MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_SLUG_LENGTH
from templates_app.prompts import MAX_PROMPT_LENGTH
from templates_app.selectors import ORDERINGS, TemplateQuery
from templates_app.values import TemplateValues


class TemplateShape(serializers.ModelSerializer[AgentTemplate]):
    """A template at its newest version; `id` is its slug, `uid` its UUID. Without a workspace it is built in."""

    id = serializers.CharField(source="slug", read_only=True)
    template_id = serializers.CharField(source="slug", read_only=True)
    uid = serializers.UUIDField(source="pk", read_only=True)
    workspace_id = serializers.UUIDField(read_only=True, allow_null=True)
    is_built_in = serializers.BooleanField(read_only=True)
    definition = serializers.CharField(source="definition.slug", read_only=True, default=None, allow_null=True)

    class Meta:
        model = AgentTemplate
        fields = [
            "id",
            "template_id",
            "uid",
            "workspace_id",
            "is_built_in",
            "name",
            "description",
            "agent_type",
            "definition",
            "configuration_schema",
            "default_configuration",
            "prompt_template",
            "prompt_variables",
            "version",
            "is_enabled",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


EXAMPLE = {
    "name": "Contract reviewer",
    "definition": "validation",
    "configuration_schema": {
        "type": "object",
        "properties": {"max_claims": {"type": "integer", "minimum": 1, "maximum": 40}},
    },
    "default_configuration": {"max_claims": 10},
    "prompt_template": "You review {{subject}}.",
    "prompt_variables": [{"name": "subject", "required": True}],
}


class ContentsRequest(KnownFieldsSerializer):
    """What makes up a template. With PUT, what is left out is empty again."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH)
    description = serializers.CharField(allow_blank=True, max_length=MAX_DESCRIPTION_LENGTH, required=False)
    agent_type = serializers.CharField(
        allow_blank=True, max_length=40, required=False, help_text="a type or an older word; else the definition's"
    )
    definition = serializers.CharField(
        allow_blank=True, allow_null=True, max_length=60, required=False, help_text="a definition's slug"
    )
    configuration_schema = ObjectField(required=False, help_text="JSON Schema 2020-12 of an object")
    default_configuration = ObjectField(required=False, help_text="fits the schema, and the definition's")
    prompt_template = serializers.CharField(
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_PROMPT_LENGTH,
        required=False,
        help_text="{{name}}s in it",
    )
    prompt_variables = serializers.ListField(
        child=ObjectField(), required=False, help_text="[{name, description?, required?, default?}]"
    )

    def contents(self) -> dict[str, Any]:
        """The contents given, the definition "" for none."""
        names = ContentsRequest().fields
        given = {name: value for name, value in self.validated_data.items() if name in names}
        return {name: "" if value is None else value for name, value in given.items()}


@shown_with(EXAMPLE)
class TemplateRequest(ContentsRequest):
    id = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text=f"at most {MAX_SLUG_LENGTH}; else made of the name",
    )
    workspace_id = serializers.UUIDField(required=False, help_text="without it: the first where you may make one")
    change_description = serializers.CharField(allow_blank=True, max_length=2000, required=False, default="")

    def to_values(self) -> TemplateValues:
        return TemplateValues(slug=self.validated_data.get("id", ""), **self.contents())


@shown_with({"name": "Contract reviewer", "definition": "validation", "change_description": "simpler"})
class TemplateChange(ContentsRequest):
    """What is to be another. With PUT the type stays when it is left out, and what GET answers beside the contents may
    stand in the body."""

    id = serializers.CharField(max_length=100, required=False, help_text="as it is: it cannot be changed")
    change_description = serializers.CharField(allow_blank=True, max_length=2000, required=False, default="")

    def passed_over(self) -> Collection[str]:
        return () if self.partial else TemplateShape.Meta.fields

    def changes(self) -> dict[str, Any]:
        slug = self.validated_data.get("id")
        return {**self.contents(), **({"slug": slug} if slug else {})}


class TemplateQueryShape(serializers.Serializer[Any]):
    """How a list of templates is narrowed and ordered."""

    workspace = serializers.UUIDField(required=False, help_text="its own and the built-in ones")
    agent_type = serializers.CharField(required=False, help_text="also the older words, such as planner")
    definition = serializers.CharField(required=False, help_text="a definition's slug")
    search = serializers.CharField(required=False, max_length=200, help_text="in name, id and description")
    is_enabled = serializers.BooleanField(required=False, allow_null=True, default=None)
    built_in = serializers.BooleanField(required=False, allow_null=True, default=None)
    ordering = serializers.CharField(
        required=False, default="name", help_text=f"one of {', '.join(ORDERINGS)}; - turns"
    )

    def validate_agent_type(self, word: str) -> str:
        known = agent_type(word)
        if known is None:
            raise serializers.ValidationError(f"Give one of {', '.join(sorted(TYPE_WORDS))}.")
        return str(known)

    def validate_ordering(self, word: str) -> str:
        if word.removeprefix("-") not in ORDERINGS:
            raise serializers.ValidationError(f"Give one of {', '.join(ORDERINGS)}.")
        return word

    def to_query(self) -> TemplateQuery:
        return TemplateQuery(**self.validated_data)


class TemplateVersionShape(serializers.ModelSerializer[AgentTemplateVersion]):
    """One version of a template, without what it said."""

    class Meta:
        model = AgentTemplateVersion
        fields = ["version", "change_description", "created_by", "created_at"]
        read_only_fields = fields


class FullTemplateVersion(TemplateVersionShape):
    """One version with what the template said then, in `snapshot`."""

    class Meta(TemplateVersionShape.Meta):
        fields = [*TemplateVersionShape.Meta.fields, "snapshot"]
        read_only_fields = fields


class VersionQuery(serializers.Serializer[Any]):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=HIGHEST_VERSION, help_text="without it: the newest"
    )


@shown_with({"version": 1, "change_description": "as it was"})
class TemplateRestoreRequest(KnownFieldsSerializer):
    version = serializers.IntegerField(min_value=1)
    change_description = serializers.CharField(allow_blank=True, max_length=2000, required=False, default="")


@shown_with({"id": "our-reviewer", "name": "Our reviewer"})
class TemplateCopyRequest(KnownFieldsSerializer):
    id = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False, allow_blank=True, default="")
    workspace_id = serializers.UUIDField(required=False, help_text="without it: the first where you may make one")
    version = serializers.IntegerField(min_value=1, required=False)


@shown_with({"configuration": {"max_claims": 90}, "variables": {"subject": "contracts"}})
class ValidateRequest(KnownFieldsSerializer):
    """What an agent would be made with: overrides of the defaults, and values of the prompt's variables."""

    configuration = ObjectField(required=False, default=dict)
    variables = ObjectField(required=False, default=dict)
    version = serializers.IntegerField(min_value=1, required=False)


@shown_with({**EXAMPLE, "configuration": {"max_claims": 90}})
class DraftRequest(ContentsRequest):
    """A template that is not kept; with a `configuration`, whether an agent could be made with it."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False, default="Draft")
    configuration = ObjectField(required=False)

    def passed_over(self) -> Collection[str]:
        return (*TemplateShape.Meta.fields, "change_description")

    def to_values(self) -> TemplateValues:
        return TemplateValues(**self.contents())


class VerdictShape(serializers.Serializer[Any]):
    """Whether it would be accepted, and what stands against it, by field and with JSON paths."""

    def get_fields(self) -> dict[str, Any]:
        """`errors` would hide the serializer's own."""
        sentences = serializers.ListField(child=serializers.CharField())
        return {"valid": serializers.BooleanField(), "errors": serializers.DictField(child=sentences)}


class ImportQuery(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=100, required=False, help_text="instead of the file's")
    workspace_id = serializers.UUIDField(required=False, help_text="without it: the first where you may make one")
    update = serializers.BooleanField(  # type: ignore[assignment]  # hides a method that is not used
        required=False, default=False, help_text="true: a template of yours with this id gets a new version"
    )
    change_description = serializers.CharField(max_length=2000, required=False, default="")
