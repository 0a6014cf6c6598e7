"""Making an agent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.selectors import definitions
from agents.services import AgentFields, register_agent, seen_through, start_agent
from core.errors import Conflict, Invalid
from frontend.place import Place, place_of
from frontend.presenters.agent_form import (
    AgentForm,
    configuration_fields,
    read_configuration,
    read_form,
)
from frontend.presenters.agent_origins import Origin, definition_origins
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schemas import Field, any_error
from frontend.views.agents.overview import PATIENCE_SECONDS, say_how_it_went
from frontend.views.doors import page
from workspaces.states import Role


@dataclass(slots=True)
class Making:
    """The form as it stands: what can be chosen, what is, and what was filled in."""

    definitions: Sequence[Origin]
    origin: Origin | None
    form: AgentForm = field(default_factory=AgentForm)
    fields: list[Field] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    start: bool = True

    def read(self, posted: dict[str, str]) -> None:
        self.form = read_form(posted)
        self.start = "start" in posted or "asked_to_start" not in posted
        if self.origin is not None:
            present = dict(self.origin.configuration)
            self.fields, self.configuration = read_configuration(self.fields, posted, present)

    def refuse(self, error: Invalid | Conflict) -> None:
        """Each sentence to the field it is about."""
        self.form.add_error(error)
        self.fields, rest = with_errors(self.fields, self.form.problems.get("configuration", ()))
        for sentence in rest:
            self.form.add("", sentence)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def agent_new(request: HttpRequest) -> HttpResponse:
    """`?definition=` says what it is made of; a POST with `choose` does, too, and keeps what was typed."""
    place = place_of(request)
    place.access.require(place.here.workspace_id, Role.OPERATOR)
    making = _begin(request)
    if request.method == "POST":
        making.read(request.POST.dict())
    if making.origin is not None and (request.method != "POST" or "choose" in request.POST):
        making.form.capabilities = "\n".join(making.origin.capabilities)
    if request.method != "POST" or "choose" in request.POST or making.origin is None:
        return _render(request, making)
    agent = _make(place, making)
    if agent is None:
        return _render(request, making)
    if making.start and agent.pending_command is None:
        agent = start_agent(access=place.access, agent_id=agent.id, reason="started when it was made")
    agent = seen_through(access=place.access, agent=agent, seconds=PATIENCE_SECONDS)
    say_how_it_went(request, agent, "made and started" if making.start else "made")
    return redirect("agent", agent.id)


def _begin(request: HttpRequest) -> Making:
    known = definition_origins(definitions(enabled_only=True))
    asked = request.POST.get("origin", "") if request.method == "POST" else ""
    if slug := request.GET.get("definition"):
        asked = asked or f"definition:{slug}"
    origin = next((one for one in known if one.key == asked), None)
    making = Making(known, origin)
    if origin is not None:
        making.fields = configuration_fields(origin.schema, origin.configuration)
    return making


def _make(place: Place, making: Making) -> Agent | None:
    """The new agent; None when something is wrong, which the form then says."""
    origin, form = cast(Origin, making.origin), making.form
    values = form.values()
    if form.problems or any_error(making.fields):
        return None
    try:
        return register_agent(
            access=place.access,
            definition=origin.definition,
            project_id=place.here.id,
            name=values.pop("name"),
            configuration=making.configuration,
            fields=cast(AgentFields, values),
        )
    except (Invalid, Conflict) as error:
        making.refuse(error)
        return None


def _render(request: HttpRequest, making: Making) -> HttpResponse:
    is_wrong = bool(making.form.problems) or any_error(making.fields)
    refused = is_wrong and request.method == "POST" and "choose" not in request.POST
    context = {"making": making, "form": making.form, "is_refused": refused, "name_is_optional": True}
    return render(request, "frontend/agents/new.html", context, status=400 if refused else 200)
