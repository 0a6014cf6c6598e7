"""Where a session comes from, and what was made from it: repeated sessions and child sessions alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from sessions.models import AgentSession, AgentTask, SessionEvent
from sessions.selectors.past import FINISHING, Usage, usage_of_tasks
from sessions.selectors.reading import count_of_tasks, session_for, visible_sessions
from sessions.selectors.shapes import id_text, instant
from workspaces.access import Access

MAX_ANCESTORS = 50
MAX_DESCENDANTS = 200
PAGE = 50


@dataclass(slots=True)
class Relative:
    """One session of a lineage; `descendants` are the newest of its `descendant_count` direct ones that fitted."""

    session: AgentSession
    descendant_count: int
    descendants: list["Relative"] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """Without the descendants."""
        row = self.session
        return {
            "id": str(row.id),
            "session_id": str(row.id),
            "title": row.title,
            "status": row.status,
            "origin": row.origin,
            "forked_from": id_text(row.forked_from_id),
            "fork_seq": row.fork_seq,
            "parent_session": id_text(row.parent_session_id),
            "saved_usage": row.saved_usage,
            "task_count": getattr(row, "task_count", 0),
            "reused_task_count": getattr(row, "reused_task_count", 0),
            "descendant_count": self.descendant_count,
            "created_at": instant(row.created_at),
            "completed_at": instant(row.completed_at),
        }

    def tree(self) -> dict[str, Any]:
        return {**self.json(), "descendants": [each.tree() for each in self.descendants]}


@dataclass(frozen=True, slots=True)
class Lineage:
    """`ancestors` oldest first. Of the session's direct descendants those from `offset` on, newest first."""

    ancestors: Sequence[Relative]
    root: Relative
    offset: int
    limit: int

    @property
    def has_more(self) -> bool:
        return self.offset + len(self.root.descendants) < self.root.descendant_count


def lineage(access: Access, session_id: UUID, *, offset: int = 0, limit: int = PAGE) -> Lineage:
    """At most 50 ancestors and 200 descendants, breadth first. Raises: SessionNotFound."""
    session = session_for(access, session_id)
    rows = _rows(access)
    row = rows.get(id=session.id)
    above = _ancestors(rows, row)
    root = Relative(row, _count_of_descendants(rows, [row.id]).get(row.id, 0))
    limit = max(1, min(limit, MAX_DESCENDANTS))
    first = rows.filter(_made_from([row.id])).order_by("-created_at", "-id")[max(0, offset) :][:limit]
    _grow(rows, root, list(first))
    counts = _count_of_descendants(rows, [each.id for each in above])
    return Lineage([Relative(each, counts.get(each.id, 0)) for each in above], root, max(0, offset), limit)


def _rows(access: Access) -> QuerySet[AgentSession]:
    found = visible_sessions(access).defer("context", "result", "task_description")
    return found.annotate(task_count=count_of_tasks(), reused_task_count=count_of_tasks(copied_from__isnull=False))


def _made_from(ids: Sequence[UUID]) -> Q:
    return Q(forked_from_id__in=ids) | Q(parent_session_id__in=ids)


def _ancestors(rows: QuerySet[AgentSession], session: AgentSession) -> list[AgentSession]:
    """Oldest first; a session comes from the one it repeats, else from the one whose agent asked for it."""
    found: list[AgentSession] = []
    while len(found) < MAX_ANCESTORS:
        key = session.forked_from_id or session.parent_session_id
        above = rows.filter(id=key).first() if key else None
        if above is None:
            break
        found.append(above)
        session = above
    return found[::-1]


def _count_of_descendants(rows: QuerySet[AgentSession], ids: Sequence[UUID]) -> dict[UUID, int]:
    counts: dict[UUID, int] = {}
    for forked, parent in rows.filter(_made_from(ids)).values_list("forked_from_id", "parent_session_id"):
        key = forked if forked in ids else parent
        counts[key] = counts.get(key, 0) + 1
    return counts


def _grow(rows: QuerySet[AgentSession], root: Relative, level: Sequence[AgentSession]) -> None:
    """Hang each generation under the one before, as long as there is room."""
    by_id: dict[UUID | None, Relative] = {root.session.id: root}
    while level:
        counts = _count_of_descendants(rows, [row.id for row in level])
        grown = []
        for row in level:
            above = next(by_id[key] for key in (row.forked_from_id, row.parent_session_id) if key in by_id)
            by_id[row.id] = Relative(row, counts.get(row.id, 0))
            above.descendants.append(by_id[row.id])
            grown.append(row.id)
        room = MAX_DESCENDANTS - len(by_id) + 1
        level = list(rows.filter(_made_from(grown)).order_by("-created_at", "-id")[:room]) if room > 0 else []


@dataclass(frozen=True, slots=True)
class Relatives:
    """Those next to a session: what it repeats, whose agent waits for it, and the newest made from it.

    `left_after` is the task after which a fork left what it repeats, if it left at a task.
    """

    source: AgentSession | None
    parent: AgentSession | None
    made: Sequence[AgentSession]
    has_more: bool
    left_after: str = ""


def relatives(access: Access, session: AgentSession, *, limit: int = 20) -> Relatives:
    """What a page shows beside a session the caller may see."""
    rows = visible_sessions(access).defer("context", "result", "task_description")
    made = list(rows.filter(_made_from([session.id])).order_by("-created_at", "-id")[: limit + 1])
    keys = [key for key in (session.forked_from_id, session.parent_session_id) if key]
    above = {row.id: row for row in rows.filter(id__in=keys)} if keys else {}
    source = above.get(session.forked_from_id) if session.forked_from_id else None
    parent = above.get(session.parent_session_id) if session.parent_session_id else None
    left_after = _left_after(source, session.fork_seq or 0) if source else ""
    return Relatives(source, parent, made[:limit], len(made) > limit, left_after)


def _left_after(source: AgentSession, seq: int) -> str:
    """The task that was finished by the event."""
    of_event = SessionEvent.objects.filter(session=source, seq=seq, type__in=FINISHING).values("task_id")
    return AgentTask.objects.filter(id__in=of_event).values_list("name", flat=True).first() or ""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Where a reused task had run (None: that session was pruned), and what its output had cost."""

    session_id: UUID | None
    usage: Usage


def taken_over(tasks: Iterable[AgentTask]) -> dict[UUID, TakenOver]:
    """By task id, for those of the tasks whose output comes from an earlier session."""
    sources = {task.id: task.copied_from for task in tasks if task.copied_from}
    if not sources:
        return {}
    places = dict(AgentTask.objects.filter(id__in=sources.values()).values_list("id", "session_id"))
    costs = usage_of_tasks(sources.values())
    return {key: TakenOver(places.get(old), costs.get(old, {})) for key, old in sources.items()}
