"""Sessions of the simulation as the services leave them, and their children."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from sessions.engine.planning import task_created_data
from sessions.engine.state import Session, Task
from sessions.events import GENESIS_HASH, EventRecord, record_event
from tests.unit.simulation.actors import earlier, plan_output, roster, script
from tests.unit.simulation.hosts import EPOCH
from tests.unit.simulation.scenario import Scenario, SessionPlan, TaskPlan


def new_session(
    key: str, plan: SessionPlan, scenario: Scenario, new_id: Callable[[], str]
) -> tuple[Session, list[EventRecord]]:
    """A session as the services leave it: its rows, and the events that tell of them."""
    tasks = planning_task(plan, new_id) if plan.mode == "planned" else given_tasks(plan, new_id)
    records = first_events(tasks)
    session = Session(
        id=key,
        workspace_id="workspace",
        project_id="project",
        token=0,
        goal="Do it",
        context={},
        execution_mode=plan.mode,
        status="PENDING",
        tasks={task.id: task for task in tasks},
        roster=roster(scenario.agent_places),
        last_seq=len(records),
        last_hash=records[-1].hash,
        priority=plan.priority,
        max_concurrent_tasks=plan.max_concurrent,
        timeout_seconds=plan.timeout,
    )
    return session, records


def child_session(
    parent: Session, key: str, specs: Sequence[Mapping[str, Any]], new_id: Callable[[], str]
) -> tuple[Session, list[EventRecord]]:
    """The session that a step of the parent asks for."""
    tasks = [child_task(new_id(), spec, ordinal) for ordinal, spec in enumerate(specs)]
    records = first_events(tasks)
    session = replace(
        parent,
        id=key,
        token=0,
        execution_mode="dag",
        status="PENDING",
        tasks={task.id: task for task in tasks},
        last_seq=len(records),
        last_hash=records[-1].hash,
        timeout_seconds=None,
        deadline_at=None,
        started_at=None,
        status_before_pause="",
        pause_reason="",
        paused_at=None,
        wake_at=None,
        usage={},
        messages=(),
        parent_session_id=parent.id,
        parent_step=key,
        depth=parent.depth + 1,
        children=frozenset(),
    )
    return session, records


def child_task(key: str, spec: Mapping[str, Any], ordinal: int) -> Task:
    return Task(
        id=key,
        name=spec["name"],
        task_type="actor",
        ordinal=ordinal,
        input_data=spec["input_data"],
        required_capabilities=tuple(spec.get("required_capabilities", ())),
        priority=spec["priority"],
        max_attempts=spec["max_attempts"],
        timeout_seconds=spec["timeout"],
        agent_id=spec.get("agent"),
    )


def first_events(tasks: Sequence[Task]) -> list[EventRecord]:
    records: list[EventRecord] = []
    words = [("session.created", {}, None), *(("task.created", task_created_data(task), task.id) for task in tasks)]
    for seq, (word, data, task_id) in enumerate(words, start=1):
        previous = records[-1].hash if records else GENESIS_HASH
        records.append(
            record_event(previous_hash=previous, seq=seq, event_type=word, at=EPOCH, data=data, task=task_id)
        )
    return records


def given_tasks(plan: SessionPlan, new_id: Callable[[], str]) -> list[Task]:
    tasks: list[Task] = []
    for position, given in enumerate(plan.tasks):
        places = [position - 1] if plan.mode == "sequential" and position else earlier(given, position)
        if plan.mode == "sequential" and not position:
            places = []
        after = tuple(tasks[place].id for place in places)
        tasks.append(new_task(new_id(), f"t{position}", given, position, after, plan.offspring))
    return tasks


def new_task(
    key: str,
    name: str,
    plan: TaskPlan,
    ordinal: int,
    depends_on: tuple[str, ...],
    offspring: tuple[TaskPlan, ...] = (),
) -> Task:
    agent, _, skill = plan.agent.partition(":")
    return Task(
        id=key,
        name=name,
        task_type="actor",
        ordinal=ordinal,
        input_data=script(plan.attempts, offspring),
        required_capabilities=(skill,) if skill else (),
        depends_on=depends_on,
        priority=plan.priority,
        max_attempts=plan.max_attempts,
        timeout_seconds=plan.time_limit,
        agent_id=None if skill else agent,
    )


def planning_task(plan: SessionPlan, new_id: Callable[[], str]) -> list[Task]:
    given = TaskPlan(attempts=plan.planner)
    task = new_task(new_id(), "plan", given, 0, ())
    return [
        Task(
            id=task.id,
            name="plan",
            task_type="planning",
            ordinal=0,
            input_data={**task.input_data, "plan": plan_output(plan)},
            agent_id="ada",
            timeout_seconds=given.time_limit,
        )
    ]
