"""Child sessions: how one comes to be, how its end comes back, and what of the parent's fate goes down to it.

A child's id is the id of the step that asked for it. So a parent can speak to a child of which it does not yet know
whether it was made, and a child cannot be made twice.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from sessions import limits
from sessions.engine import steps
from sessions.engine.batch import CommandRequest
from sessions.engine.draft import Draft
from sessions.engine.gate import MAX_OUTPUT_BYTES, clip_json
from sessions.engine.inputs import ChildRefused, ChildStarted, CommandRead, Reply, StartChild, StepOpened
from sessions.engine.state import Session, Step, Task
from sessions.states import CommandKind, SessionStatus, StepKind, StepStatus

BY_PARENT = "parent"
"""The pause reason of a session that was paused with its parent."""
_LARGEST_RESULT = MAX_OUTPUT_BYTES // 2


def open_child(draft: Draft, item: StepOpened) -> None:
    """Keep that a child session is wanted; it is made when that is committed."""
    task = draft.task_of(item.execution_id)
    if task is None:
        return
    if draft.session.depth >= limits.MAX_DEPTH:
        text = (
            f"this session is itself a child {draft.session.depth} generations down, and {limits.MAX_DEPTH} are "
            "allowed; does it start a session like itself?"
        )
        steps.refuse(draft, item, "too_deep", text)
        return
    known = steps.known_step(task, item.key, item.input_hash)
    step = known or steps.begin_step(draft, task, item)
    if step is None:
        return
    goes_on = is_detached(step) and known is None
    if not goes_on:
        draft.effects.append(Reply(item.execution_id, item.reply, value=step))
    if known is None:
        _drop_earlier(draft, draft.tasks[task.id], step)
        reply = (item.execution_id, item.reply) if goes_on else ("", "")
        draft.effects.append(StartChild(step.id, step.request, *reply))


def is_detached(step: Step) -> bool:
    """Whether the agent goes on as soon as the child is there."""
    return not step.request.get("wait", True)


def _drop_earlier(draft: Draft, task: Task, step: Step) -> None:
    """What an earlier attempt asked for under the same key, in other words, is wanted no more."""
    for other in task.steps:
        if other.key == step.key and other.id != step.id and _is_open(other) and not is_detached(other):
            _abandon(draft, task, other)


def adopt_children(draft: Draft) -> None:
    """After a takeover nobody knows which children were made: those of whom nothing is known, and whose end is not
    known either, are asked for again."""
    for task in draft.tasks.values():
        draft.effects.extend(StartChild(step.id, step.request) for step in _unconfirmed(draft, task))


def has_unconfirmed(draft: Draft) -> bool:
    """Whether a child is being made; the session is not let go of meanwhile."""
    return any(is_unconfirmed(draft, task) for task in draft.tasks.values() if task.steps)


def is_unconfirmed(draft: Draft, task: Task) -> bool:
    return bool(_unconfirmed(draft, task))


def _unconfirmed(draft: Draft, task: Task) -> list[Step]:
    if not task.is_live:
        return []
    return [step for step in task.steps if _is_open(step) and step.id not in draft.session.children]


def _is_open(step: Step) -> bool:
    return step.kind == StepKind.SESSION and step.status == StepStatus.WAITING


def child_started(draft: Draft, item: ChildStarted) -> None:
    """The child is there; a detached one is all its agent waited for."""
    task, step = _open_step(draft, item.step_id)
    if task is None or step is None or step.id in draft.session.children:
        return
    draft.change(children=draft.session.children | {step.id})
    data = {"session": step.id, "key": step.key, "goal": clip_json(step.request.get("goal"), 2048)}
    draft.emit("session.child_started", data, task)
    if draft.session.is_paused:
        _tell(draft, step.id, CommandKind.PAUSE)
    if is_detached(step):
        _answer(draft, task, replace(step, result=step.id), item)


def child_refused(draft: Draft, item: ChildRefused) -> None:
    """The agent gets an error that says why."""
    task, step = _open_step(draft, item.step_id)
    if task is not None and step is not None:
        _answer(draft, task, replace(step, error_code=item.code[:50], error_message=item.message), item)


def _open_step(draft: Draft, step_id: str) -> tuple[Task | None, Step | None]:
    for task in draft.tasks.values():
        for step in task.steps:
            if step.id == step_id:
                return (task, step) if _is_open(step) and task.is_live else (None, None)
    return None, None


def _answer(draft: Draft, task: Task, step: Step, item: ChildStarted | ChildRefused) -> None:
    """At once to an agent that waits for the reply, else when it runs again."""
    task = steps.put_answer(draft, task, step)
    running = draft.task_of(item.execution_id) if item.reply else None
    if running is not None:
        steps.take_answers(draft, task, step.id)
        answered = replace(step, status=StepStatus.COMPLETED)
        reply = Reply(item.execution_id, item.reply, answered, step.error_code, step.error_message)
        draft.effects.append(reply)


def take_answer(draft: Draft, item: CommandRead) -> str:
    """What a step waited for is there; a child that nobody waits for any more is only counted."""
    child = item.payload.get("child")
    if child:
        draft.change(children=draft.session.children - {child})
    outcome = steps.answer_step(draft, item)
    if child and outcome != "applied":
        return _count(draft, item.payload.get("usage") or {})
    return outcome


def _count(draft: Draft, usage: Mapping[str, float]) -> str:
    if usage:
        draft.change(usage=steps.sum_usage(draft.session.usage, usage))
        draft.emit("usage", dict(usage))
    return "applied: nobody waits for it; its usage was counted"


def follow_up(draft: Draft) -> None:
    """What the decision means for the session's parent and for its children."""
    if draft.is_takeover:
        adopt_children(draft)
    for task in draft.changed_tasks:
        if task.steps and not task.is_live:
            _let_go(draft, task)
    before, after = draft.before, draft.session
    if after.is_finished and not before.is_finished:
        if after.parent_session_id and after.parent_step:
            draft.requests.append(_report(after))
        if after.status != SessionStatus.COMPLETED:
            _tell_all(draft, CommandKind.CANCEL)
    elif after.is_paused != before.is_paused:
        _tell_all(draft, CommandKind.PAUSE if after.is_paused else CommandKind.RESUME)


