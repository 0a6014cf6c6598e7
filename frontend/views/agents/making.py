"""Making an agent, of a template or of a definition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.selectors import definitions
from agents.services import AgentFields, TemplateUse, register_agent, seen_through, start_agent
from core.errors import Conflict, Invalid
from core.merging import merge_patch
from frontend.place import Place, place_of
from frontend.presenters.agent_form import AgentForm, configuration_fields, read_configuration, read_form
from frontend.presenters.agent_origins import Origin, definition_origins, template_origins, variable_fields
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schemas import Field, any_error, read_fields
from frontend.views.agents.overview import PATIENCE_SECONDS, say_how_it_went
from frontend.views.doors import page
from frontend.views.once import once
from templates_app.selectors import TemplateQuery, listed_templates
from workspaces.states import Role

MOST_TEMPLATES = 300


@dataclass(slots=True)
class Making:
    """The form as it stands: what can be chosen, what is, and what was filled in. `patch` is what the configuration
    differs in from the origin's."""

    templates: Sequence[Origin]
    definitions: Sequence[Origin]
    origin: Origin | None
    form: AgentForm = field(default_factory=AgentForm)
    fields: list[Field] = field(default_factory=list)
    patch: dict[str, Any] = field(default_factory=dict)
    variables: list[Field] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=dict)
    start: bool = True

    def begin(self) -> None:
        """The inputs of the origin, as it fills them in."""
        if self.origin is not None:
            self.fields = configuration_fields(self.origin.schema, self.origin.configuration)
            self.variables = variable_fields(self.origin.variables, {})
            self.form.capabilities = self.origin.usual_capabilities

    def read(self, posted: Mapping[str, str]) -> None:
        self.form = read_form(posted)
        self.start = "start" in posted or "asked_to_start" not in posted
        if self.origin is not None:
            self.fields, self.patch = read_configuration(self.fields, posted, self.origin.configuration)
            self.variables, self.words = read_fields(self.variables, posted)

    def choose(self, posted: Mapping[str, str]) -> None:
        """Another origin: its inputs anew, and what was typed of the others; capabilities unless they were changed."""
        typed, usual = read_form(posted), read_form({"capabilities": posted.get("usual_capabilities", "")})
        self.start = "start" in posted or "asked_to_start" not in posted
        if typed.capabilities == usual.capabilities and self.origin is not None:
            typed.capabilities = self.origin.usual_capabilities
        self.form = typed

    @property
    def is_wrong(self) -> bool:
        return bool(self.form.problems) or any_error(self.fields) or any_error(self.variables)

    def refuse(self, error: Invalid | Conflict) -> None:
        """Each sentence to the field it is about."""
        self.form.add_error(error)
        self.fields, rest = with_errors(self.fields, self.form.problems.get("configuration", ()))
        self.variables, more = with_errors(self.variables, self.form.problems.get("variables", ()))
        for sentence in (*rest, *more):
            self.form.add("", sentence)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def agent_new(request: HttpRequest) -> HttpResponse:
    """`?template=` or `?definition=` says what it is made of; a POST with `choose` does, and keeps what was typed."""
    place = place_of(request)
    place.access.require(place.here.workspace_id, Role.OPERATOR)
    making = _making(request, place)
    making.begin()
    if request.method != "POST":
        return _render(request, making)
    posted = request.POST.dict()
    if "choose" in posted or making.origin is None:
        making.choose(posted)
        return _render(request, making)
    return once(request, lambda: _submit(request, place, making))


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
    asked = request.POST.get("origin", linked)
    return Making(templates, known, next((one for one in (*templates, *known) if one.key == asked), None))


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
            definition=origin.definition,
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
    context = {"making": making, "form": making.form, "is_refused": status != 200, "name_is_optional": True}
    return render(request, "frontend/agents/new.html", context, status=status)
