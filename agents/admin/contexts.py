"""Admin of contexts and their versions: looked at, and rolled back to a version."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents import services
from agents.admin.of_agent import OfAgentAdmin
from agents.models import AgentContext, AgentContextVersion
from agents.selectors import version_at
from core.admin import ReadOnlyAdmin
from core.canonical import indented_json
from core.errors import OrchestratorError
from workspaces.operators import REASON, operator


def as_text(data: Any) -> str:
    """JSON as people read it."""
    return format_html('<pre class="whitespace-pre-wrap break-words">{}</pre>', indented_json(data))


@admin.register(AgentContext)
class AgentContextAdmin(OfAgentAdmin):
    """The contexts of all agents; what one holds now is on its page, what it held before among its versions."""

    list_display = (
        "name",
        "agent",
        "workspace",
        "shown_version",
        "last_version",
        "rollback_pointer",
        "rollback_state",
        "updated_at",
    )
    list_filter = ("rollback_state",)
    search_fields = ("name", "agent__name", "agent__workspace__name")
    fields = (*list_display, "created_at", "data", "versions")
    readonly_fields = fields
    ordering = ("-updated_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("workspace")

    @admin.display(description="current version", ordering="current_version")
    def shown_version(self, row: AgentContext) -> int:
        return row.shown_version

    @admin.display(description="data now")
    def data(self, row: AgentContext) -> str:
        return as_text(version_at(row).data)

    @admin.display(description="history")
    def versions(self, row: AgentContext) -> str:
        address = reverse("admin:agents_agentcontextversion_changelist")
        link = '<a class="{}" href="{}?context__id__exact={}">Versions of this context</a>'
        return format_html(link, "text-primary-600 dark:text-primary-500", address, row.pk)


@admin.register(AgentContextVersion)
class AgentContextVersionAdmin(ReadOnlyAdmin):
    """What contexts held, newest first. Nothing changes a version; a context can go back to one."""

    list_display = ("created_at", "context", "agent", "workspace", "number", "author", "description")
    fields = ("context", "agent", "workspace", "number", "author", "session", "description", "held")
    readonly_fields = (*fields, "created_at")
    search_fields = ("context__name", "context__agent__name", "created_by", "change_description")
    ordering = ("-created_at", "-version")
    actions = ["roll_back"]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("agents.change_agentcontext"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "context__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("context__agent__workspace").defer("data", "context__agent__state")

    @admin.display(description="agent", ordering="context__agent__name")
    def agent(self, row: AgentContextVersion) -> str:
        return str(row.context.agent)

    @admin.display(description="workspace", ordering="context__agent__workspace__name")
    def workspace(self, row: AgentContextVersion) -> str:
        return str(row.context.agent.workspace)

    @admin.display(description="number", ordering="version")
    def number(self, row: AgentContextVersion) -> str:
        return f"{row.version}, current" if row.version == row.context.shown_version else str(row.version)

    @admin.display(description="by", ordering="created_by")
    def author(self, row: AgentContextVersion) -> str:
        return row.author

    @admin.display(description="in session", empty_value="-")
    def session(self, row: AgentContextVersion) -> str | None:
        return row.session_id

    @admin.display(description="what changed", empty_value="-")
    def description(self, row: AgentContextVersion) -> str:
        text = row.change_description
        return f"{text[:200]}…" if len(text) > 200 else text

    @admin.display(description="data")
    def held(self, row: AgentContextVersion) -> str:
        return as_text(row.data)

    @admin.action(description="Roll back to the selected versions (one of each context)", permissions=["act"])
    def roll_back(self, request: HttpRequest, rows: QuerySet[AgentContextVersion]) -> None:
        chosen = list(rows)
        if len({row.context_id for row in chosen}) < len(chosen):
            self.message_user(request, "Choose one version of each context: nothing was changed.", messages.ERROR)
            return
        for row in chosen:
            try:
                services.rollback_context(
                    access=operator(request, row.context.workspace_id),
                    context_id=row.context_id,
                    version=row.version,
                    reason=REASON,
                )
            except OrchestratorError as error:
                self.message_user(request, f"{row.context}: {error.message}", messages.ERROR)
            else:
                text = f"{row.context} of {row.context.agent} holds version {row.version} again"
                self.message_user(request, text, messages.SUCCESS)
