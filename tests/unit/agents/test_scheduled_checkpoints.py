"""Checkpoints at an interval: once each, none for nothing, none after the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.policies import next_instant
from agents.services import (
    create_checkpoint,
    patch_state,
    replace_state,
    request_transition,
    schedule_checkpoints,
    take_due_checkpoints,
    unschedule_checkpoints,
)
from agents.services.checkpoints import MAX_INTERVAL_SECONDS
from core.clock import SYSTEM_CLOCK
from core.errors import Invalid
from tests.make import Make
from tests.unit.agents.worlds import access_to, audited_actions, kept_checkpoints
from workspaces.access import Access

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(seconds=60)


@pytest.fixture
def agent(db: None, make: Make) -> Agent:
    return make.agent(state={"step": 1}, state_version=3)


@pytest.fixture
def access(agent: Agent) -> Access:
    return access_to(agent.project)


@pytest.mark.parametrize(
    ("late", "expected_in"),
    [(timedelta(0), 60), (timedelta(seconds=59), 60), (timedelta(seconds=60), 120), (timedelta(hours=1), 3660)],
)
def test_what_was_missed_is_not_made_up_for(late: timedelta, expected_in: int) -> None:
    assert next_instant(NOON, MINUTE, now=NOON + late) == NOON + timedelta(seconds=expected_in)


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_the_next_instant_is_ahead_by_at_most_one_interval(interval: int, late: int) -> None:
    now = NOON + timedelta(milliseconds=late)
    ahead = next_instant(NOON, timedelta(seconds=interval), now=now) - now
    assert timedelta(0) < ahead <= timedelta(seconds=interval)


@pytest.fixture
def due(agent: Agent, access: Access) -> CheckpointSchedule:
    """Every minute, the next one at noon."""
    schedule, is_new = schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=60)
    assert is_new
    CheckpointSchedule.objects.update(next_at=NOON)
    return schedule


def next_at(agent: Agent) -> datetime:
    return CheckpointSchedule.objects.get(agent=agent).next_at


def test_the_first_one_is_due_after_one_interval(agent: Agent, access: Access) -> None:
    schedule, _ = schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=60)
    assert take_due_checkpoints(now=schedule.next_at - timedelta(seconds=1)) == 0
    assert abs(schedule.next_at - SYSTEM_CLOCK.now() - MINUTE) < timedelta(seconds=10)
    assert take_due_checkpoints(now=schedule.next_at) == 1


def test_a_due_checkpoint_is_taken_once(agent: Agent, due: CheckpointSchedule) -> None:
    assert [take_due_checkpoints(now=NOON) for _ in range(3)] == [1, 0, 0]
    row = AgentCheckpoint.objects.get(agent=agent)
    assert (row.sequence_number, row.source, row.created_by, row.is_latest) == (1, "SCHEDULED", "ada", True)
    assert (row.state_data, row.is_recoverable, next_at(agent)) == ({"step": 1}, True, NOON + MINUTE)


def test_after_an_hour_without_a_worker_one_is_taken(agent: Agent, due: CheckpointSchedule) -> None:
    late = NOON + timedelta(hours=1, seconds=7)
    assert [take_due_checkpoints(now=late) for _ in range(3)] == [1, 0, 0]
    assert next_at(agent) == NOON + timedelta(hours=1, minutes=1)


def test_a_state_that_did_not_change_is_not_kept_again(agent: Agent, access: Access, due: CheckpointSchedule) -> None:
    assert take_due_checkpoints(now=NOON) == 1
    assert take_due_checkpoints(now=NOON + MINUTE) == 0
    assert next_at(agent) == NOON + 2 * MINUTE
    patch_state(access=access, agent_id=agent.id, patch={"step": True})  # equal to 1 in Python, not in JSON
    assert take_due_checkpoints(now=NOON + 2 * MINUTE) == 1
    assert AgentCheckpoint.objects.get(agent=agent, is_latest=True).state_data == {"step": True}


def test_what_cannot_be_restored_does_not_count_as_kept(agent: Agent, access: Access, due: CheckpointSchedule) -> None:
    create_checkpoint(access=access, agent_id=agent.id, is_recoverable=False)
    assert take_due_checkpoints(now=NOON) == 1


def test_scheduled_checkpoints_are_kept_to_the_limit(
    agent: Agent, access: Access, due: CheckpointSchedule, settings: Any
) -> None:
    settings.AGENT_CHECKPOINT_LIMIT = 2
    for minute in range(5):
        replace_state(access=access, agent_id=agent.id, state={"minute": minute})
        take_due_checkpoints(now=NOON + minute * MINUTE)
    assert kept_checkpoints(agent) == [(5, True), (4, False)]


def test_another_interval_counts_from_now_and_the_same_one_changes_nothing(
    agent: Agent, access: Access, due: CheckpointSchedule
) -> None:
    same, is_new = schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=60)
    assert (same.next_at, is_new) == (NOON, False)
    other, is_new = schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=10)
    assert (other.id, other.next_at > NOON, is_new) == (due.id, True, False)
    assert audited_actions(agent) == ["agent.checkpoints_scheduled", "agent.checkpoints_scheduled"]


@pytest.mark.parametrize("seconds", [0, -5, MAX_INTERVAL_SECONDS + 1])
def test_an_interval_out_of_bounds_is_refused(agent: Agent, access: Access, seconds: int) -> None:
    with pytest.raises(Invalid, match="from 1 to 2,592,000"):
        schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=seconds)


def test_a_schedule_stops_when_asked_or_when_the_agent_ends(
    agent: Agent, access: Access, due: CheckpointSchedule
) -> None:
    for _ in range(2):
        unschedule_checkpoints(access=access, agent_id=agent.id)
    assert take_due_checkpoints(now=NOON) == 0
    assert audited_actions(agent).count("agent.checkpoints_unscheduled") == 1
    schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=60)
    request_transition(access=access, agent_id=agent.id, verb="terminate")
    assert not CheckpointSchedule.objects.exists()


def test_a_schedule_left_behind_by_a_terminated_agent_goes_without_a_checkpoint(
    agent: Agent, due: CheckpointSchedule
) -> None:
    Agent.objects.filter(id=agent.id).update(state_detail="TERMINATED")
    assert take_due_checkpoints(now=NOON) == 0
    assert not CheckpointSchedule.objects.exists()


def test_while_agents_are_switched_off_nothing_is_taken(due: CheckpointSchedule, settings: Any) -> None:
    settings.AGENTS_ENABLED = False
    assert take_due_checkpoints(now=NOON) == 0
    settings.AGENTS_ENABLED = True
    assert take_due_checkpoints(now=NOON) == 1


def test_a_turn_that_takes_too_long_leaves_the_rest_for_the_next(
    agent: Agent, access: Access, due: CheckpointSchedule, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = make.agent(agent.project, state={"step": 1})
    schedule_checkpoints(access=access, agent_id=later.id, interval_seconds=60)
    CheckpointSchedule.objects.filter(agent=later).update(next_at=NOON + timedelta(seconds=1))
    monkeypatch.setattr("agents.services.checkpoints.TURN_SECONDS", 0.0)
    assert take_due_checkpoints(now=NOON + MINUTE) == 1
    assert not AgentCheckpoint.objects.filter(agent=later).exists()
    assert take_due_checkpoints(now=NOON + MINUTE) == 1
    assert AgentCheckpoint.objects.filter(agent=later).exists()


def test_a_state_kept_already_is_compared_in_the_database(due: CheckpointSchedule) -> None:
    take_due_checkpoints(now=NOON)
    with CaptureQueriesContext(connection) as captured:
        assert take_due_checkpoints(now=NOON + MINUTE) == 0
    read = [query["sql"].partition(" FROM ")[0] for query in captured if query["sql"].startswith("SELECT")]
    assert not [columns for columns in read if '."state"' in columns or "state_data" in columns]


def test_one_query_when_nothing_is_due(due: CheckpointSchedule, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as captured:
        take_due_checkpoints(now=NOON - MINUTE)
    assert "next_at" in captured[0]["sql"]
