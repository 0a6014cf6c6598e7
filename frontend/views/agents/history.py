"""What an agent went through."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from agents.selectors import commands_of, state_history
from agents.states import AgentStateDetail
from frontend.place import access_of
from frontend.presenters.agents import asked_of, told_moves
from frontend.views.agents.shell import agent_here, render_section
from frontend.views.doors import page, paginate

MOVES = 50
COMMANDS = 20


@require_safe
@page
def agent_history(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Its moves, newest first; `?state=` and `?actor=` narrow them."""
    agent = agent_here(request, agent_id)
    rows = state_history(access_of(request), agent.id)
    actors = list(rows.order_by("actor").values_list("actor", flat=True).distinct())
    filters = {name: request.GET.get(name, "").strip() for name in ("state", "actor")}
    if filters["state"] in set(AgentStateDetail):
        rows = rows.filter(new_state_detail=filters["state"])
    if filters["actor"]:
        rows = rows.filter(actor=filters["actor"])
    listed = paginate(request, rows, size=MOVES)
    context = {
        "listed": listed,
        "moves": told_moves(listed.object_list, are_consecutive=not any(filters.values())),
        "commands": [asked_of(row) for row in commands_of(access_of(request), agent.id)[:COMMANDS]],
        "filters": filters,
        "is_filtered": any(filters.values()),
        "states": list(AgentStateDetail),
        "actors": [actor for actor in actors if actor],
    }
    return render_section(request, agent, "agent-history", context)
