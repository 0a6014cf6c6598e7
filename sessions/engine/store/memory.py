"""The store in memory: the same contract without a database, for the simulation and for tests of the engine."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from msgspec.structs import replace

from core.clock import SYSTEM_CLOCK, Clock
from sessions.engine.batch import (
    Batch,
    Committed,
    ExecutionWrite,
    Outcome,
    PlacementWrite,
    Refused,
    Rejected,
    StepWrite,
)
from sessions.engine.inputs import CommandRead, SlotWanted
from sessions.engine.sharing import ScopeView, Shares, SlotAsk, share_out
from sessions.engine.state import Execution, Message, Session, Step, Task
from sessions.engine.store.base import Claim, WorkerIdentity
from sessions.events import EventRecord
from sessions.routing_policy import AgentInfo
from sessions.scopes import agent_scope
from sessions.states import SessionStatus


@dataclass(slots=True)
class _Lease:
    owner: str | None = None
    token: int = 0


@dataclass(slots=True)
class MemoryStore:
    """Its dictionaries may be read by tests; `reject` plants a data error.

    `limits` are those of scopes; what an agent of a session may do at once needs no entry there. `shares` are the
    places by worker and scope.
    """

    clock: Clock = SYSTEM_CLOCK
    is_exclusive: bool = False
    reject: Callable[[Batch], str | None] = lambda batch: None
    sessions: dict[str, Session] = field(default_factory=dict)
    events: dict[str, list[EventRecord]] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    history: list[tuple[str, str | None, str]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    placements: dict[str, PlacementWrite] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    shares: dict[str, dict[str, int]] = field(default_factory=dict)
    _requests: dict[str, tuple[SlotWanted, ...]] = field(default_factory=dict)
    _leases: dict[str, _Lease] = field(default_factory=dict)
    _workers: dict[str, datetime] = field(default_factory=dict)
    _inbox: dict[int, tuple[str, CommandRead]] = field(default_factory=dict)
    _created: dict[str, int] = field(default_factory=dict)
    _dedupe: set[tuple[str, str]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _commits: int = 0

    def add(self, session: Session) -> None:
        """A session as a service leaves it: pending, unowned."""
        self.sessions[session.id] = session
        self._leases[session.id] = _Lease(token=session.token)
        self._created[session.id] = len(self._created)
        self._commits += 1

    def ask(self, session_id: str, kind: str, payload: Mapping[str, Any] | None = None, actor: str = "test") -> int:
        """Put a command into a session's inbox; its id."""
        self._commits += 1
        return self._insert(session_id, kind, payload or {}, actor)

    def _insert(self, session_id: str, kind: str, payload: Mapping[str, Any], actor: str) -> int:
        command_id = len(self._inbox) + len(self.outcomes) + 1
        self._inbox[command_id] = (session_id, CommandRead(command_id, kind, payload, actor))
        return command_id

    def register(self, worker: WorkerIdentity, lease_seconds: float) -> None:
        self._workers[worker.id] = self.clock.now() + timedelta(seconds=lease_seconds)

    def expire_dead(self, worker: WorkerIdentity) -> int:
        """All workers of a store in memory live in one process."""
        return 0

    def renew(self, worker_id: str, lease_seconds: float) -> bool:
        with self._lock:
            if not self._holds(worker_id):
                return False
            self._workers[worker_id] = self.clock.now() + timedelta(seconds=lease_seconds)
            return True

    def retire(self, worker_id: str) -> None:
        with self._lock:
            for known in (self._workers, self.shares, self._requests):
                known.pop(worker_id, None)
            for lease in self._leases.values():
                lease.owner = None if lease.owner == worker_id else lease.owner

    def take_slots(self, worker_id: str, ask: SlotAsk) -> Shares:
        with self._lock:
            live = self.live_workers()
            if worker_id not in live:
                return Shares(waiting=tuple(ask.wants), worker_count=len(live) + 1)
            others = self._requests_of_others(worker_id, ask.scopes)
            concerned = {*ask.scopes, *(scope for want in others for scope in want.scopes)}
            views = self._views(worker_id, concerned, others)
            shares = share_out(ask, views, others=others, worker_count=len(live), now=self.clock.now())
            own = self.shares.setdefault(worker_id, {})
            for scope, places in shares.places.items():
                own[scope] = places or 0
            self._requests[worker_id] = shares.waiting if len(live) > 1 else ()
            return shares

    def look_at_slots(self, worker_id: str, scopes: Sequence[str]) -> Mapping[str, ScopeView]:
        with self._lock:
            return self._views(worker_id, scopes, self._requests_of_others(worker_id, scopes))

    def _views(self, me: str, scopes: Iterable[str], others: Sequence[SlotWanted]) -> dict[str, ScopeView]:
        elsewhere = [self.shares.get(worker, {}) for worker in self.live_workers() if worker != me]
        wanted = {scope for want in others for scope in want.scopes}
        return {
            scope: ScopeView(self._limit(scope), sum(held.get(scope, 0) for held in elsewhere), scope in wanted)
            for scope in scopes
        }

    def _requests_of_others(self, me: str, scopes: Sequence[str]) -> list[SlotWanted]:
        theirs = [want for worker in self.live_workers() if worker != me for want in self._requests.get(worker, ())]
        return [want for want in theirs if not set(scopes).isdisjoint(want.scopes)]

    def _limit(self, scope: str) -> int | None:
        if scope in self.limits or not scope.startswith("agent:"):
            return self.limits.get(scope)
        agents = (agent for session in self.sessions.values() for agent in session.roster.values())
        return next((agent.max_concurrent_tasks for agent in agents if agent_scope(agent.id) == scope), None)

    def live_workers(self) -> list[str]:
        """Those whose lease has not run out."""
        return [worker for worker, expires_at in self._workers.items() if expires_at > self.clock.now()]

    def _holds(self, worker_id: str | None) -> bool:
        return worker_id is not None and self._workers.get(worker_id, self.clock.now()) > self.clock.now()

    def claim(self, worker_id: str, limit: int, by_age: bool = False) -> list[Claim]:
        with self._lock:
            if not self._holds(worker_id):
                return []
            turns: Counter[str] = Counter(
                session.workspace_id
                for session in self.sessions.values()
                if not session.is_finished and self._leases[session.id].owner
            )
            found = [session for session in self.sessions.values() if self._is_runnable(session)]
            found.sort(key=lambda session: (0 if by_age else -session.priority, self._created[session.id]))
            ranked = []
            for session in found:
                turns[session.workspace_id] += 1
                ranked.append((0 if by_age else -session.priority, turns[session.workspace_id], session))
            ranked.sort(key=lambda entry: entry[:2])
            return [self._take(session, worker_id) for _, _, session in ranked[: max(limit, 0)]]

    def _is_runnable(self, session: Session) -> bool:
        if session.is_finished or self._holds(self._leases[session.id].owner):
            return False
        awake = session.wake_at <= self.clock.now() if session.wake_at else session.status != SessionStatus.WAITING
        asked = any(session_id == session.id for session_id, _ in self._inbox.values())
        return (awake and session.status != SessionStatus.PAUSED) or asked

    def _take(self, session: Session, worker_id: str) -> Claim:
        lease = self._leases[session.id]
        was_let_go = lease.owner is None
        lease.owner, lease.token = worker_id, lease.token + 1
        self.sessions[session.id] = session = replace(
            session, token=lease.token, children=self._children_of(session.id)
        )
        return Claim(session, self._commands_of(session.id), was_let_go)

    def _children_of(self, session_id: str) -> frozenset[str]:
        family = [one for one in self.sessions.values() if one.parent_session_id == session_id]
        return frozenset(one.id for one in family if not one.is_finished)

    def _commands_of(self, session_id: str) -> tuple[CommandRead, ...]:
        return tuple(command for owner, command in self._inbox.values() if owner == session_id)

    def commands(self, session_ids: Sequence[str]) -> Mapping[str, tuple[CommandRead, ...]]:
        with self._lock:
            found = {session_id: self._commands_of(session_id) for session_id in session_ids}
            return {session_id: commands for session_id, commands in found.items() if commands}

    def inbox(self, worker_id: str) -> Mapping[str, tuple[CommandRead, ...]]:
        return self.commands([key for key, lease in self._leases.items() if lease.owner == worker_id])

    def reject_stale_commands(self) -> int:
        with self._lock:
            stale = [key for key, (owner, _) in self._inbox.items() if self.sessions[owner].is_finished]
            for key in stale:
                del self._inbox[key]
                self.outcomes[key] = "rejected: the session is finished"
            return len(stale)

    def release_orphans(self, worker_id: str, running: Sequence[str]) -> int:
        with self._lock:
            mine = [key for key, lease in self._leases.items() if lease.owner == worker_id and key not in running]
            for key in mine:
                self._leases[key].owner = None
            return len(mine)

    def note_failure(self, worker_id: str, session_id: str, reason: str) -> None:
        with self._lock:
            lease, session = self._leases[session_id], self.sessions[session_id]
            if lease.owner == worker_id and not session.is_finished:
                lease.owner = None
                failures = session.engine_failures + 1
                self.sessions[session_id] = replace(session, engine_failures=failures, error_message=reason)

    def roster(self, project_id: str) -> Mapping[str, AgentInfo]:
        return next((s.roster for s in self.sessions.values() if s.project_id == project_id), {})

    def positions(self, session_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        return {i: (self._leases[i].token, self.sessions[i].last_seq) for i in session_ids if i in self.sessions}

    def changes(self) -> Any:
        return self._commits

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        with self._lock:
            return [self._apply(batch) for batch in batches]

    def _apply(self, batch: Batch) -> Outcome:
        lease, current = self._leases[batch.session_id], self.sessions[batch.session_id]
        if lease.token != batch.session.token or current.last_seq != batch.base_seq:
            return Refused()
        reason = self.reject(batch) or self._stale(batch, current.tasks)
        if reason:
            return Rejected(reason)
        self.sessions[batch.session_id] = batch.session
        self.events.setdefault(batch.session_id, []).extend(batch.events)
        for write in batch.executions:
            self.executions[write.execution.id] = write.execution
        self.history.extend((h.execution_id, h.previous, h.new) for h in batch.history)
        self.messages.extend(batch.messages)
        self.placements.update({write.execution_id: write for write in batch.placements})
        self.steps.update({write.step.id: write.step for write in batch.steps})
        for request in batch.requests:
            if request.session_id in self.sessions and (request.session_id, request.dedupe_key) not in self._dedupe:
                self._dedupe.add((request.session_id, request.dedupe_key))
                self._insert(request.session_id, request.kind, request.payload, request.actor)
        for command in batch.commands:
            self._inbox.pop(command.command_id, None)
            self.outcomes[command.command_id] = command.outcome
        if batch.releases:
            lease.owner = None
        return Committed()

    def _stale(self, batch: Batch, tasks: Mapping[str, Task]) -> str | None:
        for write in batch.tasks:
            known = tasks.get(write.task.id)
            if (known.status if known else None) != write.previous:
                return f"task {write.task.name} was not in the expected state"
        reasons = [self._stale_execution(write) for write in batch.executions]
        reasons += [self._stale_step(write) for write in batch.steps]
        return next((reason for reason in reasons if reason), None)

    def _stale_execution(self, write: ExecutionWrite) -> str | None:
        known = self.executions.get(write.execution.id)
        if (known.state if known else None) != write.previous:
            return f"execution {write.execution.id} was not in the expected state"
        return None

    def _stale_step(self, write: StepWrite) -> str | None:
        known = self.steps.get(write.step.id)
        if (known.status if known else None) != write.previous:
            return f"step {write.step.key} was not in the expected state"
        return None