def _let_go(draft: Draft, task: Task) -> None:
    for step in task.steps:
        if _is_open(step):
            task = _abandon(draft, task, step)


def _abandon(draft: Draft, task: Task, step: Step) -> Task:
    """Nobody waits for the child any more; when it was not made yet it is not made now (the step says so)."""
    _tell(draft, step.id, CommandKind.CANCEL)
    closed = replace(step, status=StepStatus.COMPLETED, error_code="abandoned", completed_at=draft.now)
    return draft.put_step(task, closed)


def _tell_all(draft: Draft, kind: CommandKind) -> None:
    for child in sorted(draft.session.children):
        _tell(draft, child, kind)


def _tell(draft: Draft, child: str, kind: CommandKind) -> None:
    """A cancel counts once, like everybody's; a pause once for each pause of the parent."""
    session = draft.session
    paused_at = session.paused_at or draft.before.paused_at
    key = str(kind)
    if kind != CommandKind.CANCEL and paused_at is not None:
        key = f"{kind} {session.id} {paused_at.timestamp():.6f}"
    payload = {"reason": BY_PARENT, "by_parent": True}
    draft.requests.append(CommandRequest(child, kind, payload, f"session {session.id}", key))


def _report(session: Session) -> CommandRequest:
    payload: dict[str, Any] = {"step": session.parent_step, "child": session.id, "usage": dict(session.usage)}
    payload["result"] = {
        "session_id": session.id,
        "status": session.status,
        "result": clip_json(session.result, _LARGEST_RESULT),
    }
    if session.status != SessionStatus.COMPLETED:
        word = "cancelled" if session.status == SessionStatus.CANCELLED else "failed"
        payload["code"] = f"child_{word}"
        payload["message"] = f"The child session {session.id} {word}: {session.error_message}"
    dedupe_key = f"child {session.id}"
    return CommandRequest(
        session.parent_session_id or "", CommandKind.ANSWER, payload, f"session {session.id}", dedupe_key
    )
