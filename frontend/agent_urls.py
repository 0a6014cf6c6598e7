"""Routes of the pages of agents."""

from django.urls import path, register_converter

from frontend.converters import NumberConverter, VerbConverter
from frontend.views.agents import contexts, history, listing, making, overview, settings, state, upgrading

register_converter(NumberConverter, "number")
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
    path(f"{ONE}/upgrade", upgrading.agent_upgrade, name="agent-upgrade"),
    path(f"{ONE}/history", history.agent_history, name="agent-history"),
    path(f"{ONE}/state", state.agent_state, name="agent-state"),
    path(f"{ONE}/state/write", state.write, name="agent-state-write"),
    path(f"{ONE}/checkpoints", state.keep, name="agent-checkpoint-new"),
    path(f"{ONE}/checkpoints/schedule", state.schedule, name="agent-checkpoint-schedule"),
    path(f"{ONE}/checkpoints/unschedule", state.unschedule, name="agent-checkpoint-unschedule"),
    path(f"{ONE}/checkpoints/<number:number>", state.checkpoint, name="agent-checkpoint"),
    path(f"{ONE}/checkpoints/<number:number>/restore", state.restore, name="agent-checkpoint-restore"),
    path(f"{ONE}/checkpoints/<number:number>/delete", state.delete, name="agent-checkpoint-delete"),
    path(f"{ONE}/contexts", contexts.context_list, name="agent-contexts"),
    path(f"{ONE}/contexts/<uuid:context_id>", contexts.context_page, name="agent-context"),
    path(f"{ONE}/contexts/<uuid:context_id>/write", contexts.write, name="agent-context-write"),
    path(f"{ONE}/contexts/<uuid:context_id>/rollback", contexts.rollback, name="agent-context-rollback"),
]
