"""Reads of sessions and what belongs to them; what the caller may not see is not there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from sessions.errors import SessionNotFound, TaskNotFound
from sessions.graph import depths
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    AgentTask,
    SessionCommand,
    SessionEvent,
    TaskDependency,
)
from sessions.pruned import raise_if_pruned
from sessions.selectors.shapes import id_text, session_shape, task_shape
from sessions.states import FINISHED_SESSION
from workspaces.access import Access

MAX_EVENTS = 1_000
PAGE_EVENTS = 200  # an event may have 64 KiB


def visible_sessions(access: Access) -> QuerySet[AgentSession]:
    return AgentSession.objects.kept().filter(workspace_id__in=access.workspace_ids)


def listed_sessions(access: Access) -> QuerySet[AgentSession]:
    """For lists, newest first: with `task_count` and `finished_task_count`, without the big columns."""
    return (
        visible_sessions(access)
        .select_related("project", "user")
        .defer("context", "result")
        .annotate(
            task_count=count_of_tasks(),
            finished_task_count=count_of_tasks(completed_at__isnull=False),
            child_count=_count_of_children(),
        )
        .order_by("-created_at", "-id")
    )


def count_of_tasks(**only: Any) -> Coalesce:
    """A subquery: a join would group by every column of the session."""
    rows = AgentTask.objects.filter(session=OuterRef("pk"), **only).order_by().values("session")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)


def _count_of_children() -> Coalesce:
    rows = AgentSession.objects.kept().filter(parent_session=OuterRef("pk")).order_by().values("parent_session")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)


def children(access: Access, session_id: UUID) -> QuerySet[AgentSession]:
    """The sessions that agents of this one have started, oldest first."""
    return listed_sessions(access).filter(parent_session=session_for(access, session_id)).order_by("created_at", "id")


def session_for(access: Access, session_id: UUID) -> AgentSession:
    """Raises: SessionNotFound, also when it is in a workspace the caller is no member of; SessionGone."""
    session = visible_sessions(access).select_related("workspace", "project", "user").filter(id=session_id).first()
    if session is None:
        raise_if_pruned(access, session_id)
        raise SessionNotFound("There is no such session; GET /sessions lists those you can see.")
    return session


def has_ended(session_id: UUID) -> bool:
    """Whether the session is finished. Plain SQL: a request that waits asks dozens of times."""
    key = AgentSession._meta.pk.get_db_prep_value(session_id, connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM agent_session WHERE id = %s", [key])
        found = cursor.fetchone()
    return found is not None and found[0] in FINISHED_SESSION


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """A session with its tasks, as rows for pages and as JSON for the API and the pages' live parts."""

    session: AgentSession
    tasks: Sequence[AgentTask]
    json: dict[str, Any]


def session_detail(access: Access, session_id: UUID) -> SessionDetail:
    """The session with its tasks in a fixed number of queries. Raises: SessionNotFound."""
    session = session_for(access, session_id)
    tasks = list(_loaded(session.tasks.select_related("agent__definition")))  # each knows this session
    child_count = AgentSession.objects.kept().filter(parent_session=session).count()
    return SessionDetail(session, tasks, session_shape(session, tasks, child_count=child_count))


def task_rows() -> QuerySet[AgentTask]:
    """Tasks with their agents, dependencies and attempts loaded, in session order."""
    return _loaded(AgentTask.objects.select_related("agent__definition", "session"))


def _loaded(rows: QuerySet[AgentTask]) -> QuerySet[AgentTask]:
    return rows.defer("agent__state").prefetch_related(
        Prefetch("dependencies", _edges()),
        Prefetch("executions", AgentExecution.objects.defer("context", "parameters", "result").order_by("attempt")),
    )


def _edges() -> QuerySet[TaskDependency]:
    """What tasks wait for, without what those were given and said. A new one each time: a prefetch marks its query."""
    rows = TaskDependency.objects.select_related("depends_on").order_by("depends_on__ordinal")
    return rows.only("task", "depends_on__name", "depends_on__ordinal", "depends_on__status")


