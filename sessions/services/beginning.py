"""The first events of a session's log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessions.events import GENESIS_HASH, EventRecord, record_event
from sessions.models import AgentSession, AgentTask
from sessions.models.session import HELD_REASON
from sessions.modes import PlannedTask

EVENT_TEXT_CHARACTERS = 1_000


@dataclass(slots=True)
class _Log:
    """A log under construction: each event follows the one before."""

    at: datetime
    events: list[EventRecord] = field(default_factory=list)

    def write(
        self, event_type: str, data: Mapping[str, Any], task: str | None = None, agent: str | None = None
    ) -> None:
        self.events.append(
            record_event(
                previous_hash=self.events[-1].hash if self.events else GENESIS_HASH,
                seq=len(self.events) + 1,
                event_type=event_type,
                at=self.at,
                data=data,
                task=task,
                agent=agent,
            )
        )


def first_events(
    session: AgentSession,
    tasks: Sequence[PlannedTask],
    rows: Mapping[str, AgentTask],
    now: datetime,
    *,
    held_by: str = "",
) -> list[EventRecord]:
    """That the session was made, then each of its tasks; last, if it is held, by whom. `rows` are by task name."""
    log = _Log(now)
    created = {
        "task_description": session.task_description,
        "execution_mode": session.execution_mode,
        "timeout_seconds": session.timeout_seconds,
    }
    log.write("session.created", created)
    for task in tasks:
        agent = task.agent.id if task.agent else None
        log.write("task.created", _task_created(task, rows), str(rows[task.name].id), agent)
    if held_by:
        log.write("session.paused", {"reason": HELD_REASON, "actor": held_by})
    return log.events


def _task_created(task: PlannedTask, rows: Mapping[str, AgentTask]) -> dict[str, Any]:
    return {
        "name": task.name,
        "task_type": task.task_type,
        "description": _clipped(task.description),
        "depends_on": [str(rows[name].id) for name in task.depends_on],
        "priority": task.priority,
        "required_capabilities": list(task.required_capabilities),
        "agent": task.agent.id if task.agent else None,
    }


def _clipped(text: str) -> str:
    return text if len(text) <= EVENT_TEXT_CHARACTERS else f"{text[: EVENT_TEXT_CHARACTERS - 1]}…"
