"""Steps of agents in the state: calls whose results are kept, and what a parked agent waits for."""

import json
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from sessions.engine.draft import Draft
from sessions.engine.gate import NotStorable, clip_json, clip_text, storable
from sessions.engine.inputs import CommandRead, Reply, StepClosed, StepOpened, StepReused
from sessions.engine.state import Step, Task
from sessions.states import StepKind, StepStatus

MAX_STEPS_PER_TASK = 1000
MAX_STEP_BYTES_PER_TASK = 16 * 1024 * 1024
_PAID = (StepKind.CALL, StepKind.SESSION)


def open_step(draft: Draft, item: StepOpened) -> None:
    """Keep that a call begins, or that the agent waits; the agent is told when it is committed."""
    task = draft.task_of(item.execution_id)
    if task is None:
        return
    step = known_step(task, item.key, item.input_hash) or begin_step(draft, task, item)
    if step is not None:
        draft.effects.append(Reply(item.execution_id, item.reply, value=step))


def begin_step(draft: Draft, task: Task, item: StepOpened) -> Step | None:
    """The new step; None when the task may have no more of them, which the agent is told."""
    if _is_full(draft, task, item):
        return None
    step = replace(_new_step(draft, item), kind=item.kind, request=item.request)
    if item.kind == StepKind.CALL:
        step = replace(step, status=StepStatus.STARTED)
    elif item.seconds is not None:
        step = replace(step, due_at=draft.now + timedelta(seconds=item.seconds))
    _emit_opened(draft, draft.put_step(task, step), step)
    return step


def refuse(draft: Draft, item: StepOpened | StepClosed, code: str, message: str) -> None:
    """Tell the agent that it cannot have this step."""
    draft.effects.append(Reply(item.execution_id, item.reply, code=code, message=message))


def _new_step(draft: Draft, item: StepOpened | StepClosed) -> Step:
    return Step(
        id=draft.moment.new_id(),
        kind=StepKind.CALL,
        key=item.key,
        input_hash=item.input_hash,
        status=StepStatus.WAITING,
        execution_id=item.execution_id,
        created_at=draft.now,
    )


def _is_full(draft: Draft, task: Task, item: StepOpened | StepClosed, size: int = 0) -> bool:
    kept = sum(step.size for step in task.steps)
    if len(task.steps) < MAX_STEPS_PER_TASK and kept + size <= MAX_STEP_BYTES_PER_TASK:
        return False
    text = (
        f"a task keeps at most {MAX_STEPS_PER_TASK} steps and {MAX_STEP_BYTES_PER_TASK:,} bytes of results; "
        "keep less in each, do more in one, or split the task"
    )
    refuse(draft, item, "too_many_steps", text)
    return True


def _emit_opened(draft: Draft, task: Task, step: Step) -> None:
    data = _named(step) | {"execution": step.execution_id}
    if step.status == StepStatus.STARTED:
        draft.emit("step.started", data, task)
    else:
        due_at = step.due_at.isoformat() if step.due_at else None
        draft.emit("step.waiting", data | {"due_at": due_at, "request": clip_json(dict(step.request), 8192)}, task)


def close_step(draft: Draft, item: StepClosed) -> None:
    """Keep a call's result; when another call of the same attempt was first, its result counts and is answered."""
    task = draft.task_of(item.execution_id)
    if task is None:
        return
    known = known_step(task, item.key, item.input_hash)
    if known is not None and known.status == StepStatus.COMPLETED:
        draft.effects.append(Reply(item.execution_id, item.reply, value=known))
        return
    if known is None and _is_full(draft, task, item, _bytes(item.result)):
        return
    step = replace(known or _new_step(draft, item), execution_id=item.execution_id, result=item.result)
    step = _complete(draft, task, replace(step, usage=item.usage))
    draft.effects.append(Reply(item.execution_id, item.reply, value=step))


def keep_step(draft: Draft, task: Task, item: StepOpened, result: Any) -> Step | None:
    """A new step that is done at once; None when the task may have no more of them, which the agent is told."""
    if _is_full(draft, task, item):
        return None
    return _complete(draft, task, replace(_new_step(draft, item), kind=item.kind, request=item.request, result=result))


def _complete(draft: Draft, task: Task, step: Step) -> Step:
    size = _bytes(step.result)
    step = replace(step, status=StepStatus.COMPLETED, completed_at=draft.now, size=size)
    task = add_usage(draft, draft.put_step(task, step), step.usage)
    data = _named(step) | {"execution": step.execution_id, "usage": dict(step.usage), "bytes": size}
    draft.emit("step.completed", data, task)
    return step


