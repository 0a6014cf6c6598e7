"""What an agent went through, narrowed and ordered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from agents.models import AgentStateHistory
from agents.selectors.agents import state_history
from workspaces.access import Access

HISTORY_ORDERINGS = ("timestamp", "actor", "new_status", "new_state_detail")


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which moves a list shows; empty fields do not narrow it.

    `state` and `status` are those a move led to; `since` is included, `until` is not; `search` looks in the reasons.
    """

    state: str = ""
    status: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""
    ordering: str = "-timestamp"


def listed_moves(access: Access, agent_id: UUID, query: HistoryQuery) -> QuerySet[AgentStateHistory]:
    """The moves a query asks for. Raises: NotFound."""
    exact = {"new_state_detail": query.state, "new_status": query.status, "actor": query.actor}
    found = state_history(access, agent_id).filter(**{name: value for name, value in exact.items() if value})
    narrowed = Q()
    if query.since:
        narrowed &= Q(timestamp__gte=query.since)
    if query.until:
        narrowed &= Q(timestamp__lt=query.until)
    if query.search:
        narrowed &= Q(reason__icontains=query.search)
    turn = "-" if query.ordering.startswith("-") else ""
    return found.filter(narrowed).order_by(query.ordering, f"{turn}timestamp", f"{turn}id")
