"""The first events of a session's log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sessions.clipping import clip_text
from sessions.events import GENESIS_HASH, EventRecord, record_event
from sessions.models import AgentSession, AgentTask, SessionEvent, TaskDependency

EVENT_TEXT_CHARACTERS = 1_000


@dataclass(slots=True)
class FirstEvents:
    """A log under construction: each event follows the one before."""

    session: AgentSession
    at: datetime
    events: list[EventRecord] = field(default_factory=list)

    def write(
        self, event_type: str, data: Mapping[str, Any], *, task: UUID | None = None, agent: UUID | None = None
    ) -> None:
        self.events.append(
            record_event(
                previous_hash=self.events[-1].hash if self.events else GENESIS_HASH,
                seq=len(self.events) + 1,
                event_type=event_type,
                at=self.at,
                data=data,
                task=str(task) if task else None,
                agent=str(agent) if agent else None,
            )
        )

    def write_created(self, tasks: Sequence[AgentTask], edges: Sequence[TaskDependency]) -> None:
        """That the session was made, then each of its tasks."""
        session = self.session
        created = {
            "task_description": session.task_description,
            "execution_mode": session.execution_mode,
            "timeout_seconds": session.timeout_seconds,
            "origin": session.origin,
            "forked_from": str(session.forked_from_id) if session.forked_from_id else None,
            "fork_seq": session.fork_seq,
        }
        self.write("session.created", created)
        after: dict[UUID, list[str]] = {}
        for edge in edges:
            after.setdefault(edge.task_id, []).append(str(edge.depends_on_id))
        for task in tasks:
            self.write("task.created", _task_created(task, after.get(task.id, [])), task=task.id, agent=task.agent_id)

    def finish(self) -> list[SessionEvent]:
        """The rows; the session is told where its log stands."""
        self.session.last_seq, self.session.last_hash = self.events[-1].seq, self.events[-1].hash
        return [_event_row(self.session, event) for event in self.events]


def _task_created(task: AgentTask, depends_on: Sequence[str]) -> dict[str, Any]:
    return {
        "name": task.name,
        "task_type": task.task_type,
        "description": clip_text(task.description, EVENT_TEXT_CHARACTERS),
        "depends_on": list(depends_on),
        "priority": task.priority,
        "required_capabilities": task.required_capabilities,
        "agent": str(task.agent_id) if task.agent_id else None,
        **({"parent": str(task.parent_task_id)} if task.parent_task_id else {}),
    }


def _event_row(session: AgentSession, event: EventRecord) -> SessionEvent:
    return SessionEvent(
        session=session,
        seq=event.seq,
        type=event.type,
        task_id=event.task_id,
        agent_id=event.agent_id,
        payload=event.payload,
        hash=event.hash,
        created_at=event.at,
    )