def _bytes(result: Any) -> int:
    return len(json.dumps(result, ensure_ascii=False).encode())


def reuse_step(draft: Draft, item: StepReused) -> None:
    """Say that an attempt was spared a call: once, also when it parks and runs through its steps again."""
    task = draft.task_of(item.execution_id)
    step = next((step for step in task.steps if step.id == item.step_id), None) if task else None
    if task is not None and step is not None and step.kind in _PAID and step.reused_in != item.execution_id:
        task = draft.put_step(task, replace(step, reused_in=item.execution_id))
        draft.change(saved_usage=sum_usage(draft.session.saved_usage, step.usage))
        data = _named(step) | {"execution": item.execution_id, "saved": dict(step.usage)}
        draft.emit("step.reused", data, task)


def answer_step(draft: Draft, item: CommandRead) -> str:
    """Give a parked agent what it waits for: `{step, result}` or `{step, code, message}`, and `usage` with either."""
    for task in draft.tasks.values():
        for step in task.steps:
            if step.id == item.payload.get("step"):
                return _answer(draft, task, step, item.payload)
    return "rejected: no live task waits for it"


def _answer(draft: Draft, task: Task, step: Step, payload: Any) -> str:
    if step.status != StepStatus.WAITING or not task.is_live:
        return "rejected: it has been answered"
    try:
        result = storable(payload.get("result"), what="the answer")
        code, message = str(payload.get("code", "")), clip_text(str(payload.get("message", "")))
    except NotStorable as error:
        result, code, message = None, "bad_answer", str(error)
    usage = dict(payload.get("usage") or {})
    answer = replace(step, result=result, error_code=code[:50], error_message=message, usage=usage)
    put_answer(draft, task, answer)
    draft.change(usage=sum_usage(draft.session.usage, usage))
    return "applied"


def put_answer(draft: Draft, task: Task, step: Step) -> Task:
    """The step is answered; its task goes on when it next can."""
    task = draft.put_step(task, replace(step, status=StepStatus.ANSWERED))
    draft.emit("step.answered", _named(step) | {"code": step.error_code, "usage": dict(step.usage)}, task)
    return task


def wake_sleepers(draft: Draft) -> None:
    """Answer the sleeps that are over."""
    for task in [task for task in draft.tasks.values() if task.steps and task.is_live]:
        for step in task.steps:
            if step.kind == StepKind.SLEEP and step.status == StepStatus.WAITING and is_due(draft, step):
                put_answer(draft, draft.tasks[task.id], step)


def is_due(draft: Draft, step: Step) -> bool:
    return step.due_at is not None and step.due_at <= draft.now


def due_times(task: Task) -> list[datetime]:
    """When the sleeps of the task are over."""
    return [step.due_at for step in task.steps if step.status == StepStatus.WAITING and step.due_at]


def take_answers(draft: Draft, task: Task, only: str = "") -> Task:
    """The agent runs (again) and finds what was answered (`only` one step)."""
    for step in task.steps:
        if step.status == StepStatus.ANSWERED and only in ("", step.id):
            task = draft.put_step(task, replace(step, status=StepStatus.COMPLETED, completed_at=draft.now))
    return task


def known_step(task: Task, key: str, input_hash: str) -> Step | None:
    """The task's step of this key and input."""
    return next((step for step in task.steps if (step.key, step.input_hash) == (key, input_hash)), None)


def awaits(task: Task) -> bool:
    """Whether a step of the task still waits."""
    return any(step.status == StepStatus.WAITING for step in task.steps)


def is_answered(task: Task) -> bool:
    """Whether a parked task can go on: it waits for nothing, or something it waited for is there."""
    statuses = {step.status for step in task.steps}
    return StepStatus.ANSWERED in statuses or StepStatus.WAITING not in statuses


def add_usage(draft: Draft, task: Task, amounts: Any) -> Task:
    """Count what the attempt has used, for it and for the session."""
    if not amounts or task.execution is None:
        return task
    draft.change(usage=sum_usage(draft.session.usage, amounts))
    return draft.set_execution(task, usage=sum_usage(task.execution.usage, amounts))


def sum_usage(before: Any, amounts: Any) -> dict[str, float]:
    return {name: before.get(name, 0) + amounts.get(name, 0) for name in {**before, **amounts}}


def _named(step: Step) -> dict[str, Any]:
    return {"step": step.id, "key": step.key, "kind": step.kind}
