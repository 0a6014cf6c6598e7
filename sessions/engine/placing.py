"""Attempts that run on a queue's worker: begun with a run of their own, gone on with after a takeover."""

from datetime import timedelta

from sessions.engine import attempts
from sessions.engine.batch import PlacementWrite
from sessions.engine.draft import Draft
from sessions.engine.inputs import AgentLost
from sessions.engine.state import Task


def place(draft: Draft, task: Task) -> Task:
    """The task with a new run, when its agent is placed on a queue and there are such workers."""
    agent = draft.session.roster.get(task.agent_id or "")
    if task.execution is None or agent is None or not agent.placement or not draft.moment.places_elsewhere:
        return task
    run = PlacementWrite(draft.moment.new_id(), task.execution.id, agent.placement, draft.moment.new_id())
    draft.placements.append(run)
    draft.emit("execution.placed", {"execution": task.execution.id, "queue": run.queue, "run": run.run_id}, task)
    return draft.set_execution(task, queue=run.queue, run_id=run.run_id)


def is_placed(task: Task) -> bool:
    return task.execution is not None and bool(task.execution.run_id)


def take_up(draft: Draft, task: Task) -> Task:
    """The attempt of an earlier engine, which goes on where it runs; its time limit counts from its start."""
    execution = task.execution
    if execution is None or execution.deadline_at or not (task.timeout_seconds and execution.started_at):
        return task
    return draft.set_execution(task, deadline_at=execution.started_at + timedelta(seconds=task.timeout_seconds))


def lose_run(draft: Draft, item: AgentLost) -> None:
    """The queue's worker is gone; another attempt follows."""
    task = draft.task_of(item.execution_id)
    if task is not None:
        attempts.lose_attempt(draft, task, "worker_lost", item.message)
