"""Sessions as values and a host over the memory store: what the engine's tests are made of."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from agents.registry import build_registry
from agents.runtime import NoDocuments
from sessions.engine.agent_host import LocalAgentHost
from sessions.engine.core import decide
from sessions.engine.draft import Decision, Moment
from sessions.engine.host import EngineHost, HostOptions, Refusal
from sessions.engine.inputs import Input, SlotWanted
from sessions.engine.isolation import LocalPlacer, Placer
from sessions.engine.journal import Notice
from sessions.engine.state import Session, Task
from sessions.engine.store.base import WorkerIdentity
from sessions.engine.store.memory import MemoryStore
from sessions.events import GENESIS_HASH
from sessions.routing_policy import AgentInfo

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
_ids = count(1)
AGENTS = (
    "tests.unit.engine.odd_agents",
    "tests.unit.engine.parental_agents",
    "tests.unit.engine.context_agents",
)


def new_id() -> str:
    return f"00000000-0000-7000-8000-{next(_ids):012d}"


def agent(name: str = "worker", definition: str = "scripted", **fields: Any) -> AgentInfo:
    values: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "definition": definition,
        "capabilities": frozenset({definition}),
        "configuration": {},
        "max_concurrent_tasks": 100,
        "weight": 1,
        "is_assignable": True,
        "state": "ACTIVE",
    }
    return AgentInfo(**{**values, **fields})


WORKER = agent()


def task(name: str, *after: Task, **fields: Any) -> Task:
    values: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "task_type": "scripted",
        "ordinal": next(_ids),
        "agent_id": WORKER.id,
        "depends_on": tuple(earlier.id for earlier in after),
    }
    return Task(**{**values, **fields})


def session(*tasks: Task, agents: Sequence[AgentInfo] = (WORKER,), **fields: Any) -> Session:
    values: dict[str, Any] = {
        "id": new_id(),
        "workspace_id": "00000000-0000-7000-8000-00000000aaaa",
        "project_id": "00000000-0000-7000-8000-00000000bbbb",
        "token": 0,
        "goal": "Do it",
        "context": {},
        "execution_mode": "dag",
        "status": "PENDING",
        "tasks": {one.id: one for one in tasks},
        "roster": {one.id: one for one in agents},
        "last_seq": 0,
        "last_hash": GENESIS_HASH,
        "max_concurrent_tasks": 1000,
    }
    return Session(**{**values, **fields})


def child_of(parent: Session, step_id: str, request: Mapping[str, Any]) -> Session:
    """The session a step asks for: of its `tasks`, or one that does nothing."""
    specs = request.get("tasks") or [{"name": "only"}]
    tasks = [task(spec["name"], input_data=spec.get("input_data", {})) for spec in specs]
    return session(
        *tasks,
        id=step_id,
        goal=request["goal"],
        parent_session_id=parent.id,
        parent_step=step_id,
        depth=parent.depth + 1,
    )


@dataclass
class Script:
    """Drives `decide` by hand at a clock of its own."""

    session: Session
    now: datetime = NOON
    grant: Callable[[SlotWanted], bool] = lambda want: True
    decisions: list[Decision] = field(default_factory=list)

    def moment(self, **fields: Any) -> Moment:
        return Moment(now=self.now, rng=Random(1), new_id=new_id, grant=self.grant, **fields)

    def feed(self, *inputs: Input) -> Decision:
        decision = decide(self.session, inputs, self.moment())
        self.session = decision.session
        self.decisions.append(decision)
        return decision

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def task(self, name: str) -> Task:
        return next(one for one in self.session.tasks.values() if one.name == name)

    def execution(self, name: str) -> str:
        execution = self.task(name).execution
        assert execution is not None, f"{name} is not running"
        return execution.id

    @property
    def statuses(self) -> dict[str, str]:
        return {one.name: str(one.status) for one in self.session.tasks.values()}

    @property
    def events(self) -> list[str]:
        return [event.type for decision in self.decisions if decision.batch for event in decision.batch.events]


class QuietPublisher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.tokens: list[str] = []

    def publish(self, notices: Sequence[Notice]) -> None:
        self.notices.extend(notices)

    def publish_token(self, session_id: str, frame: str) -> None:
        self.tokens.append(frame)


class HostWorld:
    """A host over the memory store with scripted agents, in threads as in production."""

    def __init__(
        self,
        *,
        store: MemoryStore | None = None,
        make_placer: Callable[[], Placer] | None = None,
        new_id: Callable[[], str] = new_id,
        **options: Any,
    ) -> None:
        self.store = store or MemoryStore()
        self.given_up = threading.Event()
        self.make_placer = make_placer or (lambda: LocalPlacer(2, modules=list(AGENTS), folder=Path.cwd()))
        self.publisher = QuietPublisher()
        self.host = EngineHost(
            self.store,
            self.publisher,
            self.agents,
            identify=lambda: WorkerIdentity(new_id(), "here", 1),
            new_id=new_id,
            options=HostOptions(**options),
            give_up=lambda: self.given_up.set(),
            make_child=self.make_child,
            ring=lambda session_id: self.host.poke(session_id),
        )

    def make_child(self, parent_id: str, step_id: str, request: Mapping[str, Any]) -> Refusal | None:
        """As `sessions.birth.make_child`, of what the tests ask for."""
        if request["goal"] == "impossible":
            return Refusal("invalid_session", "goal: this is impossible")
        if step_id not in self.store.sessions:
            self.submit(child_of(self.store.sessions[parent_id], step_id, request))
        return None

    def agents(self) -> LocalAgentHost:
        return LocalAgentHost(
            registry=build_registry(list(AGENTS)),
            documents_of=lambda session: NoDocuments(),
            emit_frame=self.publisher.publish_token,
            new_id=new_id,
            modules=AGENTS,
            placer=self.make_placer(),
        )

    def __enter__(self) -> "HostWorld":
        self.host.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.host.stop(grace_seconds=0)

    def submit(self, one: Session) -> str:
        self.store.add(one)
        self.host.poke()
        return one.id

    def ask(self, session_id: str, kind: str) -> int:
        command = self.store.ask(session_id, kind)
        self.host.poke(session_id)
        return command

    def until(self, session_id: str, condition: Callable[[Session], Any], seconds: float = 60) -> Session:
        """The session once the condition holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            current = self.store.sessions[session_id]
            if condition(current):
                return current
            time.sleep(0.005)
        raise AssertionError(f"not within {seconds} s: {self.store.sessions[session_id]}")

    def finish(self, session_id: str, seconds: float = 60) -> Session:
        return self.until(session_id, lambda current: current.is_finished, seconds)


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


__all__ = ["NOON", "WORKER", "HostWorld", "QuietPublisher", "Script"]
__all__ += ["agent", "child_of", "new_id", "replace", "session", "task"]
