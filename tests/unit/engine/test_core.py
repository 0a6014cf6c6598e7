"""`decide`, case by case."""

from typing import Any

import pytest

from sessions.engine.gate import MAX_EVENTS_PER_EXECUTION
from sessions.engine.inputs import (
    AgentFailed,
    AgentFinished,
    AgentParked,
    CancelAgent,
    Claimed,
    CommandRead,
    HandOver,
    MessageSent,
    ParkAgent,
    Progressed,
    RosterRead,
    StartAgent,
    Tick,
    UsageAdded,
)
from tests.unit.engine.world import WORKER, Script, agent, replace, session, task


def command(kind: str, number: int = 1, **payload: Any) -> CommandRead:
    return CommandRead(number, kind, payload, "ada")


def outcome(script: Script) -> str:
    batch = script.decisions[-1].batch
    assert batch is not None
    return batch.commands[-1].outcome


def test_what_can_never_start_is_skipped_all_the_way_down() -> None:
    first = task("first", max_attempts=1)
    second = task("second", first)
    third = task("third", second)
    free = task("free")
    script = Script(session(first, second, third, free))
    script.feed(Claimed())
    script.feed(AgentFailed(script.execution("first"), "broken", "no"))
    assert script.statuses == {"first": "FAILED", "second": "SKIPPED", "third": "SKIPPED", "free": "RUNNING"}
    script.feed(AgentFinished(script.execution("free"), {"answer": "part"}))
    assert script.session.status == "FAILED"
    assert script.session.result["answer"] == "part"


def test_a_permanent_failure_is_not_tried_again() -> None:
    script = Script(session(task("only", max_attempts=5)))
    script.feed(Claimed())
    script.feed(AgentFailed(script.execution("only"), "bad", "never", permanent=True))
    assert script.statuses == {"only": "FAILED"}


@pytest.mark.parametrize("code", ["worker_lost", "handed_over"])
def test_an_agent_cannot_say_that_its_failure_was_nobodys_fault(code: str) -> None:
    script = Script(session(task("only", max_attempts=1)))
    script.feed(Claimed())
    script.feed(AgentFailed(script.execution("only"), code, "not me"))
    assert script.task("only").error_code == f"agent_{code}"


def test_a_dead_worker_costs_no_attempt_but_the_third_ends_the_task() -> None:
    script = Script(session(task("only", max_attempts=1)))
    script.feed(Claimed())
    for lost in (1, 2):
        script.feed(Claimed())
        assert script.statuses == {"only": "RUNNING"}
        assert script.task("only").lost == lost
    script.feed(Claimed())
    assert script.task("only").error_code == "crashes_worker"
    assert script.session.status == "FAILED"


def test_finished_tasks_stay_finished_when_a_new_runner_takes_over() -> None:
    first = task("first")
    script = Script(session(first, task("second", first)))
    script.feed(Claimed())
    script.feed(AgentFinished(script.execution("first"), "one"))
    script.feed(Claimed())
    assert script.task("first").attempts == 1
    assert script.task("second").attempts == 2


def test_what_a_late_attempt_says_changes_nothing() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    old = script.execution("only")
    script.feed(Claimed())
    before = script.session
    script.feed(AgentFinished(old, "late"), AgentFailed(old, "late", "late"), Progressed(old, 5, "late"))
    assert script.session == before
    assert script.decisions[-1].batch is None


def test_a_cancel_ends_everything_and_keeps_what_is_done() -> None:
    first = task("first")
    second = task("second", first)
    script = Script(session(first, second, task("third", second)))
    script.feed(Claimed())
    script.feed(AgentFinished(script.execution("first"), {"answer": "so far"}))
    running = script.execution("second")
    decision = script.feed(command("cancel", reason="enough"))
    assert script.statuses == {"first": "COMPLETED", "second": "CANCELLED", "third": "CANCELLED"}
    assert script.session.status == "CANCELLED"
    assert CancelAgent(running) in decision.effects
    assert decision.releases
    assert outcome(script) == "applied"


