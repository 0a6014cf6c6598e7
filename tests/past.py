"""Sessions with a past: made by the services, worked on by the real decisions and the real store, without a thread."""

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from core.clock import SYSTEM_CLOCK
from core.ids import new_text_id
from sessions.engine.batch import Committed
from sessions.engine.core import decide
from sessions.engine.draft import Moment
from sessions.engine.inputs import AgentFailed, AgentFinished, Claimed, Input, Logged, MessageSent, StartAgent
from sessions.engine.state import Session
from sessions.engine.store.base import WorkerIdentity
from sessions.engine.store.sql import SqlStore
from sessions.events import record_event
from sessions.models import AgentSession, SessionEvent
from sessions.request import SessionRequest, TaskRequest
from sessions.services import create_session
from tests.make import Make
from workspaces.models import Project
from workspaces.selectors import access_of_user


class Past:
    """One project with a member and a scripted agent, and what was done there."""

    def __init__(self, make: Make, project: Project | None = None) -> None:
        self.make = make
        self.project = project or make.project()
        self.user = make.member(self.project.workspace)
        self.access = access_of_user(self.user)
        self.agents = [make.agent(self.project, name=name, max_concurrent_tasks=100) for name in ("Anna", "Ben")]

    def session(self, outputs: Mapping[str, Any] | None = None, *, steps: int = 100, **fields: Any) -> AgentSession:
        """A session of a chain of tasks, by name their outputs (None: the task fails for good), after `steps` steps.

        `fields` are set on its row afterwards.
        """
        outputs = {"first": {"found": 1}, "last": "é\u2028✓"} if outputs is None else outputs
        names = list(outputs)
        tasks = [
            TaskRequest(name, agent=("Anna", "Ben")[n % 2], depends_on=names[n - 1 : n] if n else ())
            for n, name in enumerate(names)
        ]
        made = create_session(access=self.access, project=self.project, request=SessionRequest("Goal", tasks=tasks))
        self._work(made.id, outputs, steps)
        AgentSession.objects.filter(pk=made.pk).update(**fields)
        return AgentSession.objects.get(pk=made.pk)

    def _work(self, session_id: UUID, outputs: Mapping[str, Any], steps: int) -> None:
        store, worker = SqlStore(), WorkerIdentity(str(uuid4()), f"host-{uuid4()}", 1)
        store.register(worker, 60)
        state = next(claim.session for claim in store.claim(worker.id, 100) if claim.session.id == str(session_id))
        inputs: list[Input] = [Claimed()]
        while inputs and steps:
            decision = decide(state, inputs, moment())
            if decision.batch is not None:
                assert store.write_group([decision.batch]) == [Committed()]
            state, steps = decision.session, steps - 1
            starts = [effect for effect in decision.effects if isinstance(effect, StartAgent)]
            inputs = [item for start in starts for item in self._answers(start, outputs, state)]

    def _answers(self, start: StartAgent, outputs: Mapping[str, Any], state: Session) -> list[Input]:
        assert start.task.execution is not None
        key, output = start.task.execution.id, outputs[start.task.name]
        said = MessageSent(key, new_text_id(), None, "NOTIFICATION", "news", {"of": start.task.name})
        if output is None:
            return [AgentFailed(key, "broken", "It broke.", permanent=True)]
        return [Logged(key, "info", "worked", {}), said, AgentFinished(key, output)]


def moment() -> Moment:
    return Moment(now=SYSTEM_CLOCK.now(), rng=Random(1), new_id=new_text_id, grant=lambda want: True)


def append_events(session: AgentSession, count: int, *, at: datetime | None = None) -> AgentSession:
    """More events before a log's end would be a lie: they go behind it, and the row follows. For live sessions."""
    at = at or SYSTEM_CLOCK.now()
    rows, previous = [], session.last_hash
    for seq in range(session.last_seq + 1, session.last_seq + count + 1):
        event = record_event(previous_hash=previous, seq=seq, event_type="log", at=at, data={"text": f"line {seq}"})
        previous = event.hash
        rows.append(
            SessionEvent(session=session, seq=seq, type="log", payload=event.payload, hash=previous, created_at=at)
        )
    SessionEvent.objects.bulk_create(rows, batch_size=None if connection.vendor == "sqlite" else 1000)
    AgentSession.objects.filter(pk=session.pk).update(last_seq=rows[-1].seq, last_hash=previous)
    return AgentSession.objects.get(pk=session.pk)
