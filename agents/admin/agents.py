"""Admin of agents, their definitions and their history."""

import time
from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from agents import services
from agents.admin import from_template
from agents.models import Agent, AgentDefinition, AgentStateHistory
from agents.policies import OPERATOR_VERBS, endpoint_problem
from agents.selectors import name_is_taken
from agents.services.agents import EDITABLE
from core.admin import ReadOnlyAdmin
from core.errors import OrchestratorError
from core.json_editor import JsonText, as_problems, read_json
from core.json_schema import config_errors
from workspaces.access import Access
from workspaces.operators import REASON, operator

LOOKED_AT = (
    "workspace",
    "project",
    "definition",
    "template",
    "template_version",
    "type",
    "status",
    "state_detail",
    "in_maintenance",
    "is_offline",
    "state",
    "last_heartbeat_at",
    "last_error",
    "created_at",
    "updated_at",
)

Action = Callable[[Any, HttpRequest, QuerySet[Agent]], None]


@admin.register(AgentDefinition)
class AgentDefinitionAdmin(ReadOnlyAdmin):
    """What code says cannot be changed here; whether it may be used can."""

    list_display = ("slug", "name", "agent_type", "is_enabled", "source_module", "updated_at")
    list_filter = ("agent_type", "is_enabled")
    search_fields = ("slug", "name", "description")
    readonly_fields = (
        "slug",
        "name",
        "agent_type",
        "description",
        "capabilities",
        "config_schema",
        "metadata",
        "source_module",
        "created_at",
        "updated_at",
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super(ReadOnlyAdmin, self).has_change_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: AgentDefinition, form: Any, change: bool) -> None:
        try:
            actor = request.user.get_username()
            services.set_definition_enabled(actor=actor, slug=obj.slug, is_enabled=obj.is_enabled)
        except OrchestratorError as error:
            self.message_user(request, error.message, messages.ERROR)


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]
    """An agent's editable fields, held to what the services demand."""

    configuration = JsonText()
    capabilities = JsonText(empty=[])
    metadata = JsonText()

    class Meta:
        model = Agent
        fields: list[str] = []  # the admin fills in its own

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "configuration" in self.fields:
            address = reverse("admin:agents_agent_check", args=[self.instance.pk])
            self.fields["configuration"].widget.attrs["data-check"] = address

    def clean(self) -> dict[str, Any]:
        values = cast(dict[str, Any], super().clean())
        problems = config_errors(self.instance.definition.config_schema, values.get("configuration") or {})
        if problems:
            self.add_error("configuration", problems)
        if values.get("endpoint") and (problem := endpoint_problem(values["endpoint"])):
            self.add_error("endpoint", problem)
        if name_is_taken(self.instance, values.get("name", "")):
            self.add_error("name", "Another agent of the workspace has this name.")
        return values


def transition_action(verb: str) -> Action:
    """The admin action for one lifecycle verb."""

    @admin.action(description=f"{verb.capitalize()} the selected agents", permissions=["change"])
    def run(model_admin: Any, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        end = time.monotonic() + services.SHOWN_WAIT_SECONDS

        def move(access: Access, one: Agent) -> Agent:
            asked = services.request_transition(access=access, agent_id=one.id, verb=verb, reason=REASON)
            return services.seen_through(access=access, agent=asked, seconds=end - time.monotonic())

        for agent in agents:
            model_admin.try_one(request, agent, move)

    run.__name__ = f"{verb}_agents"
    return run


def maintenance_action(enabled: bool) -> Action:
    """The admin action that raises or lowers the maintenance flag."""

    @admin.action(description=f"{'Start' if enabled else 'End'} maintenance", permissions=["change"])
    def run(model_admin: Any, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        for agent in agents:
            model_admin.try_one(
                request,
                agent,
                lambda access, one: services.set_maintenance(
                    access=access, agent_id=one.id, enabled=enabled, reason=REASON
                ),
            )

    run.__name__ = "start_maintenance" if enabled else "end_maintenance"
    return run


@admin.register(Agent)
class AgentAdmin(ModelAdmin):  # type: ignore[misc]
    """Agents: data editable through the service, lifecycle by actions. They are made where projects are chosen."""

    form = AgentForm
    list_display = ("name", "workspace", "project", "definition", "type", "status", "state_detail", "is_enabled")
    list_filter = ("status", "state_detail", "type", "definition", "template", "workspace")
    list_select_related = ("workspace", "project", "definition")
    search_fields = ("name", "description", "definition__slug")
    fields = (*EDITABLE, *LOOKED_AT)
    readonly_fields = LOOKED_AT
    actions = [*map(transition_action, OPERATOR_VERBS), maintenance_action(True), maintenance_action(False)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).without_state()  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(self.check_configuration)
        check_one = path("<path:object_id>/check/", check, name="agents_agent_check")
        return [*from_template.urls(self.admin_site), check_one, *super().get_urls()]

    def check_configuration(self, request: HttpRequest, object_id: str) -> JsonResponse:
        """What is wrong with the configuration in the form, for the editor."""
        agent = self.get_object(request, object_id)
        if agent is None or not self.has_view_permission(request, agent):
            raise Http404
        try:
            value = read_json(request.POST.get("configuration", "") or "{}")
        except ValueError as error:
            return JsonResponse({"problems": {"configuration": as_problems([str(error)])}})
        found = as_problems(config_errors(agent.definition.config_schema, value))
        return JsonResponse({"problems": {"configuration": found} if found else {}})

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        self.try_one(
            request,
            obj,
            lambda access, one: services.update_agent(access=access, agent_id=one.id, changes=changes),
        )

    def try_one(self, request: HttpRequest, agent: Agent, act: Callable[[Access, Agent], Agent]) -> None:
        """Act on one agent and say what came of it."""
        try:
            done = act(operator(request, agent.workspace_id), agent)
        except OrchestratorError as error:
            self.message_user(request, f"{agent.name}: {error.message}", messages.ERROR)
            return
        failed = f": {done.last_error}" if done.last_error else ""
        waits = "; a worker has more to do for it" if done.pending_command else ""
        level = messages.WARNING if failed else messages.SUCCESS
        self.message_user(request, f"{done.name} is now {done.state_detail} ({done.status}){waits}{failed}", level)


@admin.register(AgentStateHistory)
class AgentStateHistoryAdmin(ReadOnlyAdmin):
    """The moves of all agents, newest first."""

    list_display = ("timestamp", "agent", "previous_state_detail", "new_state_detail", "new_status", "actor", "reason")
    list_filter = ("new_state_detail", "new_status")
    list_select_related = ("agent",)
    search_fields = ("agent__name", "actor", "reason")
    date_hierarchy = "timestamp"
    ordering = ("-timestamp", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("agent__state")  # type: ignore[no-any-return]
