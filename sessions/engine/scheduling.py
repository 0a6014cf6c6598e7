"""What can start, what must wait, what is over: brings a session to rest after something happened."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sessions.engine import attempts, children, ending, placing, spawning, steps
from sessions.engine.draft import Draft
from sessions.engine.gate import clip_json
from sessions.engine.inputs import CancelAgent, SlotWanted, StartAgent
from sessions.engine.state import Execution, Message, Session, Task, is_executing
from sessions.modes import PLANNING
from sessions.routing_policy import Assignment, choose_agent
from sessions.scopes import scopes_of_task
from sessions.states import ExecutionMode, ExecutionState, MessageType, SessionStatus, TaskStatus

SHORT_WAIT = timedelta(seconds=2)
"""A session that only waits for a timer keeps its lease for so long; a longer wait is slept without one."""

_DEAD = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED)


def settle(draft: Draft) -> datetime | None:
    """Start, skip, time out and end what can be; answers the next instant at which to look again."""
    wake_at = _bring_to_rest(draft)
    children.follow_up(draft)
    return wake_at


def _bring_to_rest(draft: Draft) -> datetime | None:
    if _is_over(draft) or draft.releases:
        return None
    _begin(draft)
    _time_out(draft)
    steps.wake_sleepers(draft)
    _skip_orphans(draft)
    if not draft.session.is_paused and not _is_over(draft):
        _queue_ready(draft)
    spawning.answer_joins(draft)
    if not draft.session.is_paused and not _is_over(draft):
        _start_queued(draft)
    _end_or_wait(draft)
    return None if _is_over(draft) else _next_timer(draft)


def _is_over(draft: Draft) -> bool:
    return draft.session.is_finished


def _begin(draft: Draft) -> None:
    session = draft.session
    if session.status == SessionStatus.WAITING:
        draft.move_session(SessionStatus.RUNNING)
        draft.emit("session.resumed", {"status": SessionStatus.RUNNING, "actor": "timer"})
    if session.status != SessionStatus.PENDING:
        return
    limit = session.timeout_seconds
    draft.change(started_at=draft.now, deadline_at=draft.now + timedelta(seconds=limit) if limit else None)
    if session.execution_mode == ExecutionMode.PLANNED and not _has_plan(draft):
        draft.move_session(SessionStatus.PLANNING)
        draft.emit("session.planning", {})
    else:
        draft.move_session(SessionStatus.RUNNING)
        draft.emit("session.started", {"tasks": len(draft.tasks)})


def _has_plan(draft: Draft) -> bool:
    """Whether the plan was taken over from an earlier session, with the tasks it made."""
    return any(task.task_type == PLANNING and task.status == TaskStatus.COMPLETED for task in draft.tasks.values())


def _time_out(draft: Draft) -> None:
    session = draft.session
    if session.is_paused:
        return
    if session.deadline_at and draft.now >= session.deadline_at:
        text = f"The session took longer than its {session.timeout_seconds:g} s; give it a longer timeout."
        ending.fail_session(draft, "timeout", text)
        return
    for task in [task for task in draft.tasks.values() if is_executing(task)]:
        _time_out_attempt(draft, task)


def _time_out_attempt(draft: Draft, task: Task) -> None:
    execution = task.execution
    if execution and execution.deadline_at and draft.now >= execution.deadline_at:
        draft.effects.append(CancelAgent(execution.id))
        text = f"The attempt took longer than {task.timeout_seconds:g} s."
        attempts.fail_attempt(draft, task, "timeout", text, permanent=False)


def _skip_orphans(draft: Draft) -> None:
    """Skip what can never start, as far down the graph as it goes."""
    pending = [task for task in draft.tasks.values() if task.status == TaskStatus.PENDING]
    skipped = True
    while skipped and not draft.session.is_finished:
        skipped = False
        for task in [task for task in pending if draft.tasks[task.id].status == TaskStatus.PENDING]:
            dead = next((draft.tasks[i] for i in task.depends_on if draft.tasks[i].status in _DEAD), None)
            if dead is not None:
                ending.skip_task(draft, draft.tasks[task.id], dead)
                skipped = True


def _queue_ready(draft: Draft) -> None:
    """Give every task whose inputs are there an agent, by priority."""
    ready = [task for task in draft.tasks.values() if task.status == TaskStatus.PENDING and _has_inputs(draft, task)]
    if not ready:
        return
    load = Counter(task.agent_id for task in draft.tasks.values() if task.is_live and task.agent_id)
    for task in sorted(ready, key=_by_priority):
        assignment = _assign(draft, task, load)
        if assignment.waits:
            continue
        if assignment.agent_id is None:
            reason = str(assignment.reason["reason"])
            task = draft.set_task(task, assignment=assignment.reason)
            ending.fail_task(draft, task, str(assignment.reason.get("code", "no_capable_agent")), reason)
            continue
        load[assignment.agent_id] += 1
        task = draft.move_task(
            task, TaskStatus.QUEUED, agent_id=assignment.agent_id, assignment=assignment.reason, not_before=None
        )
        draft.emit("task.queued", {"assignment": assignment.reason}, task)
        _hand_over_inputs(draft, task)
    _skip_orphans(draft)


def _has_inputs(draft: Draft, task: Task) -> bool:
    return all(draft.tasks[earlier].status == TaskStatus.COMPLETED for earlier in task.depends_on)


def _by_priority(task: Task) -> tuple[int, int]:
    return (-task.priority, task.ordinal)


def _assign(draft: Draft, task: Task, load: Counter[str]) -> Assignment:
    roster = draft.session.roster
    if task.agent_id is None:
        return choose_agent(list(roster.values()), task.required_capabilities, load)
    agent = roster.get(task.agent_id)
    reason = task.assignment or {"by": "name", "reason": "asked for by name"}
    if agent is not None and agent.is_assignable:
        return Assignment(task.agent_id, reason)
    if agent is not None and agent.is_away:
        return Assignment(None, reason, waits=True)
    state = agent.state if agent else "gone"
    name = agent.name if agent else "The agent"
    text = f"{name} was asked for by name but is {state}; activate it, or ask for another agent."
    return Assignment(None, {**reason, "code": "agent_unavailable", "reason": text})


def _hand_over_inputs(draft: Draft, task: Task) -> None:
    """What an earlier agent found is said to the agent that builds on it."""
    for earlier in (draft.tasks[i] for i in task.depends_on):
        if earlier.agent_id and task.agent_id and earlier.agent_id != task.agent_id:
            content = {"task": earlier.name, "output": clip_json(earlier.output, 16 * 1024)}
            ending.send_message(
                draft,
                Message(
                    id=draft.moment.new_id(),
                    from_agent=earlier.agent_id,
                    to_agent=task.agent_id,
                    message_type=MessageType.NOTIFICATION,
                    topic="output",
                    content=content,
                    from_task=earlier.id,
                    to_task=task.id,
                    sent_at=draft.now,
                ),
            )


def _start_queued(draft: Draft) -> None:
    """Start what has a slot; parked attempts of a resumed session first."""
    if draft.session.is_finished:
        return
    room = draft.session.max_concurrent_tasks - sum(is_executing(task) for task in draft.tasks.values())
    waiting = [task for task in draft.tasks.values() if task.status == TaskStatus.WAITING and steps.is_answered(task)]
    queued = [task for task in draft.tasks.values() if task.status == TaskStatus.QUEUED and _is_due(draft, task)]
    for task in [*sorted(waiting, key=_by_priority), *sorted(queued, key=_by_priority)]:
        if room <= 0:
            return
        if draft.moment.grant(slot_wanted(draft, task)):
            room -= 1
            _start(draft, task)


def _is_due(draft: Draft, task: Task) -> bool:
    return (task.not_before is None or task.not_before <= draft.now) and not _is_away(draft, task)


def _is_away(draft: Draft, task: Task) -> bool:
    """Whether its agent is given nothing new for now."""
    agent = draft.session.roster.get(task.agent_id or "")
    return agent is not None and agent.is_away


def slot_wanted(draft: Draft, task: Task) -> SlotWanted:
    return SlotWanted(
        task_id=task.id,
        scopes=scopes_of(draft.session, task),
        session_priority=draft.session.priority,
        task_priority=task.priority,
        queued_at=task.started_at or draft.now,
        is_running=is_executing(task),
    )


def scopes_of(session: Session, task: Task) -> tuple[str, ...]:
    """The scopes in each of which the task takes a place while it runs."""
    return scopes_of_task(session.workspace_id, task.agent_id or "", task.required_capabilities)


def _start(draft: Draft, task: Task) -> None:
    deadline = draft.now + timedelta(seconds=task.timeout_seconds) if task.timeout_seconds else None
    task = steps.take_answers(draft, task)
    if task.status == TaskStatus.WAITING:
        task = draft.move_execution(task, ExecutionState.RUNNING, "the agent goes on", deadline_at=deadline)
        task = draft.move_task(task, TaskStatus.RUNNING)
    else:
        task = draft.move_task(
            task,
            TaskStatus.RUNNING,
            attempts=task.attempts + 1,
            started_at=task.started_at or draft.now,
            not_before=None,
        )
        execution = Execution(
            draft.moment.new_id(), task.attempts, task.agent_id or "", ExecutionState.QUEUED, deadline_at=deadline
        )
        task = draft.open_execution(task, execution)
        task = draft.move_execution(task, ExecutionState.PREPARING)
        task = draft.move_execution(task, ExecutionState.RUNNING, started_at=draft.now)
    execution_id = task.execution.id if task.execution else None
    draft.emit("task.started", {"attempt": task.attempts, "execution": execution_id}, task)
    task = placing.place(draft, task)
    draft.effects.append(StartAgent(task, tuple(upstream_of(draft, task))))


def attach(draft: Draft, task: Task) -> None:
    """Follow an attempt that runs elsewhere; it has its place already, so it takes one even where there is none."""
    draft.moment.grant(slot_wanted(draft, task))
    draft.effects.append(StartAgent(task, tuple(upstream_of(draft, task)), is_attached=True))


def upstream_of(draft: Draft, task: Task) -> Iterable[Task]:
    """The finished inputs of a task; in a sequence, all that came before it."""
    if draft.session.execution_mode == ExecutionMode.SEQUENTIAL and task.parent_task_id is None:
        earlier = [other for other in draft.tasks.values() if other.ordinal < task.ordinal]
    else:
        earlier = [draft.tasks[i] for i in task.depends_on]
    done = [other for other in earlier if other.status == TaskStatus.COMPLETED]
    return sorted(done, key=lambda other: other.ordinal)


def _end_or_wait(draft: Draft) -> None:
    session = draft.session
    if session.is_finished:
        return
    live = [task for task in draft.tasks.values() if task.is_live]
    if not live and not session.is_paused:
        _end(draft)
    elif session.is_paused:
        draft.releases = not any(is_executing(task) for task in live) and not children.has_unconfirmed(draft)
    elif session.status == SessionStatus.RUNNING and _may_sleep(draft) and all(_sleeps(draft, task) for task in live):
        draft.move_session(SessionStatus.WAITING)
        wake_at = _next_timer(draft)
        draft.emit("session.waiting", {"wake_at": wake_at.isoformat() if wake_at else None})
        draft.releases = True


def _may_sleep(draft: Draft) -> bool:
    """Not when just woken with nothing due: by the database's clock, ahead of ours, it would be woken again at once."""
    return draft.before.status != SessionStatus.WAITING or bool(draft.commands)


