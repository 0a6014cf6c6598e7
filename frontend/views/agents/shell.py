"""What the sections of an agent's page share: its head, its buttons, the way to the others."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from agents.models import Agent
from agents.selectors import agent_with_template, with_running
from agents.states import AgentStateDetail
from frontend.place import access_of
from frontend.presenters.agents import actions_of, asked_of, state_words
from workspaces.states import Role

SECTIONS = (
    ("agent", "Overview", "grid-1x2"),
    ("agent-settings", "Settings", "sliders"),
    ("agent-history", "History", "clock-history"),
    ("agent-state", "State", "save"),
    ("agent-contexts", "Contexts", "layers"),
)
WITHIN = {"agent-checkpoint": "agent-state", "agent-context": "agent-contexts", "agent-upgrade": "agent-settings"}
"""Pages below a section, by the section's name."""


def agent_here(request: HttpRequest, agent_id: UUID, *, with_state: bool = False) -> Agent:
    """The agent a page is about. Raises: NotFound."""
    return agent_with_template(access_of(request), agent_id, with_state=with_state)


def may_change(request: HttpRequest, agent: Agent) -> bool:
    """Whether the page shows buttons and forms: to operators, while the agent lives."""
    may = access_of(request).may(agent.workspace_id, Role.OPERATOR)
    return may and agent.state_detail != AgentStateDetail.TERMINATED


def may_write_contexts(request: HttpRequest, agent: Agent) -> bool:
    """To members, while the agent lives."""
    may = access_of(request).may(agent.workspace_id, Role.MEMBER)
    return may and agent.state_detail != AgentStateDetail.TERMINATED


def render_section(
    request: HttpRequest, agent: Agent, section: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page of one section; `section` is the name of its route."""
    with_running([agent])
    changeable = may_change(request, agent)
    shared = {
        "agent": agent,
        "may_change": changeable,
        "actions": actions_of(agent) if changeable else [],
        "under_way": asked_of(agent.pending_command) if agent.pending_command else None,
        "state_words": state_words(agent),
        "sections": [
            {"name": name, "words": words, "icon": icon, "address": reverse(name, args=[agent.id])}
            for name, words, icon in SECTIONS
        ],
        "section": WITHIN.get(section, section),
    }
    return render(request, f"frontend/agents/{section}.html", {**shared, **context}, status=status)
