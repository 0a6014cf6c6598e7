"""Reads of messages between agents, within sessions and outside of them."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from agents.selectors import agent_for
from sessions.errors import MessageNotFound
from sessions.models import AgentMessage
from workspaces.access import Access

BOTH, SENT, RECEIVED = "", "sent", "received"


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Which messages of an agent a list shows; empty fields do not narrow it."""

    direction: str = BOTH
    delivery_status: str = ""
    message_type: str = ""
    topic: str = ""
    outside_sessions: bool = False


def visible_messages(access: Access) -> QuerySet[AgentMessage]:
    rows = AgentMessage.objects.filter(workspace_id__in=access.workspace_ids)
    rows = rows.select_related("from_agent__definition", "to_agent__definition")
    return rows.defer("from_agent__state", "to_agent__state")


def message_for(access: Access, message_id: UUID, *, locked: bool = False) -> AgentMessage:
    """Raises: MessageNotFound."""
    rows = visible_messages(access)
    message = (rows.select_for_update(of=("self",)) if locked else rows).filter(id=message_id).first()
    if message is None:
        raise MessageNotFound("There is no such message; GET /agents/{id}/communications lists those of an agent.")
    return message


def messages_of_agent(access: Access, agent_id: UUID, query: MessageQuery) -> QuerySet[AgentMessage]:
    """What an agent said and what was said to it, newest first. Raises: NotFound."""
    agent = agent_for(access, agent_id)
    sent, received = Q(from_agent=agent), Q(to_agent=agent)
    rows = visible_messages(access).filter({SENT: sent, RECEIVED: received}.get(query.direction, sent | received))
    exact = {"delivery_status": query.delivery_status, "message_type": query.message_type, "topic": query.topic}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if query.outside_sessions:
        rows = rows.filter(session__isnull=True)
    return rows.order_by("-created_at", "-id")
