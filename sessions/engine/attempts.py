"""How attempts at a task fail, and whether another one follows."""

from datetime import timedelta
from typing import Any

from sessions.engine import ending
from sessions.engine.draft import Draft
from sessions.engine.state import Task
from sessions.policies import WORKER_LOST_LIMIT, attempt_follows
from sessions.states import ExecutionState, TaskStatus


def lose_attempt(draft: Draft, task: Task, code: str, message: str) -> None:
    """End an attempt that is nobody's fault; after the third dead worker the task itself is taken to be the cause."""
    lost = task.lost + (code == "worker_lost")
    task = end_attempt(draft, task, code, message, uncounted=task.uncounted + 1, lost=lost)
    if lost >= WORKER_LOST_LIMIT:
        text = f"{lost} workers died while they ran this task; it is not tried again."
        ending.fail_task(draft, task, "crashes_worker", text)
    else:
        draft.move_task(task, TaskStatus.QUEUED, not_before=None)


def end_attempt(draft: Draft, task: Task, code: str, message: str, **fields: Any) -> Task:
    """Close the live execution as FAILED and say so; what becomes of the task is the caller's to decide."""
    attempt = task.execution.attempt if task.execution else task.attempts
    execution_id = task.execution.id if task.execution else None
    task = draft.close_execution(task, ExecutionState.FAILED, code, error_code=code, error_message=message)
    task = draft.set_task(task, **fields) if fields else task
    data = {"execution": execution_id, "attempt": attempt, "code": code, "message": message}
    draft.emit("execution.failed", data, task)
    return task


def fail_attempt(draft: Draft, task: Task, code: str, message: str, *, permanent: bool) -> None:
    """End the attempt as failed; another one follows after a backoff while the task has attempts left."""
    task = end_attempt(draft, task, code, message)
    failures = task.attempts - task.uncounted
    if not attempt_follows(failures=failures, max_attempts=task.max_attempts, permanent=permanent):
        ending.fail_task(draft, task, code, message)
        return
    delay = draft.moment.retry.delay_seconds(failures, draft.moment.rng)
    task = draft.move_task(_runnable(draft, task), TaskStatus.QUEUED, not_before=draft.now + timedelta(seconds=delay))
    draft.emit(
        "task.retrying",
        {
            "attempt": task.attempts + 1,
            "delay_seconds": round(delay, 3),
            "not_before": task.not_before.isoformat() if task.not_before else None,
            "code": code,
            "message": message,
        },
        task,
    )


def _runnable(draft: Draft, task: Task) -> Task:
    """A parked task is taken up again before it is queued anew."""
    return draft.move_task(task, TaskStatus.RUNNING) if task.status == TaskStatus.WAITING else task
