"""The stores of the contract, and how each is filled: in memory, and on Django's database."""

import uuid
from datetime import timedelta
from random import Random
from typing import Any

from core.clock import SYSTEM_CLOCK
from sessions.engine.batch import Batch
from sessions.engine.core import decide
from sessions.engine.draft import Moment
from sessions.engine.inputs import (
    Input,
    Tick,
)
from sessions.engine.state import Session
from sessions.engine.store.base import Store, WorkerIdentity
from sessions.engine.store.memory import MemoryStore
from sessions.engine.store.sql import SqlStore
from sessions.models import AgentSession, EngineWorker, SessionCommand, SessionEvent, SlotShare
from sessions.scopes import workspace_scope
from tests.make import Make
from tests.unit.engine import world
from tests.unit.engine.world import agent, new_id


class MemoryBed:
    """The store in memory and how to fill it."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def session(self, *, tasks: int = 1, workspace: str = "a", **fields: Any) -> str:
        worker = agent()
        rows = [world.task(f"task-{n}", agent_id=worker.id) for n in range(tasks)]
        one = world.session(*rows, agents=[worker], workspace_id=workspace, **fields)
        self.store.add(one)
        return one.id

    def ask(self, session_id: str, kind: str) -> int:
        return self.store.ask(session_id, kind)

    def last_seq(self, session_id: str) -> int:
        return self.store.sessions[session_id].last_seq

    def events(self, session_id: str) -> list[str]:
        return [event.type for event in self.store.events.get(session_id, [])]

    def outcome(self, command: int) -> str:
        return self.store.outcomes.get(command, "")

    def limited_scope(self, limit: int) -> str:
        """A workspace of which so many tasks may run at once."""
        scope = workspace_scope(new_id())
        self.store.limits[scope] = limit
        return scope

    def places(self, worker: WorkerIdentity) -> dict[str, int]:
        return {scope: places for scope, places in self.store.shares.get(worker.id, {}).items() if places}

    def expire(self, worker: WorkerIdentity) -> None:
        self.store._workers[worker.id] = SYSTEM_CLOCK.now() - timedelta(seconds=1)


class DatabaseBed:
    """A store on Django's default database."""

    def __init__(self) -> None:
        self.store = SqlStore()
        self.make = Make()
        self.workspaces: dict[str, Any] = {}

    def session(self, *, tasks: int = 1, workspace: str = "a", **fields: Any) -> str:
        if workspace not in self.workspaces:
            self.workspaces[workspace] = self.make.agent(self.make.project())
        return str(self.make.session(tasks=tasks, agent=self.workspaces[workspace], **fields).id)

    def ask(self, session_id: str, kind: str) -> int:
        return SessionCommand.objects.create(session_id=session_id, kind=kind, actor="test").id

    def last_seq(self, session_id: str) -> int:
        return AgentSession.objects.get(id=session_id).last_seq

    def events(self, session_id: str) -> list[str]:
        return list(SessionEvent.objects.filter(session_id=session_id).values_list("type", flat=True))

    def outcome(self, command: int) -> str:
        return SessionCommand.objects.get(id=command).outcome

    def limited_scope(self, limit: int) -> str:
        return workspace_scope(self.make.workspace(max_concurrent_executions=limit).id)

    def places(self, worker: WorkerIdentity) -> dict[str, int]:
        return dict(SlotShare.objects.filter(worker_id=worker.id).values_list("scope", "places"))

    def expire(self, worker: WorkerIdentity) -> None:
        EngineWorker.objects.filter(id=worker.id).update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))


Bed = MemoryBed | DatabaseBed


def worker_in(store: Store) -> WorkerIdentity:
    worker = WorkerIdentity(str(uuid.uuid4()), f"host-{uuid.uuid4()}", 1)
    store.register(worker, 60)
    return worker


def step(session: Session, *inputs: Input) -> Batch:
    moment = Moment(now=SYSTEM_CLOCK.now(), rng=Random(1), new_id=lambda: str(uuid.uuid4()), grant=lambda want: True)
    batch = decide(session, inputs or (Tick(),), moment).batch
    assert batch is not None
    return batch
