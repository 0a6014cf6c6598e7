"""The dashboard."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.selectors import AgentQuery, listed_agents, with_running
from frontend.place import place_of
from frontend.views.doors import page
from sessions.selectors import dashboard_figures, listed_sessions, recent_durations

RECENT = 8
AGENTS = 12


@require_safe
@page
def dashboard(request: HttpRequest) -> HttpResponse:
    access = place_of(request).access
    figures = dashboard_figures(access).to_json()
    context = {
        "figures": {**figures, "queued": figures["pending_sessions"] + figures["queued_tasks"]},
        "recent": list(listed_sessions(access).order_by("-created_at", "-id")[:RECENT]),
        "agents": with_running(listed_agents(access, AgentQuery())[:AGENTS]),
        "charts": {"throughput": figures["throughput"], "durations": recent_durations(access)},
    }
    return render(request, "frontend/dashboard.html", context)