def _sleeps(draft: Draft, task: Task) -> bool:
    """Whether nothing but a long timer can move the task. What waits for an agent that is away is looked after."""
    if task.status == TaskStatus.PENDING:
        return not _has_inputs(draft, task)
    if task.status == TaskStatus.WAITING:
        return not (steps.is_answered(task) or _wakes_soon(draft, task) or children.is_unconfirmed(draft, task))
    return task.status == TaskStatus.QUEUED and bool(task.not_before and task.not_before > draft.now + SHORT_WAIT)


def _wakes_soon(draft: Draft, task: Task) -> bool:
    return any(due_at <= draft.now + SHORT_WAIT for due_at in steps.due_times(task))


def _end(draft: Draft) -> None:
    failed = [task for task in draft.tasks.values() if task.status == TaskStatus.FAILED]
    if failed:
        first = min(failed, key=lambda task: (task.completed_at or draft.now, task.ordinal))
        ending.fail_session(draft, first.error_code, f"Task {first.name} failed: {first.error_message}")
    else:
        ending.complete_session(draft)


def _next_timer(draft: Draft) -> datetime | None:
    if draft.session.is_paused:
        return None
    timers = [task.execution.deadline_at for task in draft.tasks.values() if is_executing(task) and task.execution]
    timers += [task.not_before for task in draft.tasks.values() if task.status == TaskStatus.QUEUED]
    timers += [due_at for task in draft.tasks.values() if task.is_live for due_at in steps.due_times(task)]
    timers.append(draft.session.deadline_at)
    return min((timer for timer in timers if timer is not None and timer > draft.now), default=None)
