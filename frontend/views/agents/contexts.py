"""The contexts of an agent: what they hold at each version, what changed between two, and the way back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.models import Agent, AgentContext
from agents.policies import author_and_session
from agents.selectors import context_of_agent, contexts_of_agent, version_at, versions_of, with_last_write
from agents.services import open_context, rollback_context, write_context
from core.errors import Gone, Invalid, NotFound, OrchestratorError
from frontend.place import access_of
from frontend.presenters.differences import Differences, differences_of
from frontend.presenters.json_form import JsonForm, json_form_of, read_json_form, whole_number
from frontend.presenters.typed import trimmed
from frontend.views.agents.shell import agent_here, may_write_contexts, render_section
from frontend.views.doors import attempt, first_sentence, page, paginate
from workspaces.states import Role

VERSIONS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@page
def context_list(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """All of them; a POST opens the one of a name, which is made when there is none."""
    agent = agent_here(request, agent_id)
    access = access_of(request)
    name, problem = "", ""
    if request.method == "POST":
        access.require(agent.workspace_id, Role.MEMBER)
        name = trimmed(request.POST.get("name", ""))
        try:
            context, _ = open_context(access=access, agent_id=agent_id, name=name)
            return redirect("agent-context", agent_id, context.id)
        except OrchestratorError as error:
            problem = first_sentence(error.details, error.message)
    context_rows = with_last_write(contexts_of_agent(access, agent_id))
    listed = paginate(request, context_rows)
    for row in listed.object_list:
        row.written_by = author_and_session(row.written_by or "")[0]
    shown = {
        "listed": listed,
        "may_write": may_write_contexts(request, agent),
        "name": name,
        "problem": problem,
    }
    return render_section(request, agent, "agent-contexts", shown, status=400 if problem else 200)


@require_safe
@page
def context_page(request: HttpRequest, agent_id: UUID, context_id: UUID) -> HttpResponse:
    """What it holds, or held at `?version=`; with `?from=` and `?to=` what changed between two."""
    agent = agent_here(request, agent_id)
    context = context_of_agent(access_of(request), agent_id, context_id)
    return _render(request, agent, context)


@require_POST
@page
def write(request: HttpRequest, agent_id: UUID, context_id: UUID) -> HttpResponse:
    """A new version over the one that was read; if another has written meanwhile, both are shown."""
    access = access_of(request)
    context = context_of_agent(access, agent_id, context_id)
    access.require(context.workspace_id, Role.MEMBER)
    form = read_json_form(request.POST.dict())
    data = form.value()
    if data is not None:
        try:
            written = write_context(
                access=access,
                context_id=context_id,
                data=data,
                change_description=form.description,
                expected_version=form.version,
            )
        except OrchestratorError as error:
            context = context_of_agent(access, agent_id, context_id)
            form.refuse(error, version_at(context).data, context.shown_version)
        else:
            messages.success(request, f"Version {written.version} is written.")
            return redirect("agent-context", agent_id, context_id)
    return _render(request, agent_here(request, agent_id), context, form)


@require_POST
@page
def rollback(request: HttpRequest, agent_id: UUID, context_id: UUID) -> HttpResponse:
    access = access_of(request)
    context_of_agent(access, agent_id, context_id)
    version = whole_number(request.POST.get("version", ""))
    reason = trimmed(request.POST.get("reason", ""))
    try:
        attempt(
            request,
            lambda: rollback_context(access=access, context_id=context_id, version=version, reason=reason),
            done=f"It holds again what it held at version {version}.",
        )
    except (NotFound, Gone) as error:
        messages.error(request, error.message)
    return redirect("agent-context", agent_id, context_id)


def _render(request: HttpRequest, agent: Agent, context: AgentContext, form: JsonForm | None = None) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("version", "from", "to")}
    problem, status = "", form.status if form else 200
    compared: Differences | None = None
    shown = None
    try:
        shown = version_at(context, whole_number(asked["version"]) if asked["version"] else None)
        if asked["from"] and asked["to"]:
            compared = _compared(context, whole_number(asked["from"]), whole_number(asked["to"]))
    except (Gone, NotFound, Invalid) as error:
        problem, status = error.message, 410 if isinstance(error, Gone) else 404
        shown = shown or version_at(context)
    values: dict[str, Any] = {
        "context": context,
        "shown": shown,
        "is_current": shown.version == context.shown_version,
        "compared": compared,
        "asked": asked,
        "problem": problem,
        "listed": paginate(request, versions_of(context), size=VERSIONS),
        "may_write": may_write_contexts(request, agent),
        "form": form or json_form_of(shown.data, context.shown_version),
        "is_refused": form is not None,
    }
    return render_section(request, agent, "agent-context", values, status=status)


def _compared(context: AgentContext, before: int, after: int) -> Differences:
    return differences_of(version_at(context, before).data, version_at(context, after).data)
