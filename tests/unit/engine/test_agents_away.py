"""Agents that are given nothing new for a while (maintenance, missed heartbeats): what needs them waits for them."""

from dataclasses import replace

import pytest

from sessions.engine.inputs import AgentFinished, Claimed, RosterRead
from tests.unit.engine.world import WORKER, Script, agent, session, task


@pytest.mark.parametrize("asked", ["by name", "by capability"])
def test_what_needs_an_agent_that_is_away_waits_and_goes_on_when_it_is_back(asked: str) -> None:
    away = agent("away", is_assignable=False, state="in maintenance", is_away=True)
    by_capability = {"agent_id": None, "required_capabilities": ("scripted",)}
    wanted = {"agent_id": away.id} if asked == "by name" else by_capability
    script = Script(session(task("one", **wanted), agents=[away]))
    decision = script.feed(Claimed())
    assert script.statuses["one"] == "PENDING"
    assert (script.session.status, decision.releases) == ("RUNNING", False)
    back = replace(away, is_assignable=True, is_away=False, state="ACTIVE")
    script.feed(RosterRead({back.id: back}))
    assert script.statuses["one"] == "RUNNING"


def test_what_is_queued_for_an_agent_that_went_away_does_not_start_and_what_runs_goes_on() -> None:
    script = Script(session(task("runs"), task("queued"), max_concurrent_tasks=1))
    script.feed(Claimed())
    running = next(name for name, status in script.statuses.items() if status == "RUNNING")
    away = replace(WORKER, is_assignable=False, is_away=True)
    script.feed(RosterRead({WORKER.id: away}))
    assert sorted(script.statuses.values()) == ["QUEUED", "RUNNING"]
    script.feed(AgentFinished(script.execution(running), {}))
    assert sorted(script.statuses.values()) == ["COMPLETED", "QUEUED"]
    script.feed(RosterRead({WORKER.id: WORKER}))
    assert sorted(script.statuses.values()) == ["COMPLETED", "RUNNING"]


def test_another_agent_that_can_do_it_is_chosen_at_once() -> None:
    away = agent("away", is_assignable=False, is_away=True)
    script = Script(session(task("one", agent_id=None, required_capabilities=("scripted",)), agents=[away, WORKER]))
    script.feed(Claimed())
    assert script.task("one").agent_id == WORKER.id


def test_a_session_that_waits_for_an_agent_still_ends_at_its_deadline() -> None:
    away = agent("away", is_assignable=False, is_away=True)
    script = Script(session(task("one", agent_id=away.id), agents=[away], timeout_seconds=60))
    decision = script.feed(Claimed())
    assert decision.wake_at == script.session.deadline_at
    script.wait(61)
    script.feed(RosterRead({away.id: away}))
    assert (script.session.status, script.session.error_code) == ("FAILED", "timeout")