def test_a_second_cancel_is_rejected_with_an_outcome() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed(), command("cancel"))
    script.feed(command("cancel", 2))
    assert outcome(script) == "rejected: the session is finished"


def test_a_session_cancelled_before_it_began_never_starts_an_agent() -> None:
    script = Script(session(task("only")))
    decision = script.feed(Claimed(), command("cancel"))
    assert not [effect for effect in decision.effects if isinstance(effect, StartAgent)]
    assert script.session.status == "CANCELLED"


def test_a_paused_session_starts_nothing_and_sleeps_without_a_lease() -> None:
    first = task("first")
    script = Script(session(first, task("second", first)))
    script.feed(Claimed())
    execution = script.execution("first")
    decision = script.feed(command("pause"))
    assert ParkAgent(execution) in decision.effects
    assert not decision.releases
    decision = script.feed(AgentFinished(execution, "done all the same"))
    assert script.statuses == {"first": "COMPLETED", "second": "PENDING"}
    assert decision.releases
    assert decision.wake_at is None


def test_a_parked_attempt_runs_again_with_the_same_number() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    execution = script.execution("only")
    script.feed(command("pause"))
    decision = script.feed(AgentParked(execution))
    assert script.statuses == {"only": "WAITING"}
    assert (
        script.events[-1] == "task.waiting"
    )  # a step without an event could not be told from one that was not written
    assert decision.releases
    decision = script.feed(Claimed(), command("resume", 2))
    [start] = decision.effects
    assert isinstance(start, StartAgent)
    assert start.task.execution is not None
    assert (start.task.execution.id, start.task.attempts) == (execution, 1)
    assert script.statuses == {"only": "RUNNING"}


def test_a_pause_shifts_the_deadline_by_its_length() -> None:
    script = Script(session(task("only"), timeout_seconds=60))
    script.feed(Claimed())
    deadline = script.session.deadline_at
    script.feed(command("pause"))
    script.wait(1000)
    script.feed(Tick())
    assert script.session.status == "PAUSED"
    script.feed(command("resume", 2))
    assert deadline is not None
    assert script.session.deadline_at is not None
    assert (script.session.deadline_at - deadline).total_seconds() == 1000


def test_pausing_twice_and_resuming_what_is_not_paused_are_rejected() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    script.feed(command("resume"))
    assert outcome(script).startswith("rejected")
    script.feed(command("pause", 2), command("pause", 3))
    assert outcome(script).startswith("rejected")


def test_a_session_paused_before_it_began_begins_on_resume() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed(), command("pause"))
    assert script.session.status == "PAUSED"
    assert script.session.started_at is None
    script.feed(Claimed(), command("resume", 2))
    assert script.session.status == "RUNNING"
    assert script.session.started_at == script.now


def test_an_attempt_that_takes_too_long_is_stopped_and_tried_again() -> None:
    script = Script(session(task("slow", timeout_seconds=5)))
    script.feed(Claimed())
    execution = script.execution("slow")
    script.wait(5)
    decision = script.feed(Tick())
    assert CancelAgent(execution) in decision.effects
    assert script.task("slow").status == "QUEUED"
    assert "task.retrying" in script.events


def test_a_long_backoff_is_slept_without_a_lease() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    execution = script.execution("only")
    script.feed(AgentFailed(execution, "flaky", "no"))
    later = replace(script.task("only"), not_before=script.now.replace(hour=13))
    script.session = replace(script.session, tasks={later.id: later})
    decision = script.feed(Tick())
    assert script.session.status == "WAITING"
    assert decision.releases
    assert script.session.wake_at == script.now.replace(hour=13)
    script.wait(3600)
    script.feed(Claimed())
    assert script.session.status == "RUNNING"
    assert script.statuses == {"only": "RUNNING"}


