"""Routes of the pages of agents."""

from django.urls import path, register_converter

from frontend.converters import VerbConverter
from frontend.views.agents import history, listing, making, overview, settings

register_converter(VerbConverter, "verb")

ONE = "agents/<uuid:agent_id>"

urlpatterns = [
    path("agents", listing.agent_list, name="agents"),
    path("agents/new", making.agent_new, name="agent-new"),
    path(ONE, overview.agent_page, name="agent"),
    path(f"{ONE}/<verb:verb>", overview.transition, name="agent-transition"),
    path(f"{ONE}/maintenance", overview.maintenance, name="agent-maintenance"),
    path(f"{ONE}/settings", settings.agent_settings, name="agent-settings"),
    path(f"{ONE}/edit", settings.edit, name="agent-edit"),
    path(f"{ONE}/configure", settings.configure, name="agent-configure"),
    path(f"{ONE}/history", history.agent_history, name="agent-history"),
]
