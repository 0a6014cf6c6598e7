"""Placed attempts: begun with a run, followed by whoever holds the session."""

from typing import Any

import pytest

from agents.registry import AgentRegistry
from sessions.engine.draft import Moment
from sessions.engine.inputs import (
    AgentFinished,
    AgentLost,
    Claimed,
    CommandRead,
    DetachAgent,
    HandOver,
    StartAgent,
)
from tests.unit.engine.odd_agents import PlacedAgent
from tests.unit.engine.world import HostWorld, Script, agent, session, task

PLACED = agent("gpu worker", definition="placed", placement="gpu")


class Placing(Script):
    """A script whose host has workers of queues beside it."""

    def moment(self, **fields: Any) -> Moment:
        return super().moment(**fields, places_elsewhere=True)


def placed(**fields: Any) -> Placing:
    script = Placing(session(task("one", agent_id=PLACED.id, **fields), agents=[PLACED]))
    script.feed(Claimed())
    return script


def test_a_placed_attempt_starts_with_a_run_of_its_own_that_is_committed() -> None:
    script = placed()
    batch = script.decisions[0].batch
    assert batch is not None
    [write] = batch.placements
    execution = script.task("one").execution
    assert execution is not None
    assert (write.queue, write.run_id) == ("gpu", execution.run_id)
    assert "execution.placed" in script.events


def test_without_queues_it_is_started_like_any_other() -> None:
    script = Script(session(task("one", agent_id=PLACED.id), agents=[PLACED]))
    batch = script.feed(Claimed()).batch
    assert batch is not None
    assert batch.placements == ()


def test_a_takeover_goes_on_with_the_run() -> None:
    script = placed(timeout_seconds=60)
    run = script.task("one").execution
    decision = script.feed(Claimed())
    [start] = [effect for effect in decision.effects if isinstance(effect, StartAgent)]
    assert start.is_attached
    assert start.task.execution is not None
    assert run is not None
    assert start.task.execution.run_id == run.run_id
    assert script.task("one").attempts == 1


def test_a_host_that_stops_lets_go_of_the_run_without_ending_it() -> None:
    script = placed()
    decision = script.feed(HandOver())
    assert [type(effect) for effect in decision.effects] == [DetachAgent]
    assert decision.releases
    assert script.statuses == {"one": "RUNNING"}


def test_a_lost_run_is_nobodys_fault_and_another_attempt_follows() -> None:
    script = placed(max_attempts=1)
    script.feed(AgentLost(script.execution("one"), "gone"))
    assert script.statuses == {"one": "RUNNING"}
    assert script.task("one").attempts == 2


def test_a_task_that_kills_its_workers_is_given_up() -> None:
    script = placed()
    for _ in range(3):
        script.feed(AgentLost(script.execution("one"), "gone"))
    assert script.session.error_code == "crashes_worker"


def test_a_cancel_ends_a_placed_attempt() -> None:
    script = placed()
    script.feed(CommandRead(1, "cancel", {}, "me"))
    assert script.session.status == "CANCELLED"


def test_its_result_is_a_result() -> None:
    script = placed()
    script.feed(AgentFinished(script.execution("one"), {"ok": True}))
    assert script.session.status == "COMPLETED"


def test_where_there_are_no_queues_a_placed_agent_runs_in_a_process_of_this_machine() -> None:
    one = task("one", agent_id=PLACED.id)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[PLACED])))
    assert done.tasks[one.id].output["paid"] == "once"
    assert done.tasks[one.id].output["is_own_process"]


@pytest.mark.parametrize("word", ["gpu", "celery:", "celery:a b", "kafka:x"])
def test_a_placement_that_names_no_queue_is_refused(word: str) -> None:
    wrong = type("Wrong", (PlacedAgent,), {"placement": word})
    with pytest.raises(ValueError, match="placement"):
        AgentRegistry().register(wrong, "wrong")
