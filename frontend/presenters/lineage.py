"""Where a session comes from and what it reused, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sessions.models import AgentSession, AgentTask
from sessions.selectors import Relatives, TakenOver
from sessions.states import SessionOrigin

ORIGIN_WORDS: Mapping[str, str] = {
    SessionOrigin.RETRY: "Retry",
    SessionOrigin.RERUN: "Re-run",
    SessionOrigin.FORK: "Fork",
    SessionOrigin.CHILD: "Child",
}
ORIGIN_ICONS: Mapping[str, str] = {
    SessionOrigin.RETRY: "arrow-clockwise",
    SessionOrigin.RERUN: "arrow-repeat",
    SessionOrigin.FORK: "signpost-split",
    SessionOrigin.CHILD: "arrow-return-right",
}
SHOWN_ENTRIES = 3


@dataclass(frozen=True, slots=True)
class Reuse:
    """What stands beside a reused task: where it had run and what that had cost."""

    session_id: UUID | None
    task_id: UUID | None
    saved: str


@dataclass(frozen=True, slots=True)
class LineageStrip:
    """`where` completes "Retry of X …"; `reused` counts tasks, `saved` is what they and reused calls had cost."""

    word: str
    icon: str
    source: AgentSession | None
    is_source_gone: bool
    parent: AgentSession | None
    where: str
    reused: int
    total: int
    saved: str
    made: Sequence[AgentSession]
    has_more: bool


def present_lineage(session: AgentSession, tasks: Sequence[AgentTask], near: Relatives) -> LineageStrip | None:
    """None for a session that stands alone."""
    if session.origin == SessionOrigin.NEW and not near.made:
        return None
    return LineageStrip(
        word=ORIGIN_WORDS.get(session.origin, ""),
        icon=ORIGIN_ICONS.get(session.origin, "diagram-2"),
        source=near.source,
        is_source_gone=session.fork_seq is not None and near.source is None,
        parent=near.parent,
        where=_where(session, tasks, near),
        reused=sum(task.copied_from is not None for task in tasks),
        total=len(tasks),
        saved=usage_in_words(session.saved_usage),
        made=near.made,
        has_more=near.has_more,
    )


def present_reuse(task: AgentTask, found: Mapping[UUID, TakenOver]) -> Reuse | None:
    """None for a task that ran here."""
    known = found.get(task.id)
    return Reuse(known.session_id, task.copied_from, usage_in_words(known.usage)) if known else None


def usage_in_words(usage: Any) -> str:
    """`1,234 tokens / 3 calls`; "" when nothing was counted. Kinds of tokens are added up."""
    amounts = usage.items() if isinstance(usage, Mapping) else ()
    sums: dict[str, float] = {}
    for name, amount in amounts:
        if isinstance(amount, int | float) and amount:
            word = "tokens" if str(name).endswith("tokens") else str(name).replace("_", " ")
            sums[word] = sums.get(word, 0) + amount
    ordered = sorted(sums.items(), key=lambda pair: (pair[0] != "tokens", pair[0] != "calls"))
    return " / ".join(_amount(word, amount) for word, amount in ordered)


def _amount(word: str, amount: float) -> str:
    figure = f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.4g}"
    return f"{figure} {word.removesuffix('s') if amount == 1 else word}"


def _where(session: AgentSession, tasks: Sequence[AgentTask], near: Relatives) -> str:
    if session.origin == SessionOrigin.FORK:
        return f"after {near.left_after}" if near.left_after else f"after event {session.fork_seq}"
    if session.origin not in (SessionOrigin.RETRY, SessionOrigin.RERUN):
        return ""
    names = _first_to_run(tasks)
    more = f" and {len(names) - SHOWN_ENTRIES} more" if len(names) > SHOWN_ENTRIES else ""
    return f"from {', '.join(names[:SHOWN_ENTRIES])}{more}" if names else ""


def _first_to_run(tasks: Sequence[AgentTask]) -> list[str]:
    """The tasks that ran here on nothing but reused inputs."""
    reused = {task.id for task in tasks if task.copied_from}
    return [
        task.name
        for task in tasks
        if not task.copied_from
        and all(edge.depends_on_id in reused for edge in task.dependencies.all())
        and (task.parent_task_id is None or task.parent_task_id in reused)
    ]
