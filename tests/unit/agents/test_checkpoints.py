"""Recovery points: numbers that grow, one latest, restore, delete, prune."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Agent, AgentCheckpoint
from agents.policies import surplus_checkpoints
from agents.services import (
    create_checkpoint,
    delete_checkpoint,
    patch_state,
    replace_state,
    request_transition,
    restore_checkpoint,
    schedule_checkpoints,
    state_to_resume_from,
    unschedule_checkpoints,
)
from agents.services.state import MAX_STATE_BYTES
from core.errors import Conflict, Forbidden, Invalid, NotFound, PayloadTooLarge, PreconditionFailed
from tests.make import Make
from tests.unit.agents.worlds import access_to, audited_actions, fresh, kept_checkpoints
from workspaces.access import Access
from workspaces.states import Role


@pytest.fixture
def agent(db: None, make: Make) -> Agent:
    return make.agent(state={"step": 1}, state_version=3)


@pytest.fixture
def access(agent: Agent) -> Access:
    return access_to(agent.project)


# By hand


def test_a_checkpoint_holds_the_present_state_and_is_the_latest(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id)
    patch_state(access=access, agent_id=agent.id, patch={"step": 2})
    second = create_checkpoint(access=access, agent_id=agent.id)
    assert kept_checkpoints(agent) == [(2, True), (1, False)]
    assert [row.state_data for row in AgentCheckpoint.objects.order_by("sequence_number")] == [{"step": 1}, {"step": 2}]
    assert (second.source, second.created_by, second.is_recoverable) == ("MANUAL", "ada", True)
    assert (fresh(agent).state_version, fresh(agent).last_checkpoint) == (4, 2)


def test_a_checkpoint_can_hold_another_state_and_leaves_that_of_the_agent_alone(agent: Agent, access: Access) -> None:
    made = create_checkpoint(access=access, agent_id=agent.id, state_data={"from": "elsewhere"}, is_recoverable=False)
    assert (made.state_data, made.is_recoverable) == ({"from": "elsewhere"}, False)
    assert (fresh(agent).state, fresh(agent).state_version) == ({"step": 1}, 3)


def test_numbers_are_never_given_twice_even_when_all_are_deleted(agent: Agent, access: Access) -> None:
    for _ in range(3):
        create_checkpoint(access=access, agent_id=agent.id)
    for _ in range(3):
        delete_checkpoint(access=access, agent_id=agent.id)
    assert kept_checkpoints(agent) == []
    assert create_checkpoint(access=access, agent_id=agent.id).sequence_number == 4


def test_when_the_latest_is_deleted_the_one_before_it_is_the_latest(agent: Agent, access: Access) -> None:
    for _ in range(4):
        create_checkpoint(access=access, agent_id=agent.id)
    assert delete_checkpoint(access=access, agent_id=agent.id, sequence_number=3).sequence_number == 3
    assert kept_checkpoints(agent) == [(4, True), (2, False), (1, False)]
    assert delete_checkpoint(access=access, agent_id=agent.id).sequence_number == 4
    assert kept_checkpoints(agent) == [(2, True), (1, False)]


def test_what_is_not_there_cannot_be_deleted(agent: Agent, access: Access) -> None:
    with pytest.raises(NotFound, match="has no checkpoint"):
        delete_checkpoint(access=access, agent_id=agent.id)
    with pytest.raises(NotFound, match="has no checkpoint 7"):
        delete_checkpoint(access=access, agent_id=agent.id, sequence_number=7)


def test_restoring_is_a_write_of_the_state(agent: Agent, access: Access) -> None:
    for step in (2, 3):
        create_checkpoint(access=access, agent_id=agent.id)
        replace_state(access=access, agent_id=agent.id, state={"step": step})
    restored, checkpoint = restore_checkpoint(access=access, agent_id=agent.id)
    assert (restored.state, restored.state_version, checkpoint.sequence_number) == ({"step": 2}, 6, 2)
    restore_checkpoint(access=access, agent_id=agent.id, sequence_number=1, expected_version=6)
    assert (fresh(agent).state, fresh(agent).state_version) == ({"step": 1}, 7)
    assert kept_checkpoints(agent) == [(2, True), (1, False)]


def test_by_default_the_latest_recoverable_one_is_restored(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id, state_data={"good": True})
    create_checkpoint(access=access, agent_id=agent.id, state_data={"good": False}, is_recoverable=False)
    assert restore_checkpoint(access=access, agent_id=agent.id)[0].state == {"good": True}


def test_one_that_is_not_recoverable_is_not_restored(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id, is_recoverable=False)
    for number in (None, 1):
        with pytest.raises(Conflict, match=r"Checkpoint 1 .* is not recoverable\. None of its others is"):
            restore_checkpoint(access=access, agent_id=agent.id, sequence_number=number)
    create_checkpoint(access=access, agent_id=agent.id)
    with pytest.raises(Conflict, match="Recoverable: 2") as refused:
        restore_checkpoint(access=access, agent_id=agent.id, sequence_number=1)
    assert refused.value.details == {"sequence_number": 1, "recoverable": [2]}
    assert fresh(agent).state_version == 3


def test_a_state_that_moved_on_is_not_overwritten_by_a_restore(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id)
    with pytest.raises(PreconditionFailed):
        restore_checkpoint(access=access, agent_id=agent.id, expected_version=2)


def test_nothing_is_restored_where_nothing_was_kept(agent: Agent, access: Access) -> None:
    with pytest.raises(NotFound):
        restore_checkpoint(access=access, agent_id=agent.id)


@pytest.mark.parametrize(("value", "error"), [([], Invalid), ("x", Invalid), ({"a": "\x00"}, Invalid)])
def test_a_checkpoint_holds_a_json_object(agent: Agent, access: Access, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="state_data"):
        create_checkpoint(access=access, agent_id=agent.id, state_data=value)
    with pytest.raises(PayloadTooLarge):
        create_checkpoint(access=access, agent_id=agent.id, state_data={"a": "x" * MAX_STATE_BYTES})
    assert fresh(agent).last_checkpoint == 0


def test_an_agent_that_crashed_goes_on_from_its_latest_recoverable_checkpoint(agent: Agent, access: Access) -> None:
    assert state_to_resume_from(agent) is None
    for recoverable in (True, True, False):
        create_checkpoint(access=access, agent_id=agent.id, is_recoverable=recoverable)
    found = state_to_resume_from(agent)
    assert found is not None
    assert found.sequence_number == 2


def test_what_was_done_is_in_the_audit_log(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id)
    restore_checkpoint(access=access, agent_id=agent.id)
    delete_checkpoint(access=access, agent_id=agent.id)
    schedule_checkpoints(access=access, agent_id=agent.id, interval_seconds=60)
    unschedule_checkpoints(access=access, agent_id=agent.id)
    assert audited_actions(agent) == [
        "agent.checkpoint_created",
        "agent.checkpoint_restored",
        "agent.checkpoint_deleted",
        "agent.checkpoints_scheduled",
        "agent.checkpoints_unscheduled",
    ]


def verbs() -> list[Callable[..., Any]]:
    return [
        create_checkpoint,
        restore_checkpoint,
        delete_checkpoint,
        lambda **who: schedule_checkpoints(**who, interval_seconds=60),
        unschedule_checkpoints,
    ]


def test_viewers_and_members_may_do_nothing_and_strangers_find_nothing(
    agent: Agent, access: Access, make: Make
) -> None:
    create_checkpoint(access=access, agent_id=agent.id)
    for verb in verbs():
        for role in (Role.VIEWER, Role.MEMBER):
            with pytest.raises(Forbidden):
                verb(access=access_to(agent.project, role), agent_id=agent.id)
        with pytest.raises(NotFound, match="no such agent"):
            verb(access=access_to(make.project()), agent_id=agent.id)


def test_the_checkpoints_of_a_terminated_agent_can_only_be_deleted(agent: Agent, access: Access) -> None:
    create_checkpoint(access=access, agent_id=agent.id)
    request_transition(access=access, agent_id=agent.id, verb="terminate")
    for verb in (create_checkpoint, restore_checkpoint, verbs()[3]):
        with pytest.raises(Conflict, match="is terminated"):
            verb(access=access, agent_id=agent.id)
    unschedule_checkpoints(access=access, agent_id=agent.id)
    delete_checkpoint(access=access, agent_id=agent.id)
    assert kept_checkpoints(agent) == []


# Kept to a limit


@pytest.mark.parametrize(
    ("rows", "limit", "gone"),
    [
        ([], 1, []),
        ([(2, True), (1, True)], 2, []),
        ([(3, True), (2, True), (1, True)], 2, [1]),
        ([(9, True), (5, True), (4, True), (1, True)], 1, [1, 4, 5]),
        ([(4, False), (3, False), (2, True), (1, True)], 2, [1, 3]),
        ([(3, False), (2, False), (1, True)], 1, [2]),
        ([(3, False), (2, False), (1, False)], 1, [1, 2]),
    ],
)
def test_the_oldest_go_but_never_the_latest_nor_the_latest_recoverable(
    rows: list[tuple[int, bool]], limit: int, gone: list[int]
) -> None:
    assert surplus_checkpoints(rows, limit=limit) == gone


def test_checkpoints_are_kept_to_the_limit(agent: Agent, access: Access, settings: Any) -> None:
    settings.AGENT_CHECKPOINT_LIMIT = 3
    create_checkpoint(access=access, agent_id=agent.id, state_data={"recoverable": True})
    for _ in range(5):
        create_checkpoint(access=access, agent_id=agent.id, is_recoverable=False)
    assert [number for number, _ in kept_checkpoints(agent)] == [6, 5, 1]
    assert restore_checkpoint(access=access, agent_id=agent.id)[0].state == {"recoverable": True}


def test_a_lower_limit_holds_from_the_next_checkpoint_on(agent: Agent, access: Access, settings: Any) -> None:
    for _ in range(6):
        create_checkpoint(access=access, agent_id=agent.id)
    settings.AGENT_CHECKPOINT_LIMIT = 2
    create_checkpoint(access=access, agent_id=agent.id)
    assert kept_checkpoints(agent) == [(7, True), (6, False)]


def test_making_one_costs_the_same_however_many_there_are(agent: Agent, access: Access) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            create_checkpoint(access=access, agent_id=agent.id)
        return len(captured)

    first = queries()
    for _ in range(8):
        create_checkpoint(access=access, agent_id=agent.id)
    assert queries() == first <= 9


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.booleans()),
        st.tuples(st.just("delete"), st.none() | st.integers(1, 8)),
        st.tuples(st.just("restore"), st.none() | st.integers(1, 8)),
        st.tuples(st.just("limit"), st.integers(1, 4)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_keeps_the_numbers_growing_and_one_latest(
    steps: list[tuple[str, Any]], db: None, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make.agent()
    access = access_to(agent.project)
    limit, highest, alive, versions = 20, 0, dict[int, bool](), 0
    monkeypatch.setattr("agents.conf.checkpoint_limit", lambda: limit)
    for verb, value in steps:
        if verb == "limit":
            limit = value
            monkeypatch.setattr("agents.conf.checkpoint_limit", lambda limit=limit: limit)
        elif verb == "create":
            row = create_checkpoint(access=access, agent_id=agent.id, state_data={}, is_recoverable=value)
            highest += 1
            assert row.sequence_number == highest
            alive = pruned({**alive, highest: value}, limit)
        elif verb == "delete":
            number = value or max(alive, default=0)
            with expected(NotFound if number not in alive else None):
                delete_checkpoint(access=access, agent_id=agent.id, sequence_number=value)
            alive.pop(number, None)
        else:
            number = value or max((n for n, can in alive.items() if can), default=max(alive, default=0))
            with expected(NotFound if number not in alive else None if alive[number] else Conflict):
                restore_checkpoint(access=access, agent_id=agent.id, sequence_number=value)
                versions += 1
        assert kept_checkpoints(agent) == [(number, number == max(alive)) for number in sorted(alive, reverse=True)]
        assert (fresh(agent).last_checkpoint, fresh(agent).state_version) == (highest, versions)


def expected(error: type[Exception] | None) -> Any:
    return pytest.raises(error) if error else nullcontext()


def pruned(alive: dict[int, bool], limit: int) -> dict[int, bool]:
    """What is left under a limit, said another way than the product says it: let the oldest go that may."""
    while len(alive) > limit:
        latest_recoverable = max((number for number, can in alive.items() if can), default=0)
        spare = [number for number in alive if number not in (max(alive), latest_recoverable)]
        if not spare:
            break
        alive = {number: can for number, can in alive.items() if number != min(spare)}
    return alive
