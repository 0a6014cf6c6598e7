"""An agent at a glance, and its lifecycle buttons."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.selectors import figures_of, state_history
from agents.services import request_transition, seen_through, set_maintenance
from core.enums import AgentStatus
from frontend.place import access_of
from frontend.presenters.agents import DONE, told_moves
from frontend.views.agents.shell import agent_here, render_section
from frontend.views.doors import attempt, page

LATEST_MOVES = 6
LONGEST_REASON = 2000
PATIENCE_SECONDS = 0.5
"""How long the answer waits for what is mostly done at once; what takes longer is followed on the page."""


@require_safe
@page
def agent_page(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    agent = agent_here(request, agent_id)
    moves = told_moves(state_history(access_of(request), agent.id)[:LATEST_MOVES], are_consecutive=True)
    return render_section(request, agent, "agent", {"figures": figures_of(agent), "moves": moves})


@require_POST
@page
def transition(request: HttpRequest, agent_id: UUID, verb: str) -> HttpResponse:
    access = access_of(request)
    reason = reason_of(request)
    agent = attempt(request, lambda: request_transition(access=access, agent_id=agent_id, verb=verb, reason=reason))
    if agent is not None:
        say_how_it_went(request, seen_through(access=access, agent=agent, seconds=PATIENCE_SECONDS), DONE[verb])
    return redirect("agent", agent_id)


@require_POST
@page
def maintenance(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    access = access_of(request)
    enabled = request.POST.get("enabled") == "true"
    done = "Maintenance has begun: it is given nothing new." if enabled else "Maintenance has ended."
    attempt(
        request,
        lambda: set_maintenance(access=access, agent_id=agent_id, enabled=enabled, reason=reason_of(request)),
        done=done,
    )
    return redirect("agent", agent_id)


def say_how_it_went(request: HttpRequest, agent: Agent, done: str) -> None:
    """Nothing while something is under way: the page shows that."""
    if agent.pending_command is not None:
        return
    if agent.last_error and agent.status == AgentStatus.ERROR:
        messages.error(request, f"The agent failed: {agent.last_error}")
    else:
        messages.success(request, f"The agent was {done}.")


def reason_of(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:LONGEST_REASON]