def test_a_session_woken_too_early_by_another_clock_waits_awake() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    script.feed(AgentFailed(script.execution("only"), "flaky", "no"))
    later = replace(script.task("only"), not_before=script.now.replace(hour=13))
    script.session = replace(script.session, tasks={later.id: later})
    script.feed(Tick())
    assert script.session.status == "WAITING"
    decision = script.feed(Claimed())
    assert script.session.status == "RUNNING"
    assert not decision.releases
    assert decision.wake_at == later.not_before


def test_a_hand_over_lets_go_at_once_and_costs_no_attempt() -> None:
    script = Script(session(task("only", max_attempts=1), timeout_seconds=500))
    script.feed(Claimed())
    decision = script.feed(HandOver())
    assert decision.releases
    assert script.session.wake_at is None
    script.feed(Claimed())
    assert script.statuses == {"only": "RUNNING"}
    assert (script.task("only").lost, script.task("only").uncounted) == (0, 1)


def test_the_more_important_task_starts_first_when_room_is_short() -> None:
    script = Script(session(task("low"), task("high", priority=9), max_concurrent_tasks=1))
    script.feed(Claimed())
    assert script.statuses == {"low": "QUEUED", "high": "RUNNING"}


def test_a_task_nobody_can_do_fails_and_says_what_was_asked_for() -> None:
    script = Script(session(task("odd", agent_id=None, required_capabilities=("juggling",))))
    script.feed(Claimed())
    assert script.task("odd").error_code == "no_capable_agent"
    assert script.task("odd").assignment["required"] == ["juggling"]


def test_a_named_agent_that_is_not_active_fails_the_task_by_name() -> None:
    resting = agent("resting", is_assignable=False, state="PAUSED")
    script = Script(session(task("one", agent_id=resting.id), agents=[resting]))
    script.feed(Claimed())
    assert script.task("one").error_code == "agent_unavailable"
    assert "resting" in script.task("one").error_message


def test_an_agent_that_became_active_is_chosen_from_the_new_roster() -> None:
    able = agent("able", capabilities=frozenset({"read"}))
    script = Script(session(task("one", agent_id=None, required_capabilities=("read",)), agents=[]))
    script.feed(RosterRead({able.id: able}), Claimed())
    assert script.task("one").agent_id == able.id


def test_an_output_handed_on_is_a_message_between_the_two_agents() -> None:
    reader, writer = agent("reader"), agent("writer")
    first = task("read", agent_id=reader.id)
    script = Script(session(first, task("write", first, agent_id=writer.id), agents=[reader, writer]))
    script.feed(Claimed())
    script.feed(AgentFinished(script.execution("read"), "facts"))
    [message] = script.session.messages
    assert (message.from_agent, message.to_agent) == (reader.id, writer.id)
    assert message.content == {"task": "read", "output": "facts"}


