"""Sessions that have run, for the tests of what is made from them; and how to look at what was made."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agents.models import Agent
from sessions import services
from sessions.events import GENESIS_HASH, record_event
from sessions.models import AgentExecution, AgentMessage, AgentSession, AgentTask, ExecutionStep, SessionEvent
from sessions.repeating import Fork, Rerun
from sessions.selectors import verify_session

if TYPE_CHECKING:
    from tests.unit.sessions.conftest import World

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Earlier:
    """A session that has run: `statuses` by task name, each task after the one before, `of` its parent."""

    def __init__(self, world: "World", statuses: Mapping[str, str], *, status: str = "FAILED", **fields: Any) -> None:
        self.world, self.make = world, world.make
        known = Agent.objects.filter(project=world.project, name="Worker").first()
        self.agent = known or world.make.agent(world.project, name="Worker")
        self.session = world.make.session(world.project, status=status, **fields)
        self.tasks: dict[str, AgentTask] = {}
        self._seq, self._hash = 0, GENESIS_HASH
        self.log("session.created", {})
        for number, (name, state) in enumerate(statuses.items()):
            before = list(self.tasks.values())[-1:]
            self.tasks[name] = self.task(name, state, ordinal=number, after=before)
        for name, state in statuses.items():
            if state == "COMPLETED":
                self.finish(name)

    def task(self, name: str, status: str, **fields: Any) -> AgentTask:
        done = (
            {"output_data": {"said": name}, "started_at": NOON, "completed_at": NOON} if status == "COMPLETED" else {}
        )
        values = {"agent": self.agent, "assignment": {"by": "name", "asked_for": "Worker", "reason": "x"}, **done}
        task = self.make.task(self.session, name=name, status=status, **{**values, **fields})
        self.log("task.created", {"name": name}, task)
        return task

    def finish(self, name: str, **usage: float) -> None:
        task = self.tasks[name]
        agent = task.agent or self.agent
        usage = usage or {"tokens": 10}
        AgentExecution.objects.create(task=task, agent=agent, attempt=1, state="COMPLETED", usage=usage)
        self.log("task.completed", {"output": task.output_data}, task)

    def log(self, kind: str, data: Mapping[str, Any], task: AgentTask | None = None) -> None:
        self._seq += 1
        at = NOON + timedelta(seconds=self._seq)
        event = record_event(
            previous_hash=self._hash,
            seq=self._seq,
            event_type=kind,
            at=at,
            data=data,
            task=str(task.id) if task else None,
        )
        self._hash = event.hash
        SessionEvent.objects.create(
            session=self.session, seq=self._seq, type=kind, task_id=task.id if task else None, payload=event.payload,
            hash=event.hash, created_at=at,
        )  # fmt: skip
        AgentSession.objects.filter(pk=self.session.pk).update(last_seq=self._seq, last_hash=self._hash)

    def step(self, name: str, key: str, **fields: Any) -> ExecutionStep:
        values = {"kind": "call", "input_hash": "h", "status": "COMPLETED", "result": {"paid": key}, **fields}
        at = {"created_at": NOON, "completed_at": NOON}
        return ExecutionStep.objects.create(task=self.tasks[name], key=key, **{**at, **values})

    def message(self, name: str, to: str | None = None, **fields: Any) -> AgentMessage:
        metadata = {"from_task": str(self.tasks[name].id), "to_task": str(self.tasks[to].id) if to else None}
        return AgentMessage.objects.create(
            workspace=self.session.workspace, session=self.session, from_agent=self.agent, content={"text": name},
            metadata=metadata, delivery_status="DELIVERED", delivered_at=NOON, **fields,
        )  # fmt: skip

    def retry(self, **options: Any) -> AgentSession:
        return services.retry_session(access=self.world.access, session_id=self.session.id, **options).session

    def rerun(self, task: str, **fields: Any) -> AgentSession:
        order = Rerun(task, **fields)
        return services.rerun_session(access=self.world.access, session_id=self.session.id, rerun=order).session

    def fork(self, at: str | int | None = None, **fields: Any) -> AgentSession:
        order = Fork(at, **fields)
        return services.fork_session(access=self.world.access, session_id=self.session.id, fork=order).session


def rows(session: AgentSession) -> dict[str, AgentTask]:
    return {task.name: task for task in session.tasks.all()}


def statuses(session: AgentSession) -> dict[str, str]:
    return {name: task.status for name, task in rows(session).items()}


def log_of(session: AgentSession) -> list[dict[str, Any]]:
    return [json.loads(event.payload) for event in session.events.order_by("seq")]


def check_log(session: AgentSession) -> None:
    """The log is whole, and the rows are what it tells."""
    verdict = verify_session(session.id)
    assert (verdict.problems, verdict.is_compared) == ((), True)


def refusal(error: type[Exception], call: Any) -> Any:
    with pytest.raises(error) as caught:
        call()
    return caught.value
