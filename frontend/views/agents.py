"""Agents: list, and one agent with its lifecycle, configuration and history."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.policies import OPERATOR_VERBS
from agents.selectors import AgentQuery, agent_for, figures_of, listed_agents, state_history, with_running
from agents.services import transition_agent, update_agent
from agents.states import AGENT_LIFECYCLE
from core.enums import AgentStatus
from core.errors import Invalid, OrchestratorError
from frontend.place import access_of, place_of
from frontend.presenters.schemas import Field, fields_of, read_fields
from frontend.views.doors import attempt, first_sentence, page, paginate
from workspaces.states import Role

STYLES = {"activate": "btn-primary", "resume": "btn-primary", "initialize": "btn-primary", "recover": "btn-primary"}
QUESTIONS = {"terminate": "Terminate this agent for good? It cannot be brought back."}
DONE = {
    "initialize": "initialized",
    "activate": "activated",
    "pause": "paused",
    "resume": "resumed",
    "deactivate": "deactivated",
    "recover": "recovered",
    "terminate": "terminated",
}
HISTORY = 50


@require_safe
@page
def agent_list(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    filters = {"q": request.GET.get("q", "").strip(), "status": request.GET.get("status", "")}
    status = filters["status"] if filters["status"] in set(AgentStatus) else ""
    rows = listed_agents(place.access, AgentQuery(project=place.here.id, status=status, search=filters["q"]))
    listed = paginate(request, rows)
    listed.object_list = with_running(listed.object_list)
    context = {"listed": listed, "filters": {**filters, "any": any(filters.values())}, "statuses": list(AgentStatus)}
    return render(request, "frontend/agents.html", context)


@require_safe
@page
def agent_page(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    agent = agent_for(access_of(request), agent_id)
    return _render(request, agent, _fields(agent))


@require_POST
@page
def transition(request: HttpRequest, agent_id: UUID, verb: str) -> HttpResponse:
    access = access_of(request)
    reason = f"asked for by {access.actor} on the agent's page"
    agent = attempt(request, lambda: transition_agent(access=access, agent_id=agent_id, verb=verb, reason=reason))
    if agent is not None and agent.last_error and agent.status == AgentStatus.ERROR:
        messages.error(request, f"The agent failed: {agent.last_error}")
    elif agent is not None:
        messages.success(request, f"The agent was {DONE[verb]}.")
    return redirect("agent", agent_id)


@require_POST
@page
def configure(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    access = access_of(request)
    agent = agent_for(access, agent_id)
    fields, changed = read_fields(_fields(agent), request.POST.dict())
    if any(field.error for field in fields):
        return _render(request, agent, fields, problem="Some values cannot be read; see below.")
    try:
        configuration = {**agent.configuration, **changed}
        update_agent(access=access, agent_id=agent_id, changes={"configuration": configuration})
    except (Invalid, OrchestratorError) as error:
        return _render(request, agent, fields, problem=first_sentence(error.details, error.message))
    messages.success(request, "The configuration is saved; tasks that start from now on use it.")
    return redirect("agent", agent_id)


def _fields(agent: Agent) -> list[Field]:
    return fields_of(agent.definition.config_schema, agent.configuration, prefix="config-")


def _render(request: HttpRequest, agent: Agent, fields: list[Field], *, problem: str = "") -> HttpResponse:
    access = access_of(request)
    [agent] = with_running([agent])
    may_operate = access.may(agent.workspace_id, Role.OPERATOR)
    context = {
        "agent": agent,
        "fields": fields,
        "form_problem": problem,
        "may_operate": may_operate,
        "actions": _actions(agent) if may_operate else [],
        "figures": figures_of(agent),
        "history": list(state_history(access, agent.id)[:HISTORY]),
    }
    return render(request, "frontend/agent.html", context, status=400 if problem else 200)


def _actions(agent: Agent) -> list[dict[str, Any]]:
    """Only what its lifecycle allows now."""
    allowed = [verb for verb in AGENT_LIFECYCLE.verbs_from(agent.state_detail) if verb in OPERATOR_VERBS]
    return [
        {
            "verb": verb,
            "words": verb.capitalize(),
            "style": STYLES.get(verb, "btn-danger-soft" if verb == "terminate" else "btn-plain"),
            "confirm": QUESTIONS.get(verb, ""),
        }
        for verb in allowed
    ]
