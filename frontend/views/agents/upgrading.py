"""Bringing an agent to the newest version of its template."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.services import upgrade_agent
from core.errors import Conflict, Invalid, NotFound
from frontend.place import access_of
from frontend.presenters.agent_origins import variable_fields
from frontend.presenters.differences import differences_of
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schemas import Field, any_error, read_fields
from frontend.views.agents.shell import agent_here, may_change, render_section
from frontend.views.doors import page
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.selectors import version_at, versions_of
from workspaces.states import Role

MOST_VERSIONS = 20


@require_http_methods(["GET", "HEAD", "POST"])
@page
def agent_upgrade(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """What the newest version would change; a POST makes it so. What was set for this agent stays."""
    access = access_of(request)
    agent = agent_here(request, agent_id)
    access.require(agent.workspace_id, Role.OPERATOR)
    if agent.template is None or agent.template_version is None:
        raise NotFound("The agent was made of no template.")
    if not may_change(request, agent) or not agent.versions_behind:
        return redirect("agent", agent_id)
    newest = version_at(agent.template)
    fields = variable_fields(newest.snapshot.get("prompt_variables", ()), agent.template_variables)
    problems: list[str] = []
    if request.method == "POST":
        fields, words = read_fields(fields, request.POST.dict())
        problems, fields = _problems(request, agent, newest, fields, words)
        if not problems and not any_error(fields):
            messages.success(request, f"The agent is at version {newest.version} of its template.")
            return redirect("agent", agent_id)
    return _render(request, agent, agent.template, newest, fields, problems)


def _problems(
    request: HttpRequest, agent: Agent, newest: AgentTemplateVersion, fields: list[Field], words: dict[str, Any]
) -> tuple[list[str], list[Field]]:
    """What keeps the agent from being upgraded, once tried; nothing when it was."""
    try:
        upgrade_agent(access=access_of(request), agent_id=agent.id, version=newest.version, variables=words)
    except (Invalid, Conflict) as error:
        fields, rest = with_errors(fields, error.by_field.get("variables", []))
        others = error.by_field.get("configuration", [])
        return [*(f"Configuration, {sentence}" for sentence in others), *rest] or [error.message], fields
    return [], fields


def _render(
    request: HttpRequest,
    agent: Agent,
    template: AgentTemplate,
    newest: AgentTemplateVersion,
    fields: list[Field],
    problems: list[str],
) -> HttpResponse:
    old: AgentTemplateVersion = agent.template_version  # type: ignore[assignment]
    since = versions_of(template).filter(version__gt=old.version).defer("snapshot")
    context = {
        "newest": newest,
        "since": list(since[:MOST_VERSIONS]),
        "differences": differences_of(old.snapshot, newest.snapshot),
        "fields": fields,
        "problems": problems,
    }
    return render_section(request, agent, "agent-upgrade", context, status=400 if problems else 200)
