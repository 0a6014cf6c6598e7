"""Versions of all templates, to look at."""

from django.contrib import admin

from core.admin import ReadOnlyAdmin
from templates_app.models import AgentTemplateVersion


@admin.register(AgentTemplateVersion)
class AgentTemplateVersionAdmin(ReadOnlyAdmin):
    list_display = ("template", "version", "created_at", "created_by", "change_description")
    list_filter = ("created_by",)
    list_select_related = ("template",)
    search_fields = ("template__slug", "template__name", "change_description", "created_by")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
