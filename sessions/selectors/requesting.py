"""What has to be known to check a request for a session: the project's agents and documents, and earlier requests."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Q

from agents.models import Agent
from agents.states import AgentStateDetail
from documents.models import Collection, Document
from sessions.agent_pool import AgentPool, PoolAgent
from sessions.models import AgentSession
from sessions.request_json import as_uuid


def agent_pool(project_id: UUID, words: Iterable[str] = ()) -> AgentPool:
    """The project's agents that are not terminated, and of the terminated ones those that `words` name."""
    named = list(words)
    ids = [found for word in named if (found := as_uuid(word))]
    rows = (
        Agent.objects.filter(project_id=project_id)
        .filter(~Q(state_detail=AgentStateDetail.TERMINATED) | Q(id__in=ids) | Q(name__in=named))
        .without_state()
        .select_related("definition")
        .order_by("created_at", "id")
    )
    agents = [_pool_agent(row) for row in rows]
    return AgentPool(sorted(agents, key=lambda agent: bool(agent.obstacle)))


def documents_by_id(project_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Document]:
    """Those of the documents that are in the project, without their text."""
    rows = Document.objects.filter(project_id=project_id, id__in=ids).only(
        "id", "title", "status", "error", "collection_id"
    )
    return {row.id: row for row in rows}


def has_collection(project_id: UUID, collection_id: UUID) -> bool:
    return Collection.objects.filter(project_id=project_id, id=collection_id).exists()


def session_of_key(workspace_id: UUID, idempotency_key: str) -> AgentSession | None:
    """The session an earlier request with this key made."""
    return AgentSession.objects.filter(workspace_id=workspace_id, idempotency_key=idempotency_key).first()


def _pool_agent(row: Agent) -> PoolAgent:
    return PoolAgent(
        id=str(row.id),
        name=row.name,
        definition=row.definition.slug,
        capabilities=frozenset(row.capabilities or row.definition.capabilities),
        configuration=row.configuration,
        config_schema=row.definition.config_schema,
        obstacle=f"{row.obstacle} You can also name another." if row.obstacle else "",
        is_away=is_away(row),
    )


def is_away(row: Agent) -> bool:
    """Whether it is given nothing new only for a while: in maintenance, or its heartbeats are missing."""
    works = row.state_detail == AgentStateDetail.ACTIVE and row.is_enabled
    return works and (row.in_maintenance or row.is_offline)
