"""What happens next in a session: `decide`, a pure function of the state and of what has just happened."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from sessions.engine import attempts, children, ending, placing, scheduling, spawning, steps
from sessions.engine.batch import CommandOutcome
from sessions.engine.draft import Decision, Draft, Moment
from sessions.engine.gate import MAX_EVENTS_PER_EXECUTION
from sessions.engine.inputs import (
    AgentFailed,
    AgentFinished,
    AgentLost,
    AgentParked,
    CancelAgent,
    ChildRefused,
    ChildStarted,
    Claimed,
    CommandRead,
    DetachAgent,
    HandOver,
    Input,
    Logged,
    MessageSent,
    ParkAgent,
    Progressed,
    RosterRead,
    StepClosed,
    StepOpened,
    StepReused,
    Tick,
    UsageAdded,
    WriteRejected,
)
from sessions.engine.planning import InvalidPlan, add_planned_tasks
from sessions.engine.state import Message, Session, Task, is_executing
from sessions.policies import UNCOUNTED_CODES
from sessions.states import CommandKind, ExecutionState, SessionStatus, StepKind, TaskStatus

PLANNING_TASK_TYPE = "planning"


def decide(session: Session, inputs: Iterable[Input], moment: Moment) -> Decision:
    """The next state, the batch that must be committed before it counts, and the effects to carry out then.

    Inputs that come too late (of an attempt that has ended, for a session that is finished) change nothing.
    """
    draft = Draft(session, moment)
    for item in inputs:
        _HANDLERS[type(item)](draft, item)
    return draft.decision(scheduling.settle(draft))


def give_up(session: Session, moment: Moment) -> Decision:
    """The end of a session at which the engine has failed too often: of its data only what must be ended is touched."""
    draft = Draft(session, moment)
    text = (
        f"The engine failed at this session {session.engine_failures} times and gave it up; the server log says more "
        f"(session.runner_failed). The last time: {session.error_message}"
    )
    ending.abandon_session(draft, text)
    children.follow_up(draft)
    return draft.decision(None)


def _claimed(draft: Draft, item: Claimed) -> None:
    code, text = "worker_lost", "The worker that ran this attempt is gone."
    if item.was_let_go:
        code, text = "handed_over", "The worker that ran this attempt lost touch with the database and let go of it."
    for task in list(draft.tasks.values()):
        if not is_executing(task):
            continue
        if placing.is_placed(task):
            scheduling.attach(draft, placing.take_up(draft, task))
        else:
            attempts.lose_attempt(draft, task, code, text)
    draft.is_takeover = True


def _handed_over(draft: Draft, _item: HandOver) -> None:
    for task in list(draft.tasks.values()):
        if not is_executing(task) or task.execution is None:
            continue
        if placing.is_placed(task):
            draft.effects.append(DetachAgent(task.execution.id))
        else:
            draft.effects.append(CancelAgent(task.execution.id))
            attempts.lose_attempt(draft, task, "handed_over", "The worker stopped and handed the session over.")
    draft.releases = True


def _nothing(_draft: Draft, _item: Tick) -> None:
    """`settle` looks at the clock anyway."""


def _roster(draft: Draft, item: RosterRead) -> None:
    draft.change(roster=item.roster)


def _command(draft: Draft, item: CommandRead) -> None:
    apply: dict[str, Callable[[Draft, CommandRead], str]] = {
        CommandKind.CANCEL: _cancel,
        CommandKind.PAUSE: _pause,
        CommandKind.RESUME: _resume,
        CommandKind.ANSWER: children.take_answer,
    }
    outcome = "rejected: the session is finished" if draft.session.is_finished else apply[item.kind](draft, item)
    draft.commands.append(CommandOutcome(item.id, outcome))


def _cancel(draft: Draft, item: CommandRead) -> str:
    ending.cancel_session(draft, reason=str(item.payload.get("reason", "")), actor=item.actor)
    return "applied"


def _pause(draft: Draft, item: CommandRead) -> str:
    if draft.session.is_paused:
        return "rejected: the session is paused already"
    reason = str(item.payload.get("reason") or "user")
    if reason == children.BY_PARENT and not item.payload.get("by_parent"):
        reason = "user"
    before = draft.session.status
    draft.move_session(SessionStatus.PAUSED, status_before_pause=before, pause_reason=reason[:50], paused_at=draft.now)
    draft.emit("session.paused", {"reason": reason, "actor": item.actor})
    for task in draft.tasks.values():
        if is_executing(task) and task.execution:
            draft.effects.append(ParkAgent(task.execution.id))
    return "applied"


def _resume(draft: Draft, item: CommandRead) -> str:
    session = draft.session
    if not session.is_paused:
        return "rejected: the session is not paused"
    if item.payload.get("by_parent") and session.pause_reason != children.BY_PARENT:
        return "rejected: it was not paused by its parent"
    paused_for = draft.now - session.paused_at if session.paused_at else timedelta()
    before = session.status_before_pause
    status = before if before != SessionStatus.WAITING else SessionStatus.RUNNING
    draft.move_session(
        status,
        pause_reason="",
        paused_at=None,
        status_before_pause="",
        deadline_at=session.deadline_at + paused_for if session.deadline_at else None,
    )
    for task in list(draft.tasks.values()):
        _shift_deadline(draft, task, paused_for)
    draft.emit("session.resumed", {"status": status, "actor": item.actor})
    return "applied"


def _shift_deadline(draft: Draft, task: Task, paused_for: timedelta) -> None:
    if task.execution and task.execution.deadline_at:
        draft.set_execution(task, deadline_at=task.execution.deadline_at + paused_for)


def _progressed(draft: Draft, item: Progressed) -> None:
    task = _counted(draft, item.execution_id)
    if task is not None:
        draft.set_execution(task, progress_percentage=item.percentage, status_message=item.text)
        data = {"execution": item.execution_id, "percentage": item.percentage, "text": item.text}
        draft.emit("execution.progress", data, task)


def _logged(draft: Draft, item: Logged) -> None:
    task = _counted(draft, item.execution_id)
    if task is not None:
        draft.emit("log", {"level": item.level, "text": item.text, "data": item.data}, task)


def _counted(draft: Draft, execution_id: str) -> Task | None:
    """The task, if the attempt is live and has not yet written all the events it may."""
    task = draft.task_of(execution_id)
    if task is None or task.execution is None:
        return None
    count = task.execution.event_count + 1
    task = draft.set_execution(task, event_count=count)
    if count == MAX_EVENTS_PER_EXECUTION + 1:
        draft.emit("log.truncated", {"limit": MAX_EVENTS_PER_EXECUTION}, task)
    return task if count <= MAX_EVENTS_PER_EXECUTION else None


def _sent(draft: Draft, item: MessageSent) -> None:
    task = _counted(draft, item.execution_id)
    if task is None or task.agent_id is None:
        return
    ending.send_message(
        draft,
        Message(
            item.message_id,
            task.agent_id,
            item.to_agent,
            item.message_type,
            item.topic,
            item.content,
            task.id,
            None,
            draft.now,
        ),
    )


def _used(draft: Draft, item: UsageAdded) -> None:
    task = draft.task_of(item.execution_id)
    if task is None or task.execution is None:
        return
    task = steps.add_usage(draft, task, item.amounts)
    if _counted(draft, item.execution_id) is not None:
        draft.emit("usage", dict(item.amounts), task)


def _finished(draft: Draft, item: AgentFinished) -> None:
    task = draft.task_of(item.execution_id)
    if task is None:
        return
    if task.task_type == PLANNING_TASK_TYPE and draft.session.status_or_before == SessionStatus.PLANNING:
        try:
            add_planned_tasks(draft, task, item.output)
        except InvalidPlan as error:
            _failed(draft, AgentFailed(item.execution_id, "invalid_plan", str(error), permanent=True))
            return
    ending.complete_task(draft, task, item.output)


def _failed(draft: Draft, item: AgentFailed) -> None:
    task = draft.task_of(item.execution_id)
    if task is not None:
        code = f"agent_{item.code}" if item.code in UNCOUNTED_CODES else item.code
        attempts.fail_attempt(draft, task, code, item.message, permanent=item.permanent)


def _parked(draft: Draft, item: AgentParked) -> None:
    task = draft.task_of(item.execution_id)
    if task is None or not is_executing(task):
        return
    reason = "it waits for an answer" if steps.awaits(task) else "the session is paused"
    task = draft.move_task(draft.move_execution(task, ExecutionState.PAUSED, reason), TaskStatus.WAITING)
    draft.emit("task.waiting", {"attempt": task.attempts, "execution": item.execution_id, "reason": reason}, task)


def _opened(draft: Draft, item: StepOpened) -> None:
    open_it = {StepKind.SESSION: children.open_child, StepKind.TASKS: spawning.spawn_tasks}
    open_it.get(StepKind(item.kind), steps.open_step)(draft, item)


def _reused(draft: Draft, item: StepReused) -> None:
    if _counted(draft, item.execution_id) is not None:
        steps.reuse_step(draft, item)


def _rejected(draft: Draft, item: WriteRejected) -> None:
    for task_id in item.task_ids:
        task = draft.tasks.get(task_id)
        if task is None or not task.is_live:
            continue
        if task.execution is not None:
            draft.effects.append(CancelAgent(task.execution.id))
            task = attempts.end_attempt(draft, task, "not_storable", item.reason)
        ending.fail_task(draft, task, "not_storable", item.reason)


_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    Claimed: _claimed,
    Tick: _nothing,
    RosterRead: _roster,
    CommandRead: _command,
    Progressed: _progressed,
    Logged: _logged,
    MessageSent: _sent,
    UsageAdded: _used,
    AgentFinished: _finished,
    AgentFailed: _failed,
    AgentLost: placing.lose_run,
    AgentParked: _parked,
    StepOpened: _opened,
    StepClosed: steps.close_step,
    StepReused: _reused,
    ChildStarted: children.child_started,
    ChildRefused: children.child_refused,
    HandOver: _handed_over,
    WriteRejected: _rejected,
}