def test_a_message_an_agent_sends_is_kept_and_logged() -> None:
    script = Script(session(task("talks")))
    script.feed(Claimed())
    script.feed(MessageSent(script.execution("talks"), "m1", None, "NOTIFICATION", "news", {"a": 1}))
    assert [message.content for message in script.session.messages] == [{"a": 1}]
    assert script.events[-1] == "message.sent"


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (None, "no tasks"),
        ({"tasks": []}, "no tasks"),
        ({"tasks": [{"required_capabilities": ["x"]}]}, "needs a `name`"),
        ({"tasks": [{"name": "plan", "agent": "worker"}]}, "already has a task"),
        ({"tasks": [{"name": "a", "agent": "worker"}, {"name": "a", "agent": "worker"}]}, "Two planned tasks"),
        ({"tasks": [{"name": "a"}]}, "neither an agent nor"),
        ({"tasks": [{"name": "a", "agent": "ghost"}]}, "ghost"),
        ({"tasks": [{"name": "a", "agent": "worker", "depends_on": ["b"]}]}, "does not hold"),
        ({"tasks": [{"name": "a", "agent": "worker", "depends_on": ["a"]}]}, "wait for each other"),
        ({"tasks": [{"name": "a", "agent": "worker", "priority": "high"}]}, "`priority`"),
        ({"tasks": [{"name": "a", "agent": "worker", "priority": 10**30}]}, "`priority`"),
        ({"tasks": [{"name": "a", "agent": "worker", "max_attempts": 0}]}, "`max_attempts`"),
        ({"tasks": [{"name": "a", "agent": "worker", "timeout": "soon"}]}, "`timeout`"),
        ({"tasks": [{"name": "a", "agent": "worker", "timeout": 0}]}, "`timeout`"),
        ({"tasks": [{"name": "a", "agent": "worker", "input_data": [1]}]}, "cannot be read"),
        ({"tasks": [{"name": f"t{n}", "agent": "worker"} for n in range(201)]}, "at most 200"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_fails_the_session_and_says_why(output: Any, complaint: str) -> None:
    planner = agent("planner", "planning")
    plan = task("plan", agent_id=planner.id, task_type="planning")
    script = Script(session(plan, agents=[planner, WORKER], execution_mode="planned"))
    script.feed(Claimed())
    script.feed(AgentFinished(script.execution("plan"), output))
    assert script.session.status == "FAILED"
    assert script.session.error_code == "invalid_plan"
    assert complaint in script.session.error_message
    assert len(script.session.tasks) == 1


def test_a_plan_may_name_an_input_twice() -> None:
    planner = agent("planner", "planning")
    plan = task("plan", agent_id=planner.id, task_type="planning")
    script = Script(session(plan, agents=[planner, WORKER], execution_mode="planned"))
    script.feed(Claimed())
    tasks = [{"name": "a", "agent": "worker"}, {"name": "b", "agent": "worker", "depends_on": ["a", "a"]}]
    script.feed(AgentFinished(script.execution("plan"), {"tasks": tasks}))
    assert script.task("b").depends_on == (script.task("a").id,)


def test_a_plan_finished_during_a_pause_waits_for_the_resume() -> None:
    planner = agent("planner", "planning")
    plan = task("plan", agent_id=planner.id, task_type="planning")
    script = Script(session(plan, agents=[planner, WORKER], execution_mode="planned"))
    script.feed(Claimed(), command("pause"))
    script.feed(command("resume", 2))
    execution = script.execution("plan")
    script.feed(command("pause", 3))
    script.feed(AgentFinished(execution, {"tasks": [{"name": "a", "agent": "worker"}]}))
    assert script.statuses == {"plan": "COMPLETED", "a": "PENDING"}
    script.feed(command("resume", 4))
    assert script.session.status == "RUNNING"
    assert script.statuses["a"] == "RUNNING"


def test_nothing_happening_writes_nothing() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    assert script.feed(Tick()).batch is None


def test_a_refused_decision_leaves_the_state_it_came_from_untouched() -> None:
    script = Script(session(task("only")))
    before = script.session
    script.feed(Claimed())
    assert before.status == "PENDING"
    assert next(iter(before.tasks.values())).status == "PENDING"


def test_usage_counts_on_when_its_events_are_cut_off() -> None:
    script = Script(session(task("only")))
    script.feed(Claimed())
    used = UsageAdded(script.execution("only"), {"calls": 1})
    script.feed(*[used] * (MAX_EVENTS_PER_EXECUTION + 5))
    assert script.session.usage == {"calls": MAX_EVENTS_PER_EXECUTION + 5}
    assert script.events.count("usage") == MAX_EVENTS_PER_EXECUTION


def test_a_plan_that_was_taken_over_with_its_tasks_is_not_made_again() -> None:
    planner = agent("planner", "planning")
    plan = task("plan", agent_id=planner.id, task_type="planning", status="COMPLETED", output={"tasks": []})
    first = task("first", parent_task_id=plan.id)
    second = task("second", first, parent_task_id=plan.id)
    script = Script(session(plan, first, second, agents=[planner, WORKER], execution_mode="planned"))
    script.feed(Claimed())
    assert script.session.status == "RUNNING"
    assert "session.planning" not in script.events
    assert script.statuses == {"plan": "COMPLETED", "first": "RUNNING", "second": "PENDING"}
