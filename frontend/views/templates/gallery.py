"""The templates a workspace can make agents of."""

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.selectors import agent_counts
from core.enums import AgentType
from frontend.place import place_of
from frontend.views.doors import page, paginate
from frontend.views.templates.shared import WRITERS
from templates_app.selectors import TemplateQuery, listed_templates

FILTERS = ("q", "type", "origin", "enabled")
FLAGS = {"builtin": True, "own": False, "yes": True, "no": False}
A_PAGE = 24


@require_safe
@page
def gallery(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    rows = listed_templates(place.access, _query(place.here.workspace_id, filters))
    listed = paginate(request, rows.order_by("agent_type", "name", "slug"), size=A_PAGE)
    listed.object_list = list(listed.object_list)
    counts = agent_counts(place.access, [template.id for template in listed.object_list])
    context = {
        "listed": listed,
        "counts": counts,
        "filters": {**filters, "any": any(filters.values())},
        "types": list(AgentType),
        "may_write": place.may(WRITERS),
    }
    return render(request, "frontend/agent_templates/gallery.html", context)


def _query(workspace_id: UUID, filters: Mapping[str, str]) -> TemplateQuery:
    """Words that mean nothing narrow nothing."""
    return TemplateQuery(
        workspace=workspace_id,
        agent_type=filters["type"] if filters["type"] in set(AgentType) else "",
        search=filters["q"],
        is_enabled=FLAGS.get(filters["enabled"]),
        built_in=FLAGS.get(filters["origin"]),
    )
