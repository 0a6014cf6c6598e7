"""The agents of a project."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.selectors import AgentQuery, definitions, listed_agents, templates_in_use, with_running
from agents.states import AgentStateDetail
from core.enums import AgentStatus, AgentType
from frontend.place import Place, place_of
from frontend.views.doors import page, paginate
from workspaces.states import Role

FILTERS = ("q", "status", "type", "definition", "template", "capability", "behind", "archived")
USUAL = ("q", "status")


@require_safe
@page
def agent_list(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    listed = paginate(request, listed_agents(place.access, _query(place, filters)).with_template())
    listed.object_list = with_running(listed.object_list)
    known = definitions()
    context = {
        "listed": listed,
        "filters": filters,
        "is_filtered": any(filters.values()),
        "shows_more": any(filters[name] for name in FILTERS if name not in USUAL),
        "statuses": list(AgentStatus),
        "types": list(AgentType),
        "definitions": known,
        "templates": templates_in_use(place.here.id),
        "capabilities": sorted({word for row in known for word in row.capabilities}),
        "may_operate": place.may(Role.OPERATOR),
    }
    return render(request, "frontend/agents/list.html", context)


def _query(place: Place, filters: dict[str, str]) -> AgentQuery:
    """Words that mean nothing narrow nothing."""
    return AgentQuery(
        project=place.here.id,
        status=filters["status"] if filters["status"] in set(AgentStatus) else "",
        state_detail=AgentStateDetail.TERMINATED if filters["archived"] else "",
        type=filters["type"] if filters["type"] in set(AgentType) else "",
        definition=filters["definition"],
        template=filters["template"],
        behind=bool(filters["behind"]),
        capabilities=tuple(word.strip() for word in filters["capability"].split(",") if word.strip()),
        search=filters["q"],
    )
