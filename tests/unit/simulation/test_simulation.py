"""The engine against everything that can go wrong, on virtual time.

`SIMULATION_EXAMPLES=5000 pytest tests/unit/simulation/test_simulation.py` plays more worlds, other ones each time.
"""

import os
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, example, given, settings

from sessions.engine import runner
from sessions.engine.draft import Decision, Moment
from sessions.engine.inputs import AgentFinished, Claimed, Input
from sessions.engine.state import Session
from sessions.policies import ENGINE_FAILURE_LIMIT
from tests.unit.simulation.hosts import Silence
from tests.unit.simulation.known import ANSWERED_EARLY, HAS_A_CHILD, RETAKEN_AT_ONCE, WOKEN_TOO_EARLY
from tests.unit.simulation.scenario import Behaviour, Command, Fault, Scenario, SessionPlan, TaskPlan, scenarios
from tests.unit.simulation.world import World, simulate

EXAMPLES = os.environ.get("SIMULATION_EXAMPLES", "")

slow = Behaviour(steps=(("sleep", 2.0), ("progress", 1.0), ("sleep", 2.0), ("log", 1.0)))
two_in_a_row = SessionPlan(tasks=(TaskPlan(), TaskPlan(after=(0,))))
parked_and_resumed = (Command(1.0, 0, "pause"), Command(8.0, 0, "resume"))
its_own_sessions_again = Scenario(
    sessions=(SessionPlan(tasks=(TaskPlan(),), mode="planned", submit_at=3.0),),
    faults=(Fault(3.1, "store_clock", seconds=10.0),),
    hosts=1,
    has_change_mark=True,
)
one_bad_message_of_two = Scenario(
    sessions=(SessionPlan(tasks=(TaskPlan(), TaskPlan(attempts=(Behaviour(steps=(("bad_send", 1.0),)),)))),),
)


@settings(
    max_examples=int(EXAMPLES or "50"),
    deadline=None,
    database=None,
    derandomize=not EXAMPLES,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(scenario=scenarios() | scenarios(trouble=1) | scenarios(dynamic=True) | scenarios(trouble=1, dynamic=True))
@example(scenario=its_own_sessions_again)
@example(scenario=one_bad_message_of_two)
@example(scenario=WOKEN_TOO_EARLY)
@example(scenario=ANSWERED_EARLY)
@example(scenario=RETAKEN_AT_ONCE)
def test_whatever_goes_wrong_every_session_ends_once_and_its_log_tells_the_truth(scenario: Scenario) -> None:
    assert simulate(scenario) == []


def test_a_commit_of_unknown_outcome_is_resolved_at_every_write_of_a_session_that_is_parked_and_resumed() -> None:
    session = SessionPlan(tasks=(TaskPlan(attempts=(slow,)), TaskPlan(after=(0,))))
    for number in range(1, 14):
        for kind in ("lost_after", "late", "lost_before"):
            world = World(
                Scenario(sessions=(session,), commands=parked_and_resumed, write_faults=((number, kind, 1.0),), hosts=1)
            )
            assert world.run() == [], (number, kind)
            assert world.store.sessions["session-0"].status == "COMPLETED", (number, kind)


def test_a_worker_killed_around_any_of_its_writes_loses_no_session() -> None:
    for number in range(1, 7):
        for kind in ("crash_before", "crash_after"):
            world = World(Scenario(sessions=(two_in_a_row,), write_faults=((number, kind, 1.0),), hosts=2))
            assert world.run() == [], (number, kind)
            assert world.store.sessions["session-0"].status == "COMPLETED", (number, kind)


def test_a_worker_killed_around_any_of_its_writes_loses_no_child_and_makes_none_twice() -> None:
    for number in range(1, 10):
        for kind in ("crash_before", "crash_after", "lost_after"):
            world = World(Scenario(sessions=(HAS_A_CHILD,), write_faults=((number, kind, 1.0),), hosts=2))
            assert world.run() == [], (number, kind)
            assert [one.status for one in world.store.sessions.values()] == ["COMPLETED"] * 2, (number, kind)


def test_the_same_scenario_runs_the_same_way_each_time() -> None:
    scenario = Scenario(
        sessions=(two_in_a_row, SessionPlan(tasks=(TaskPlan(attempts=(slow,)),))),
        faults=(Fault(0.5, "crash", 0, 1.0),),
        commands=parked_and_resumed,
        seed=5,
    )
    first, second = World(scenario), World(scenario)
    assert first.run() == second.run() == []
    assert first.store.events == second.store.events


def test_outages_are_not_taken_for_workers_that_a_task_has_killed() -> None:
    long = Behaviour(steps=(("sleep", 9.0),))
    outages = tuple(Fault(1.0 + 14 * number, "outage", seconds=8.0) for number in range(4))
    world = World(Scenario(sessions=(SessionPlan(tasks=(TaskPlan(attempts=(long,) * 5),)),), faults=outages, hosts=3))
    assert world.run() == []
    [task] = world.store.sessions["session-0"].tasks.values()
    assert (task.status, task.lost) == ("COMPLETED", 0)
    assert task.uncounted >= 3


@pytest.mark.parametrize("moment", [Claimed, AgentFinished], ids=lambda kind: kind.__name__)
def test_a_session_the_engine_itself_fails_at_ends_and_harms_no_other(
    moment: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(session: Session, inputs: Iterable[Input], now: Moment) -> Decision:
        taken = list(inputs)
        if session.id == "session-0" and any(isinstance(item, moment) for item in taken):
            raise ValueError("data no engine can take")
        return right(session, taken, now)

    right = runner.decide
    monkeypatch.setattr(runner, "decide", decide)
    monkeypatch.setattr(Silence, "exception", lambda self, event, **_: None)
    world = World(Scenario(sessions=(two_in_a_row, two_in_a_row), hosts=2))
    assert world.run() == []
    given_up, other = (world.store.sessions[f"session-{number}"] for number in range(2))
    assert (given_up.status, given_up.error_code) == ("FAILED", "engine_error")
    assert "ValueError: data no engine can take" in given_up.error_message
    assert world.store.tokens["session-0"] == ENGINE_FAILURE_LIMIT + 1
    assert other.status == "COMPLETED"
