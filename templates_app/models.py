"""Templates: reusable presets from which agents are made, and every version they have had."""

from django.db import models
from django.db.models import Q

from core.constraints import AppendOnly, one_of
from core.enums import AgentType
from core.models import Row, TimestampedRow


class AgentTemplate(TimestampedRow):
    """A preset of one kind of agent, at its newest version; `slug` is its id outside. Without a workspace it is built
    in: everybody sees it, nobody changes it.

    `default_configuration` fits `configuration_schema` (JSON Schema 2020-12). `prompt_variables` declares the words
    that stand as `{{name}}` in the prompt: `[{"name", "description", "required", "default"}]`.
    """

    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="agent_templates",
        db_index=False,
    )
    slug = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    agent_type = models.CharField(max_length=20, choices=[(kind, kind.title()) for kind in AgentType])
    definition = models.ForeignKey(
        "agents.AgentDefinition", on_delete=models.PROTECT, null=True, blank=True, related_name="templates"
    )
    configuration_schema = models.JSONField(default=dict, blank=True)
    default_configuration = models.JSONField(default=dict, blank=True)
    prompt_template = models.TextField(blank=True)
    prompt_variables = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "agent_template"
        ordering = ["name", "slug"]
        constraints = [
            one_of("agent_type", AgentType, name="agent_template_agent_type_check"),
            models.UniqueConstraint(fields=["workspace", "slug"], name="agent_template_slug_unique"),
            models.UniqueConstraint(
                fields=["slug"], condition=Q(workspace__isnull=True), name="agent_template_builtin_slug_unique"
            ),
        ]
        indexes = [models.Index(fields=["agent_type"], name="agent_template_type_idx")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_built_in(self) -> bool:
        return self.workspace_id is None


class AgentTemplateVersion(Row):
    """What a template said at one version; never changed. `snapshot` has the fields of `AgentTemplate` that make it up,
    the definition by its slug."""

    template = models.ForeignKey(AgentTemplate, on_delete=models.CASCADE, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    snapshot = models.JSONField()
    change_description = models.TextField(blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "agent_template_version"
        ordering = ["template", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["template", "version"], name="agent_template_version_unique"),
            AppendOnly(name="agent_template_version_append_only"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"
