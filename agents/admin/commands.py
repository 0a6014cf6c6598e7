"""Admin of what is asked of agents: looked at. What would change it are the actions on the agents themselves."""

from django.contrib import admin

from agents.models import AgentCommand
from core.admin import ReadOnlyAdmin


@admin.register(AgentCommand)
class AgentCommandAdmin(ReadOnlyAdmin):
    """The commands of all agents, newest first; one without an outcome is under way, or waits for a worker."""

    list_display = ("created_at", "agent", "kind", "outcome", "attempt", "actor", "applied_at", "error")
    list_filter = ("kind", "outcome")
    list_select_related = ("agent",)
    search_fields = ("agent__name", "actor", "reason", "error")
    date_hierarchy = "created_at"
    ordering = ("-id",)