def visible_tasks(access: Access) -> QuerySet[AgentTask]:
    """All tasks of the caller's workspaces, newest first: by their time-ordered key, which has an index."""
    rows = task_rows().filter(session__workspace_id__in=access.workspace_ids, session__pruning_at__isnull=True)
    return rows.order_by("-id")


def task_for(access: Access, task_id: UUID) -> AgentTask:
    """Raises: TaskNotFound."""
    task = visible_tasks(access).filter(id=task_id).first()
    if task is None:
        raise TaskNotFound("There is no such task; GET /tasks lists those you can see.")
    return task


def tasks(access: Access, session_id: UUID) -> QuerySet[AgentTask]:
    return task_rows().filter(session=session_for(access, session_id)).order_by("ordinal", "id")


def executions(access: Access, session_id: UUID) -> QuerySet[AgentExecution]:
    """Every attempt of the session, oldest first."""
    rows = AgentExecution.objects.filter(task__session=session_for(access, session_id))
    rows = rows.select_related("task", "agent__definition").defer("agent__state")
    return rows.order_by("created_at", "id")


def messages(access: Access, session_id: UUID) -> QuerySet[AgentMessage]:
    """What the agents of the session said to each other, oldest first."""
    rows = AgentMessage.objects.filter(session=session_for(access, session_id))
    rows = rows.select_related("from_agent__definition", "to_agent__definition")
    return rows.defer("from_agent__state", "to_agent__state").order_by("created_at", "id")


def commands(access: Access, session_id: UUID) -> QuerySet[SessionCommand]:
    """What was asked of the session, oldest first; `applied_at` is empty while it waits."""
    return SessionCommand.objects.filter(session=session_for(access, session_id)).order_by("id")


def is_applied(command_id: int) -> bool:
    """Whether the session's runner has seen the command; one query by key."""
    return SessionCommand.objects.filter(pk=command_id, applied_at__isnull=False).exists()


def graph(access: Access, session_id: UUID) -> dict[str, Any]:
    """`{nodes, edges, messages}`: the tasks with their level, what waits for what, and who wrote to whom how often."""
    session = session_for(access, session_id)
    rows = list(task_rows().filter(session=session))
    after = {str(task.id): [str(edge.depends_on_id) for edge in task.dependencies.all()] for task in rows}
    levels = depths(after)
    counts = (
        AgentMessage.objects.filter(session=session)
        .values("from_agent_id", "to_agent_id")
        .annotate(count=Count("id"))
        .order_by("from_agent_id", "to_agent_id")
    )
    return {
        "session_id": str(session.id),
        "status": session.status,
        "last_seq": session.last_seq,
        "nodes": [{**task_shape(task), "level": levels[str(task.id)]} for task in rows],
        "edges": [{"from": earlier, "to": task_id} for task_id, before in after.items() for earlier in before],
        "messages": [
            {
                "from_agent": str(row["from_agent_id"]),
                "to_agent": id_text(row["to_agent_id"]),
                "count": row["count"],
            }
            for row in counts
        ],
    }


def events_page(session_id: UUID, after: int = 0, limit: int = 200) -> list[SessionEvent]:
    """The session's events with a seq above `after`, in order, at most `limit`. Asks nobody who may see it."""
    last = after + max(1, min(limit, MAX_EVENTS))
    return list(SessionEvent.objects.filter(session_id=session_id, seq__gt=after, seq__lte=last).order_by("seq"))


def event_pages(session_id: UUID, after: int = 0) -> Iterator[list[SessionEvent]]:
    """The log behind `after`, page by page, over gaps too. Asks nobody who may see it.

    Both ends of a page are bounded: PostgreSQL, which takes every session for an average one, would otherwise read and
    sort all the rest of a long log for each page.
    """
    rows = SessionEvent.objects.filter(session_id=session_id).order_by("seq")
    while page := (
        list(rows.filter(seq__gt=after, seq__lte=after + PAGE_EVENTS)) or list(rows.filter(seq__gt=after)[:1])
    ):
        yield page
        after = page[-1].seq
