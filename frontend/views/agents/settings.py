"""What an operator may change of an agent: its facts, and its configuration by the schema."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.services import update_agent
from core.errors import Conflict, Invalid
from core.merging import merge_patch
from frontend.place import access_of
from frontend.presenters.agent_form import (
    AgentForm,
    configuration_fields,
    form_of,
    read_configuration,
    read_form,
)
from frontend.presenters.agent_origins import schema_for
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schemas import Field, any_error
from frontend.views.agents.shell import agent_here, render_section
from frontend.views.doors import page
from workspaces.states import Role


@require_safe
@page
def agent_settings(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    agent = agent_here(request, agent_id)
    return _render(request, agent, form_of(agent), _fields(agent))


@require_POST
@page
def edit(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Change name, description, capabilities, prompt and the like."""
    agent = _changeable(request, agent_id)
    form = read_form(request.POST.dict())
    values = {**form.values(), "is_enabled": "is_enabled" in request.POST}
    if not form.name:
        form.add("name", "Give a name.")
    if not form.problems:
        try:
            update_agent(access=access_of(request), agent_id=agent_id, changes=values)
        except (Invalid, Conflict) as error:
            form.add_error(error)
        else:
            messages.success(request, "The changes are saved.")
            return redirect("agent-settings", agent_id)
    return _render(request, agent, form, _fields(agent))


@require_POST
@page
def configure(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    agent = _changeable(request, agent_id)
    fields, patch = read_configuration(_fields(agent), request.POST.dict(), agent.configuration)
    problems: Sequence[str] = ["Some values cannot be read; see below."] if any_error(fields) else ()
    if not problems:
        changes = {"configuration": merge_patch(agent.configuration, patch)}
        try:
            update_agent(access=access_of(request), agent_id=agent_id, changes=changes)
        except (Invalid, Conflict) as error:
            sentences = error.by_field.get("configuration", [])
            fields, problems = with_errors(fields, sentences)
            problems = problems or ["It was not saved; see below." if sentences else error.message]
        else:
            messages.success(request, "The configuration is saved; tasks that start from now on use it.")
            return redirect("agent-settings", agent_id)
    return _render(request, agent, form_of(agent), fields, problems)


def _changeable(request: HttpRequest, agent_id: UUID) -> Agent:
    """Raises: NotFound, Forbidden, before anything that was typed is looked at."""
    agent = agent_here(request, agent_id)
    access_of(request).require(agent.workspace_id, Role.OPERATOR)
    return agent


def _fields(agent: Agent) -> list[Field]:
    """By the schema of the template it was made of, else by its definition's."""
    version = agent.template_version
    schema = version.snapshot.get("configuration_schema", {}) if version else {}
    return configuration_fields(schema_for(schema, agent.definition), agent.configuration)


def _render(
    request: HttpRequest, agent: Agent, form: AgentForm, fields: Sequence[Field], problems: Sequence[str] = ()
) -> HttpResponse:
    context = {
        "form": form,
        "fields": fields,
        "configuration_problems": problems,
        "enabled_as_typed": "is_enabled" in request.POST if form.problems else agent.is_enabled,
    }
    return render_section(request, agent, "agent-settings", context, status=400 if problems or form.problems else 200)
