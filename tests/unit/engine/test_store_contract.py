"""One contract, three stores: in memory, on SQLite, on PostgreSQL."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from msgspec.structs import replace

from core.clock import SYSTEM_CLOCK
from sessions.engine.batch import CommandRequest, Committed, Refused, Rejected
from sessions.engine.inputs import (
    AgentFinished,
    AgentParked,
    ChildStarted,
    Claimed,
    CommandRead,
    StepClosed,
    StepOpened,
)
from sessions.engine.store import postgres
from sessions.engine.store.base import StoreUnavailable, WorkerIdentity
from sessions.engine.store.sql import SqlStore
from tests.unit.engine.beds import Bed, DatabaseBed, step, worker_in
from tests.unit.engine.world import new_id


def test_a_runnable_session_is_claimed_once(bed: Bed) -> None:
    key = bed.session(tasks=2)
    first, second = worker_in(bed.store), worker_in(bed.store)
    claims = bed.store.claim(first.id, 10)
    assert [claim.session.id for claim in claims] == [key]
    assert len(claims[0].session.tasks) == 2
    assert bed.store.claim(second.id, 10) == []


def test_a_committed_batch_moves_the_session_and_its_log(bed: Bed) -> None:
    key = bed.session()
    [claim] = bed.store.claim(worker_in(bed.store).id, 1)
    batch = step(claim.session, Claimed())
    assert bed.store.write_group([batch]) == [Committed()]
    assert bed.last_seq(key) == batch.session.last_seq
    assert bed.events(key) == [event.type for event in batch.events]


def test_a_whole_session_can_be_written_and_loaded_again(bed: Bed) -> None:
    key = bed.session()
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    started = step(claim.session, Claimed())
    bed.store.write_group([started])
    bed.expire(worker)
    [again] = bed.store.claim(worker_in(bed.store).id, 1)
    [task] = again.session.tasks.values()
    assert (task.status, task.attempts) == ("RUNNING", 1)
    assert task.execution is not None
    assert again.session.last_hash == started.session.last_hash
    finished = step(again.session, AgentFinished(task.execution.id, {"answer": "42"}))
    assert bed.store.write_group([finished]) == [Committed()]
    assert finished.session.status == "COMPLETED"
    assert bed.events(key)[-1] == "session.completed"


def test_the_slower_of_two_runners_is_refused(bed: Bed) -> None:
    key = bed.session()
    slow = worker_in(bed.store)
    [stale] = bed.store.claim(slow.id, 1)
    bed.expire(slow)
    [fresh] = bed.store.claim(worker_in(bed.store).id, 1)
    assert fresh.session.token == stale.session.token + 1
    assert bed.store.write_group([step(stale.session)]) == [Refused()]
    assert bed.events(key) == []
    assert bed.store.write_group([step(fresh.session)]) == [Committed()]


def test_a_session_says_whether_its_former_worker_let_go_of_it(bed: Bed) -> None:
    bed.session()
    dead, alive = worker_in(bed.store), worker_in(bed.store)
    assert [claim.was_let_go for claim in bed.store.claim(dead.id, 1)] == [True]
    bed.expire(dead)
    assert [claim.was_let_go for claim in bed.store.claim(alive.id, 1)] == [False]
    bed.store.retire(alive.id)
    assert [claim.was_let_go for claim in bed.store.claim(worker_in(bed.store).id, 1)] == [True]


def test_a_failure_of_the_engine_is_counted_and_frees_the_session(bed: Bed) -> None:
    key = bed.session()
    worker, other = worker_in(bed.store), worker_in(bed.store)
    bed.store.claim(worker.id, 1)
    bed.store.note_failure(other.id, key, "not its own")
    assert bed.store.claim(other.id, 1) == []
    bed.store.note_failure(worker.id, key, "KeyError: 'nobody'")
    [claim] = bed.store.claim(other.id, 1)
    assert (claim.session.engine_failures, claim.session.error_message) == (1, "KeyError: 'nobody'")


def test_a_batch_that_does_not_build_on_the_last_event_is_refused(bed: Bed) -> None:
    bed.session()
    [claim] = bed.store.claim(worker_in(bed.store).id, 1)
    batch = step(claim.session)
    assert bed.store.write_group([batch]) == [Committed()]
    assert bed.store.write_group([batch]) == [Refused()]


def test_one_refused_batch_leaves_the_others_of_its_group_in(bed: Bed) -> None:
    one, other = bed.session(), bed.session()
    claims = {claim.session.id: claim.session for claim in bed.store.claim(worker_in(bed.store).id, 2)}
    stale = replace(claims[one], token=claims[one].token - 1)
    assert bed.store.write_group([step(stale), step(claims[other])]) == [Refused(), Committed()]
    assert bed.events(one) == []
    assert bed.events(other)


def test_one_batch_the_database_cannot_hold_leaves_the_others_of_its_group_in(bed: Bed) -> None:
    bad, good = bed.session(), bed.session()
    claims = {claim.session.id: claim.session for claim in bed.store.claim(worker_in(bed.store).id, 2)}
    broken = step(claims[bad])
    broken = replace(broken, tasks=tuple(replace(write, previous="COMPLETED") for write in broken.tasks))
    outcomes = bed.store.write_group([broken, step(claims[good])])
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[1] == Committed()
    assert bed.events(bad) == []
    assert bed.last_seq(bad) == 0


def test_higher_priority_is_claimed_first_then_the_workspace_with_least_at_work(bed: Bed) -> None:
    first = bed.session(workspace="a")
    worker = worker_in(bed.store)
    bed.store.claim(worker.id, 1)
    older, other, urgent = bed.session(workspace="a"), bed.session(workspace="b"), bed.session(priority=5)
    order = [bed.store.claim(worker.id, 1)[0].session.id for _ in range(3)]
    assert order == [urgent, other, older]
    assert first not in order


def test_the_sessions_of_one_claim_are_shared_among_the_workspaces(bed: Bed) -> None:
    many = [bed.session(workspace="a") for _ in range(8)]
    few = [bed.session(workspace="b") for _ in range(3)]
    taken = [claim.session.id for claim in bed.store.claim(worker_in(bed.store).id, 6)]
    assert sorted(taken) == sorted(many[:3] + few)
    rest = [claim.session.id for claim in bed.store.claim(worker_in(bed.store).id, 3)]
    assert sorted(rest) == sorted(many[3:6])


def test_what_a_workspace_has_at_work_counts_against_it(bed: Bed) -> None:
    [bed.session(workspace="a") for _ in range(2)]
    worker = worker_in(bed.store)
    bed.store.claim(worker.id, 2)
    one_of_a = bed.session(workspace="a")
    of_b = [bed.session(workspace="b") for _ in range(3)]
    taken = [claim.session.id for claim in bed.store.claim(worker.id, 2)]
    assert taken == of_b[:2]
    assert one_of_a not in taken


def test_a_claim_by_age_takes_the_oldest_whatever_is_more_important(bed: Bed) -> None:
    old = bed.session(priority=-5)
    bed.session(priority=5)
    [claim] = bed.store.claim(worker_in(bed.store).id, 1, True)
    assert claim.session.id == old


def test_a_session_that_sleeps_is_not_claimed_before_its_time(bed: Bed) -> None:
    later = SYSTEM_CLOCK.now() + timedelta(hours=1)
    key = bed.session(wake_at=later)
    worker = worker_in(bed.store)
    assert bed.store.claim(worker.id, 1) == []
    command = bed.ask(key, "cancel")
    [claim] = bed.store.claim(worker.id, 1)
    assert [(found.id, found.kind) for found in claim.commands] == [(command, "cancel")]


def test_a_session_that_waits_for_an_answer_is_not_claimed_before_it_is_there(bed: Bed) -> None:
    key = bed.session()
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    batch = step(claim.session, Claimed())
    [task] = batch.session.tasks.values()
    execution = task.execution.id if task.execution else ""
    opened = StepOpened(execution, "reply", "session", "child", "hash", {"goal": "g"})
    waiting = step(batch.session, opened)
    parked = step(waiting.session, ChildStarted(waiting.steps[0].step.id), AgentParked(execution))
    for one in (batch, waiting, parked):
        assert bed.store.write_group([one]) == [Committed()]
    assert bed.store.claim(worker.id, 1) == []
    bed.ask(key, "resume")
    [again] = bed.store.claim(worker.id, 1)
    [task] = again.session.tasks.values()
    assert [(kept.key, kept.status, kept.request) for kept in task.steps] == [("child", "WAITING", {"goal": "g"})]
    assert task.execution is not None
    assert task.execution.state == "PAUSED"


def test_a_step_is_written_and_loaded_with_its_result(bed: Bed) -> None:
    bed.session()
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    batch = step(claim.session, Claimed())
    [task] = batch.session.tasks.values()
    execution = task.execution.id if task.execution else ""
    paid = step(batch.session, StepClosed(execution, "reply", "pay", "hash", {"ok": [1]}, {"tokens": 3}))
    assert bed.store.write_group([batch]) == [Committed()]
    assert bed.store.write_group([paid]) == [Committed()]
    bed.store.retire(worker.id)
    [again] = bed.store.claim(worker_in(bed.store).id, 1)
    [task] = again.session.tasks.values()
    assert [(kept.result, kept.usage) for kept in task.steps] == [({"ok": [1]}, {"tokens": 3})]


def test_a_commit_puts_a_command_into_another_sessions_inbox_once(bed: Bed) -> None:
    parent, child = bed.session(), bed.session()
    worker = worker_in(bed.store)
    claims = {claim.session.id: claim for claim in bed.store.claim(worker.id, 2)}
    request = CommandRequest(parent, "answer", {"step": "s", "result": [1]}, "engine", "answer:s")
    gone = replace(request, session_id=new_id())
    batch = replace(step(claims[child].session, Claimed()), requests=(request, request, gone))
    assert bed.store.write_group([batch]) == [Committed()]
    [command] = bed.store.inbox(worker.id)[parent]
    assert (command.kind, command.payload) == ("answer", {"step": "s", "result": [1]})


def test_a_command_is_read_until_it_has_an_outcome(bed: Bed) -> None:
    key = bed.session()
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    command = bed.ask(key, "cancel")
    found = bed.store.commands([key])[key]
    assert [one.id for one in found] == [command]
    assert bed.store.inbox(worker.id) == {key: found}
    assert bed.store.inbox(worker_in(bed.store).id) == {}
    assert bed.store.write_group([step(claim.session, *found)]) == [Committed()]
    assert bed.outcome(command) == "applied"
    assert bed.store.commands([key]) == {}


def test_a_command_to_a_finished_session_is_rejected(bed: Bed) -> None:
    key = bed.session()
    [claim] = bed.store.claim(worker_in(bed.store).id, 1)
    bed.ask(key, "cancel")
    bed.store.write_group([step(claim.session, *bed.store.commands([key])[key])])
    late = bed.ask(key, "pause")
    assert bed.store.reject_stale_commands() == 1
    assert bed.outcome(late).startswith("rejected")


def test_a_lease_that_ran_out_cannot_be_renewed(bed: Bed) -> None:
    worker = worker_in(bed.store)
    assert bed.store.renew(worker.id, 60)
    bed.expire(worker)
    assert not bed.store.renew(worker.id, 60)


def test_a_worker_whose_lease_ran_out_claims_nothing_not_even_its_own_sessions_again(bed: Bed) -> None:
    bed.session()
    worker = worker_in(bed.store)
    assert len(bed.store.claim(worker.id, 1)) == 1
    bed.session()
    bed.expire(worker)
    assert bed.store.claim(worker.id, 2) == []
    assert len(bed.store.claim(worker_in(bed.store).id, 2)) == 2


def test_a_retired_workers_sessions_can_be_claimed_at_once(bed: Bed) -> None:
    key = bed.session()
    first = worker_in(bed.store)
    bed.store.claim(first.id, 1)
    bed.store.retire(first.id)
    assert [claim.session.id for claim in bed.store.claim(worker_in(bed.store).id, 1)] == [key]


def test_sessions_owned_but_not_run_are_let_go(bed: Bed) -> None:
    key, kept = bed.session(), bed.session()
    first = worker_in(bed.store)
    bed.store.claim(first.id, 2)
    assert bed.store.release_orphans(first.id, [kept]) == 1
    assert [claim.session.id for claim in bed.store.claim(worker_in(bed.store).id, 2)] == [key]


def test_a_finished_session_has_no_owner(bed: Bed) -> None:
    key = bed.session()
    [claim] = bed.store.claim(worker_in(bed.store).id, 1)
    bed.ask(key, "cancel")
    bed.store.write_group([step(claim.session, *bed.store.commands([key])[key])])
    assert bed.store.claim(worker_in(bed.store).id, 1) == []
    token, seq = bed.store.positions([key])[key]
    assert (token, seq) == (1, bed.last_seq(key))


def test_the_dead_processes_of_this_host_lose_their_leases_when_another_registers(transactional_db: None) -> None:
    bed = DatabaseBed()
    key = bed.session()
    dead = WorkerIdentity(str(uuid.uuid4()), "this-host", 2**22 - 1)
    bed.store.register(dead, 60)
    bed.store.claim(dead.id, 1)
    fresh = WorkerIdentity(str(uuid.uuid4()), "this-host", 1)
    bed.store.register(fresh, 60)
    assert [claim.session.id for claim in bed.store.claim(fresh.id, 1)] == [key]


def test_the_dead_processes_of_this_host_are_noticed_without_a_registration(transactional_db: None) -> None:
    bed = DatabaseBed()
    key = bed.session()
    fresh, dead = (WorkerIdentity(str(uuid.uuid4()), "this-host", pid) for pid in (1, 2**22 - 1))
    elsewhere = WorkerIdentity(str(uuid.uuid4()), "other-host", 2**22 - 1)
    for worker in (fresh, dead, elsewhere):
        bed.store.register(worker, 60)
    bed.store.claim(dead.id, 1)
    assert bed.store.expire_dead(fresh) == 1
    assert bed.store.expire_dead(fresh) == 0
    [claim] = bed.store.claim(fresh.id, 1)
    assert (claim.session.id, claim.was_let_go) == (key, False)


def test_new_ids_differ() -> None:
    assert new_id() != new_id()


def test_a_worker_that_vanishes_within_a_transaction_keeps_no_locks_for_long(transactional_db: None) -> None:
    if connections["default"].vendor != "postgresql":
        pytest.skip("SQLite's locks end with the process")
    store = SqlStore()

    def roll_back() -> None:
        with store._transaction():
            raise ValueError("the first transaction of a connection takes back what it has set")

    with pytest.raises(ValueError):
        roll_back()
    with store._transaction() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10s",)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("2s",)
    connections["default"].close()


def test_a_pooler_that_hands_connections_around_is_named_and_costs_no_task(transactional_db: None) -> None:
    if connections["default"].vendor != "postgresql":
        pytest.skip("only PostgreSQL has poolers")
    bed = DatabaseBed()
    bed.session()
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    batch = step(claim.session, Claimed())
    assert bed.store.write_group([batch]) == [Committed()]
    del postgres._PREPARED[connections["default"].connection]  # as if somebody else had prepared it there
    more = step(batch.session, CommandRead(1, "pause", {}, "test"))
    with pytest.raises(StoreUnavailable, match="pool_mode = session"):
        bed.store.write_group([more])
    assert bed.store.write_group([more]) == [Committed()]
    connections["default"].close()


ODD_OUTPUTS: list[Any] = [
    None,
    False,
    0,
    "",
    [],
    {},
    [None],
    {"none": None, "nested": [{"": ""}]},
    "quotes ' \" `, a \\ backslash, 100 %s of %(it)s, a line\nand a tab\t, é \u2028 \U0001f600 \x7f",
    [1e22, -0.0, 1e-7, 5e-324, 2**62, 2**70, -(2**70), 0.1 + 0.2],
]


@pytest.mark.parametrize("output", ODD_OUTPUTS, ids=repr)
def test_what_a_task_brought_is_loaded_as_it_was(bed: Bed, output: Any) -> None:
    bed.session(tasks=2)
    worker = worker_in(bed.store)
    [claim] = bed.store.claim(worker.id, 1)
    started = step(claim.session, Claimed())
    first = next(iter(started.session.tasks.values()))
    assert first.execution is not None
    half = step(started.session, AgentFinished(first.execution.id, output))
    assert bed.store.write_group([started]) == [Committed()]
    assert bed.store.write_group([half]) == [Committed()]
    bed.expire(worker)
    [again] = bed.store.claim(worker_in(bed.store).id, 1)
    assert again.session.tasks[first.id].output == output
    assert again.session.tasks[first.id].status == "COMPLETED"
    assert again.session.last_hash == half.session.last_hash
