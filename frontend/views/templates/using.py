"""Making an agent of a template, by a form that its schema draws."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.selectors import definitions
from agents.services import TemplateUse, apply_template
from core.enums import AgentStatus
from core.errors import Conflict, Invalid
from frontend.place import place_of
from frontend.presenters.agent_templates import UseForm, use_form_of
from frontend.views.doors import page
from frontend.views.once import once
from frontend.views.templates.shared import template_to_write
from templates_app.models import AgentTemplate


@require_http_methods(["GET", "HEAD", "POST"])
@page
def use(request: HttpRequest, slug: str) -> HttpResponse:
    template = template_to_write(request, slug)
    if request.method == "POST":
        return once(request, lambda: _make(request, template))
    return _render(request, template, _form(template))


def _form(template: AgentTemplate) -> UseForm:
    return use_form_of(template.configuration_schema, template.default_configuration, template.prompt_variables)


def _make(request: HttpRequest, template: AgentTemplate) -> HttpResponse:
    form = _form(template)
    form.read(request.POST)
    agent = _made(request, template, form)
    if agent is None:
        return _render(request, template, form)
    _say(request, agent)
    return redirect("agent", agent.id)


def _render(request: HttpRequest, template: AgentTemplate, form: UseForm) -> HttpResponse:
    choices = [] if template.definition else definitions(enabled_only=True)
    context = {"template": template, "form": form, "definitions": choices}
    return render(request, "frontend/agent_templates/use.html", context, status=400 if form.wrong else 200)


def _made(request: HttpRequest, template: AgentTemplate, form: UseForm) -> Agent | None:
    """The new agent; None when something is wrong, which the form then says."""
    if form.wrong:
        return None
    place = place_of(request)
    try:
        return apply_template(
            access=place.access,
            use=TemplateUse(template.id, variables=dict(form.words)),
            project_id=place.here.id,
            name=form.name,
            definition="" if template.definition else form.definition,
            configuration=form.overrides,
            start=form.start,
        )
    except (Invalid, Conflict) as error:
        form.add_error(error)
        return None


def _say(request: HttpRequest, agent: Agent) -> None:
    if agent.status == AgentStatus.ERROR:
        messages.error(request, f"The agent {agent.name} was made, but failed: {agent.last_error}")
    else:
        messages.success(request, f"The agent {agent.name} was made.")
