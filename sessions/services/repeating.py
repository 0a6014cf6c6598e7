"""Sessions made from earlier ones: retry, re-run, fork. The earlier session is never changed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from core.canonical import canonical_json
from sessions.agent_pool import AgentPool
from sessions.dispatch import ring_session
from sessions.errors import CommandRefused
from sessions.lineage import Share, allowed_on, share_of_fork, share_of_rerun, share_of_retry
from sessions.models import AgentSession, AgentTask
from sessions.modes import goal_of_plan
from sessions.problems import Problems, listed, near
from sessions.repeating import Fork, Rerun, check_rerun
from sessions.request import SessionRequest
from sessions.request_rules import check_idempotency_key, check_request
from sessions.selectors.past import Past, PointInLog, past_of, point_in_log, seq_of_finish
from sessions.selectors.reading import session_for, task_for
from sessions.selectors.requesting import agent_pool, session_of_key
from sessions.services.checking import check_configuration, check_documents
from sessions.services.copying import CopyOrder, Renewal, insert_copy, prepare_copy
from sessions.services.creating import Submission, check_enabled, context_of, replay
from sessions.services.renewing import agents_named, renewed, renewed_for
from sessions.states import SessionOrigin, TaskStatus
from workspaces.access import Access
from workspaces.states import Role

CONFIGURATION = "agent_configuration"


def retry_session(*, access: Access, session_id: UUID, idempotency_key: str | None = None) -> Submission:
    """A new session that goes on where a failed or cancelled one stopped; what is finished is not done again.

    Raises: SessionNotFound; Forbidden below MEMBER; AgentsDisabled; IdempotencyConflict; CommandRefused for a session
    that is live or went well; InvalidSession when an agent or a document it needs is gone.
    """
    call = _Call(access, SessionOrigin.RETRY, session_id, idempotency_key, {})

    def order(past: Past, problems: Problems) -> CopyOrder:
        return _order(call, past, share_of_retry(past.values()), problems, past.session.last_seq)

    return call.answer(Problems(), order)


def rerun_session(*, access: Access, session_id: UUID, rerun: Rerun, idempotency_key: str | None = None) -> Submission:
    """A new session in which one task, with other inputs if wanted, and all that builds on it run again.

    Raises: as `retry_session`; CommandRefused for a session that is live; InvalidSession for what `rerun` asks in vain.
    """
    asked = {name: getattr(rerun, name) for name in ("task", "input_data", "description", "agent", "reuse_steps")}
    call = _Call(access, SessionOrigin.RERUN, session_id, idempotency_key, {**asked, "set": rerun.configuration})

    def order(past: Past, problems: Problems) -> CopyOrder | None:
        task = _task_named(past, rerun.task, "task", problems)
        if task is None:
            return None
        share = share_of_rerun(past.values(), str(task.id), reuse_steps=rerun.reuse_steps)
        if str(task.id) in share.left_out:
            _refuse_joined(past, task, problems)
            return None
        return _order(call, past, share, problems, past.session.last_seq, rerun=(task, rerun))

    return call.answer(check_rerun(rerun), order)


def fork_session(*, access: Access, session_id: UUID, fork: Fork, idempotency_key: str | None = None) -> Submission:
    """A new session that leaves an earlier one, finished or not, at a point of its log.

    Raises: as `retry_session`, but for no state of the session.
    """
    asked = {"at": fork.at, "task_description": fork.task_description, "context": fork.context}
    call = _Call(access, SessionOrigin.FORK, session_id, idempotency_key, asked)

    def order(past: Past, problems: Problems) -> CopyOrder | None:
        point = _point(past, fork.at, problems)
        if point is None:
            return None
        share = share_of_fork(past.values(point), created=point.created, done=point.done)
        made = _order(call, past, share, problems, point.seq, fork=fork)
        return replace(made, until=point.at)

    return call.answer(Problems(fork.problems), order)


def retry_task(*, access: Access, task_id: UUID, idempotency_key: str | None = None) -> Submission:
    """The session of a task that failed, was cancelled or was skipped goes on in a new one (see `retry_session`).

    Raises: TaskNotFound; CommandRefused for a task that went well; and as `retry_session`.
    """
    task = task_for(access, task_id)
    access.require(task.session.workspace_id, Role.MEMBER)
    if task.status == TaskStatus.COMPLETED:
        raise CommandRefused(
            "The task went well; to have it done again, re-run its session from it.",
            details={"status": task.status, "allowed": [str(SessionOrigin.RERUN), str(SessionOrigin.FORK)]},
        )
    return retry_session(access=access, session_id=task.session_id, idempotency_key=idempotency_key)


@dataclass(frozen=True, slots=True)
class _Call:
    """Who asks for what; `asked` tells one request from another under the same idempotency key."""

    access: Access
    origin: SessionOrigin
    session_id: UUID
    idempotency_key: str | None
    asked: Mapping[str, Any]

    def answer(self, problems: Problems, order: Callable[[Past, Problems], CopyOrder | None]) -> Submission:
        """Check all, then write in one transaction and ring."""
        session = session_for(self.access, self.session_id)
        self.access.require(session.workspace_id, Role.MEMBER)
        if self.idempotency_key is not None:
            check_idempotency_key(self.idempotency_key, problems)
        digest = "" if problems.by_path else self._digest()
        if self.idempotency_key and digest:
            earlier = session_of_key(session.workspace_id, self.idempotency_key)
            if earlier is not None:
                return replay(earlier, digest)
        check_enabled()
        self._check_state(session)
        found = None if problems.by_path else order(past_of(session), problems)
        problems.raise_if_any()
        if found is None:
            raise LookupError("an order that is refused says why")
        return self._insert(replace(found, digest=digest, idempotency_key=self.idempotency_key or None))

    def _digest(self) -> str:
        return hashlib.sha256(canonical_json([self.origin, str(self.session_id), self.asked]).encode()).hexdigest()

    def _check_state(self, session: AgentSession) -> None:
        allowed = allowed_on(session.status)
        if self.origin not in allowed:
            verb = {SessionOrigin.RETRY: "retried", SessionOrigin.RERUN: "re-run"}[self.origin]
            why = "only a failed or cancelled session" if self.origin == SessionOrigin.RETRY else "only a finished one"
            raise CommandRefused(
                f"The session is {session.status}; {why} can be {verb}. Possible now: {listed(allowed)}.",
                details={"status": session.status, "allowed": [str(way) for way in allowed]},
            )

    def _insert(self, order: CopyOrder) -> Submission:
        copy = prepare_copy(self.access, order)
        session_for(self.access, self.session_id)  # the retention may have begun to delete what was just read
        try:
            with transaction.atomic():
                insert_copy(self.access, copy)
                transaction.on_commit(lambda: ring_session(copy.session.id))
        except IntegrityError:
            # Two requests with one key came at the same time: the other one was first.
            key = order.idempotency_key
            earlier = session_of_key(order.past.session.workspace_id, key) if key else None
            if earlier is None:
                raise
            return replay(earlier, order.digest)
        return Submission(copy.session, is_replay=False)


def _order(
    call: _Call,
    past: Past,
    share: Share,
    problems: Problems,
    seq: int,
    *,
    rerun: tuple[AgentTask, Rerun] | None = None,
    fork: Fork | None = None,
) -> CopyOrder:
    """Everything the new session needs is looked for now; what is missing is added to `problems`."""
    again = [task for task in past.tasks if str(task.id) in share.again]
    words = [rerun[1].agent] if rerun and rerun[1].agent else []
    pool = agent_pool(past.session.project_id, [*words, *agents_named(again)])
    request = _request(past.session, fork)
    problems.extend(check_request(request))
    check_documents(request, past.session.project_id, problems)
    chosen = {rerun[0].id: _chosen(rerun[0], rerun[1], pool, problems)} if rerun else {}
    renewals = {task.id: chosen.get(task.id) or renewed(task, pool, problems) for task in again}
    if fork is not None:
        renewals = {task.id: _with_goal(past, task, renewals[task.id], request) for task in again}
    if rerun is not None:
        request = _configured(request, rerun[1], pool, problems)
    goal, context = request.task_description, context_of(request)
    return CopyOrder(call.origin, past, share, seq, goal, context, renewals)


def _request(session: AgentSession, fork: Fork | None) -> SessionRequest:
    """The goal and the context of the new session, as if they had been asked for anew."""
    old = {name: value for name, value in session.context.items() if name != CONFIGURATION}
    goal = session.task_description if fork is None or fork.task_description is None else fork.task_description
    context = old if fork is None or fork.context is None else fork.context
    return SessionRequest(goal, context=context, agent_configuration=session.context.get(CONFIGURATION) or {})


def _chosen(task: AgentTask, rerun: Rerun, pool: AgentPool, problems: Problems) -> Renewal:
    """The task from which the session runs again, with what is to be different."""
    kept = renewed_for(task, rerun.agent, pool, problems) if rerun.agent else renewed(task, pool, problems)
    if rerun.input_data is not None:
        kept = replace(kept, input_data=rerun.input_data)
    return kept if rerun.description is None else replace(kept, description=rerun.description)


def _with_goal(past: Past, task: AgentTask, renewal: Renewal, request: SessionRequest) -> Renewal:
    """Another goal reaches the tasks that were given the old one."""
    if past.is_plan(task):
        return replace(renewal, input_data=goal_of_plan(request))
    if task.description == past.session.task_description:
        return replace(renewal, description=request.task_description)
    return renewal


def _configured(request: SessionRequest, rerun: Rerun, pool: AgentPool, problems: Problems) -> SessionRequest:
    """With settings for the agent of the chosen task, over those the session had for it."""
    agent = pool.find(rerun.agent or "")
    if not rerun.configuration or agent is None:
        return request
    wanted = Problems()
    check_configuration(replace(request, agent_configuration={agent.id: rerun.configuration}), pool, wanted)
    for sentences in wanted.by_path.values():
        for sentence in sentences:
            problems.add("configuration", sentence)
    before = request.agent_configuration.get(agent.id) or {}
    settings = {**request.agent_configuration, agent.id: {**before, **rerun.configuration}}
    return replace(request, agent_configuration=settings)


def _task_named(past: Past, word: str, path: str, problems: Problems) -> AgentTask | None:
    task = past.named(word)
    if task is None:
        names = [task.name for task in past.tasks]
        problems.add(path, f'The session has no task "{word[:60]}". {near(word, names)}Its tasks are {listed(names)}.')
    return task


def _refuse_joined(past: Past, task: AgentTask, problems: Problems) -> None:
    parent = past.named(str(task.parent_task_id))
    name = parent.name if parent else "its parent"
    problems.add("task", f"{task.name} was spawned by {name}, which waited for its output; run again from {name}.")


def _point(past: Past, at: str | int | None, problems: Problems) -> PointInLog | None:
    """The point of the log that a caller means."""
    seq = past.session.last_seq if at is None else at
    if isinstance(seq, str):
        task = _task_named(past, seq, "at", problems)
        found = seq_of_finish(past.session.id, task.id) if task else None
        if task is not None and found is None:
            done = [task.name for task in past.tasks if task.status == TaskStatus.COMPLETED]
            problems.add("at", f"{task.name} is {task.status}; a fork leaves after a finished task: {listed(done)}.")
        if found is None:
            return None
        seq = found
    point = point_in_log(past.session.id, seq) if 1 <= seq <= past.session.last_seq else None
    if point is None:
        problems.add("at", f"The log has no event {seq}; it has the events 1 to {past.session.last_seq}.")
    return point
