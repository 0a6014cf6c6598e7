"""Routes of `agents`, relative to the API's root."""

from django.urls import path

from agents.api import commands, contexts, definitions, state, templating, views
from agents.policies import OPERATOR_VERBS

urlpatterns = [
    path("agents", views.AgentList.as_view()),
    path("agents/discover", views.AgentDiscovery.as_view()),
    path("agents/<uuid:agent_id>", views.AgentDetail.as_view()),
    path("agents/<uuid:agent_id>/status", views.AgentStatusView.as_view()),
    path("agents/<uuid:agent_id>/maintenance", views.AgentMaintenance.as_view()),
    path("agents/<uuid:agent_id>/history", views.AgentHistory.as_view()),
    *[path(f"agents/<uuid:agent_id>/{verb}", views.AgentVerb.as_view(verb=verb)) for verb in OPERATOR_VERBS],
    *state.urlpatterns,
    *contexts.urlpatterns,
    *commands.urlpatterns,
    *templating.urlpatterns,
    *definitions.urlpatterns,
]
