"""Making an agent, of a template or of a definition."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.selectors import definitions
from agents.services import AgentFields, TemplateUse, register_agent, seen_through, start_agent
from core.errors import Conflict, Invalid, NotFound
from core.merging import merge_patch
from frontend.place import Place, place_of
from frontend.presenters.agent_making import Making
from frontend.presenters.agent_origins import Origin, definition_origins, template_origins
from frontend.presenters.typed import trimmed
from frontend.views.agents.overview import PATIENCE_SECONDS, say_how_it_went
from frontend.views.doors import page
from frontend.views.once import once
from templates_app.selectors import TemplateQuery, listed_templates, template_for
from workspaces.states import Role

MOST_TEMPLATES = 300


@require_http_methods(["GET", "HEAD", "POST"])
@page
def agent_new(request: HttpRequest) -> HttpResponse:
    """`?template=` or `?definition=` says what it is made of; a POST with `choose` does, and keeps what was typed."""
    place = place_of(request)
    place.access.require(place.here.workspace_id, Role.OPERATOR)
    making = _making(request, place)
    making.begin()
    posted = request.POST.dict()
    if request.method == "POST" and making.origin is not None and "choose" not in posted:
        return once(request, lambda: _submit(request, place, making))
    making.ask_anew()
    if request.method == "POST":
        making.choose(posted)
    return _render(request, making, status=409 if making.disabled else 404 if making.is_missing else 200)


def _submit(request: HttpRequest, place: Place, making: Making) -> HttpResponse:
    making.read(request.POST.dict())
    agent = _make(place, making)
    if agent is None:
        return _render(request, making, status=400)
    if making.start and agent.pending_command is None:
        agent = start_agent(access=place.access, agent_id=agent.id, reason="started when it was made")
    agent = seen_through(access=place.access, agent=agent, seconds=PATIENCE_SECONDS)
    say_how_it_went(request, agent, "made and started" if making.start else "made")
    return redirect("agent", agent.id)


def _making(request: HttpRequest, place: Place) -> Making:
    query = TemplateQuery(workspace=place.here.workspace_id, is_enabled=True)
    templates = template_origins(listed_templates(place.access, query)[:MOST_TEMPLATES])
    known = definition_origins(definitions(enabled_only=True))
    linked = next((f"{kind}:{request.GET[kind]}" for kind in ("template", "definition") if request.GET.get(kind)), "")
    asked = trimmed(request.POST.get("origin", linked))
    origin = next((one for one in (*templates, *known) if one.key == asked), None) or _unlisted(place, asked)
    if origin is not None and origin.is_enabled and origin not in (*templates, *known):
        templates.append(origin)
    return Making(templates, known, asked, origin)


def _unlisted(place: Place, asked: str) -> Origin | None:
    """A template that is not offered (disabled, or one too many), by its key."""
    kind, _, slug = asked.partition(":")
    if kind != "template":
        return None
    try:
        row = template_for(place.access, slug, workspace_id=place.here.workspace_id)
    except NotFound:
        return None
    return template_origins([row])[0]


def _make(place: Place, making: Making) -> Agent | None:
    """The new agent; None when something is wrong, which the form then says."""
    origin, form = cast(Origin, making.origin), making.form
    values = form.values()
    if making.is_wrong:
        return None
    if not values["capabilities"] and not origin.definition:
        del values["capabilities"]
    try:
        return register_agent(
            access=place.access,
            definition=making.definition if origin.asks_for_definition else origin.definition,
            origin=TemplateUse(origin.template_id, variables=making.words) if origin.template_id else None,
            project_id=place.here.id,
            name=values.pop("name"),
            configuration=making.patch if origin.template_id else merge_patch({}, making.patch),
            fields=cast(AgentFields, values),
        )
    except (Invalid, Conflict) as error:
        making.refuse(error)
        return None


def _render(request: HttpRequest, making: Making, *, status: int = 200) -> HttpResponse:
    context = {"making": making, "form": making.form, "is_refused": status == 400, "name_is_optional": True}
    context["name_has_focus"] = making.origin is not None and status == 200
    return render(request, "frontend/agents/new.html", context, status=status)
