"""Several writers and workers at once, each with a connection of its own: nothing is lost, nothing done twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.services import (
    create_checkpoint,
    delete_checkpoint,
    patch_state,
    replace_state,
    request_transition,
    schedule_checkpoints,
    take_due_checkpoints,
)
from agents.services.moves import lock_row
from core.errors import Conflict, PreconditionFailed
from sessions.models import AgentExecution
from tests.make import Make
from tests.unit.agents.worlds import access_to, fresh

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def kept(agent: Agent) -> list[tuple[int, bool]]:
    """Number and whether it is the latest, newest first."""
    rows = AgentCheckpoint.objects.filter(agent=agent).order_by("-sequence_number")
    return list(rows.values_list("sequence_number", "is_latest"))


@pytest.fixture
def shared(transactional_db: None, make: Make) -> Agent:
    return make.agent(state={"step": 1})


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What `count` threads got that began at the same instant."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        connection.ensure_connection()
        barrier.wait(timeout=20)
        try:
            return act(number)
        except (Conflict, PreconditionFailed) as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_many_creators_at_once_get_numbers_of_their_own_and_leave_one_latest(shared: Agent) -> None:
    access = access_to(shared.project)
    rows = at_once(8, lambda number: create_checkpoint(access=access, agent_id=shared.id).sequence_number)
    assert sorted(rows) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert kept(shared) == [(number, number == 8) for number in range(8, 0, -1)]


def test_creators_and_deleters_at_once_leave_one_latest(shared: Agent) -> None:
    access = access_to(shared.project)
    for _ in range(4):
        create_checkpoint(access=access, agent_id=shared.id)

    def act(number: int) -> Any:
        return (create_checkpoint if number % 2 else delete_checkpoint)(access=access, agent_id=shared.id)

    at_once(8, act)
    numbers = [number for number, _ in kept(shared)]
    assert len(numbers) == 4
    assert kept(shared) == [(number, number == max(numbers)) for number in numbers]
    assert fresh(shared).last_checkpoint == 8


def test_of_many_workers_exactly_one_takes_what_is_due(shared: Agent) -> None:
    access = access_to(shared.project)
    schedule_checkpoints(access=access, agent_id=shared.id, interval_seconds=60)
    for number in range(1, 6):
        replace_state(access=access, agent_id=shared.id, state={"round": number})
        CheckpointSchedule.objects.update(next_at=NOON)
        assert sum(at_once(6, lambda _: take_due_checkpoints(now=NOON))) == 1
        assert kept(shared)[0] == (number, True)
    assert len(kept(shared)) == 5


def test_scheduled_ones_and_those_by_hand_at_once_do_not_get_in_each_others_way(shared: Agent) -> None:
    access = access_to(shared.project)
    schedule_checkpoints(access=access, agent_id=shared.id, interval_seconds=60)

    def act(number: int) -> Any:
        if number % 2:
            return take_due_checkpoints(now=NOON)
        return create_checkpoint(access=access, agent_id=shared.id, state_data={"by hand": number})

    for _ in range(5):
        CheckpointSchedule.objects.update(next_at=NOON)
        at_once(6, act)
    taken = AgentCheckpoint.objects.filter(agent=shared, source="SCHEDULED").count()
    numbers = [number for number, _ in kept(shared)]
    assert numbers == list(range(15 + taken, 0, -1))
    assert taken <= 5
    assert kept(shared)[0] == (15 + taken, True)


def test_of_many_writers_of_one_version_exactly_one_wins(shared: Agent) -> None:
    access = access_to(shared.project)

    def write(number: int) -> int:
        done = patch_state(access=access, agent_id=shared.id, patch={f"by {number}": True}, expected_version=0)
        return done.state_version

    outcomes = at_once(6, write)
    assert sorted(map(str, outcomes)) == ["1", *["PreconditionFailed"] * 5]
    assert len(fresh(shared).state) == 2


def test_no_merge_of_many_at_once_is_lost(shared: Agent) -> None:
    access = access_to(shared.project)
    at_once(6, lambda number: patch_state(access=access, agent_id=shared.id, patch={f"by {number}": number}))
    assert fresh(shared).state == {"step": 1, **{f"by {number}": number for number in range(6)}}
    assert fresh(shared).state_version == 6


def test_an_agent_that_terminates_while_its_checkpoint_is_due_keeps_no_schedule(shared: Agent) -> None:
    access = access_to(shared.project)
    schedule_checkpoints(access=access, agent_id=shared.id, interval_seconds=60)
    CheckpointSchedule.objects.update(next_at=NOON)

    def act(number: int) -> Any:
        if number:
            return take_due_checkpoints(now=NOON)
        return request_transition(access=access, agent_id=shared.id, verb="terminate")

    at_once(4, act)
    assert not CheckpointSchedule.objects.exists()
    assert fresh(shared).state_detail == "TERMINATED"


def test_while_an_agent_is_locked_the_engine_writes_what_it_executes(shared: Agent, make: Make) -> None:
    """On SQLite a writer waits for the other anyway, whatever they write."""
    task = make.task(make.session(agent=shared), agent=shared)

    def execute() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                AgentExecution.objects.create(task=task, agent=shared, attempt=1)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_row(shared.id)
        if connection.vendor == "postgresql":
            pool.submit(execute).result(timeout=20)
    assert AgentExecution.objects.count() == (connection.vendor == "postgresql")
