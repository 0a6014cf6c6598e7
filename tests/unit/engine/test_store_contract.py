"""One contract, three stores: in memory, on SQLite, on PostgreSQL."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connections
from msgspec.structs import replace

from core.clock import SYSTEM_CLOCK
from sessions.engine.batch import Batch, CommandRequest, Committed, Refused, Rejected
from sessions.engine.core import decide
from sessions.engine.draft import Moment
from sessions.engine.inputs import (
    AgentFinished,
    AgentParked,
    ChildStarted,
    Claimed,
    CommandRead,
    Input,
    SlotWanted,
    StepClosed,
    StepOpened,
    Tick,
)
from sessions.engine.sharing import SlotAsk
from sessions.engine.state import Session
from sessions.engine.store import postgres
from sessions.engine.store.base import Store, StoreUnavailable, WorkerIdentity
from sessions.engine.store.memory import MemoryStore
from sessions.engine.store.sql import SqlStore
from sessions.models import AgentSession, EngineWorker, SessionCommand, SessionEvent, SlotShare
from sessions.scopes import agent_scope, capability_scope, workspace_scope
from tests.make import Make
from tests.unit.engine import world
from tests.unit.engine.world import NOON, agent, new_id


class MemoryBed:
    """The store in memory and how to fill it."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def session(self, *, tasks: int = 1, workspace: str = "a", **fields: Any) -> str:
        worker = agent()
        rows = [world.task(f"task-{n}", agent_id=worker.id) for n in range(tasks)]
        one = world.session(*rows, agents=[worker], workspace_id=workspace, **fields)
        self.store.add(one)
        return one.id

    def ask(self, session_id: str, kind: str) -> int:
        return self.store.ask(session_id, kind)

    def last_seq(self, session_id: str) -> int:
        return self.store.sessions[session_id].last_seq

    def events(self, session_id: str) -> list[str]:
        return [event.type for event in self.store.events.get(session_id, [])]

    def outcome(self, command: int) -> str:
        return self.store.outcomes.get(command, "")

    def limited_scope(self, limit: int) -> str:
        """A workspace of which so many tasks may run at once."""
        scope = workspace_scope(new_id())
        self.store.limits[scope] = limit
        return scope

    def places(self, worker: WorkerIdentity) -> dict[str, int]:
        return {scope: places for scope, places in self.store.shares.get(worker.id, {}).items() if places}

    def expire(self, worker: WorkerIdentity) -> None:
        self.store._workers[worker.id] = SYSTEM_CLOCK.now() - timedelta(seconds=1)


class DatabaseBed:
    """A store on Django's default database."""

    def __init__(self) -> None:
        self.store = SqlStore()
        self.make = Make()
        self.workspaces: dict[str, Any] = {}

    def session(self, *, tasks: int = 1, workspace: str = "a", **fields: Any) -> str:
        if workspace not in self.workspaces:
            self.workspaces[workspace] = self.make.agent(self.make.project())
        return str(self.make.session(tasks=tasks, agent=self.workspaces[workspace], **fields).id)

    def ask(self, session_id: str, kind: str) -> int:
        return SessionCommand.objects.create(session_id=session_id, kind=kind, actor="test").id

    def last_seq(self, session_id: str) -> int:
        return AgentSession.objects.get(id=session_id).last_seq

    def events(self, session_id: str) -> list[str]:
        return list(SessionEvent.objects.filter(session_id=session_id).values_list("type", flat=True))

    def outcome(self, command: int) -> str:
        return SessionCommand.objects.get(id=command).outcome

    def limited_scope(self, limit: int) -> str:
        return workspace_scope(self.make.workspace(max_concurrent_executions=limit).id)

    def places(self, worker: WorkerIdentity) -> dict[str, int]:
        return dict(SlotShare.objects.filter(worker_id=worker.id).values_list("scope", "places"))

    def expire(self, worker: WorkerIdentity) -> None:
        EngineWorker.objects.filter(id=worker.id).update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))


Bed = MemoryBed | DatabaseBed


@pytest.fixture(params=["memory", pytest.param("database", marks=pytest.mark.django_db(transaction=True))])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    if request.param == "memory":
        yield MemoryBed()
        return
    yield DatabaseBed()
    connections["default"].close() if connections["default"].vendor == "postgresql" else None


def worker_in(store: Store) -> WorkerIdentity:
    worker = WorkerIdentity(str(uuid.uuid4()), f"host-{uuid.uuid4()}", 1)
    store.register(worker, 60)
    return worker


def step(session: Session, *inputs: Input) -> Batch:
    moment = Moment(now=SYSTEM_CLOCK.now(), rng=Random(1), new_id=lambda: str(uuid.uuid4()), grant=lambda want: True)
    batch = decide(session, inputs or (Tick(),), moment).batch
    assert batch is not None
    return batch


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


def ask(scope: str, *tasks: str, in_use: int = 0, priority: int = 0, at: datetime = NOON) -> SlotAsk:
    return SlotAsk({scope: in_use}, [SlotWanted(task, (scope,), priority, 0, at) for task in tasks])


def test_a_worker_alone_gets_all_places_of_a_scope(bed: Bed) -> None:
    scope, worker = bed.limited_scope(5), worker_in(bed.store)
    shares = bed.store.take_slots(worker.id, ask(scope, new_id()))
    assert shares.places == {scope: 5}
    assert bed.places(worker) == {scope: 5}


def test_the_places_of_two_workers_never_exceed_the_limit(bed: Bed) -> None:
    scope, first, second = bed.limited_scope(3), worker_in(bed.store), worker_in(bed.store)
    for number in range(1, 8):
        for worker in (first, second):
            used = bed.places(worker).get(scope, 0)
            bed.store.take_slots(worker.id, ask(scope, new_id(), in_use=used, at=NOON - timedelta(seconds=number)))
            assert bed.places(first).get(scope, 0) + bed.places(second).get(scope, 0) <= 3
    assert bed.places(first)[scope] + bed.places(second)[scope] == 3


def test_who_waits_is_seen_by_the_worker_that_holds_the_places_and_served_when_it_gives_back(bed: Bed) -> None:
    scope, rich, poor = bed.limited_scope(2), worker_in(bed.store), worker_in(bed.store)
    bed.store.take_slots(rich.id, ask(scope, new_id(), new_id()))
    task = new_id()
    assert [want.task_id for want in bed.store.take_slots(poor.id, ask(scope, task)).waiting] == [task]
    assert bed.store.look_at_slots(rich.id, [scope])[scope].is_wanted
    assert not bed.store.look_at_slots(poor.id, [scope])[scope].is_wanted
    bed.store.take_slots(rich.id, ask(scope, in_use=1))
    assert bed.store.take_slots(poor.id, ask(scope, task)).places == {scope: 1}
    assert not bed.store.look_at_slots(rich.id, [scope])[scope].is_wanted


def test_a_free_place_is_left_for_the_more_important_task_of_another_worker(bed: Bed) -> None:
    scope, low, high = bed.limited_scope(1), worker_in(bed.store), worker_in(bed.store)
    bed.store.take_slots(low.id, ask(scope, new_id()))
    urgent = new_id()
    bed.store.take_slots(high.id, ask(scope, urgent, priority=5))
    assert bed.store.take_slots(low.id, ask(scope, new_id(), priority=1)).places == {scope: 0}
    assert bed.store.take_slots(high.id, ask(scope, urgent, priority=5)).places == {scope: 1}


def test_the_places_of_a_worker_that_is_gone_are_free(bed: Bed) -> None:
    scope, dead, heir = bed.limited_scope(2), worker_in(bed.store), worker_in(bed.store)
    bed.store.take_slots(dead.id, ask(scope, new_id(), new_id()))
    bed.expire(dead)
    assert bed.store.take_slots(heir.id, ask(scope, new_id())).places == {scope: 2}
    assert bed.store.take_slots(dead.id, ask(scope, new_id())).places == {}
    retired = worker_in(bed.store)
    bed.store.take_slots(heir.id, ask(scope))
    bed.store.take_slots(retired.id, ask(scope, new_id(), new_id()))
    bed.store.retire(retired.id)
    assert bed.places(retired) == {}


def test_a_scope_without_a_limit_gives_any_number_of_places(bed: Bed) -> None:
    scope = bed.limited_scope(1).replace("workspace:", "capability:") + ":translate"
    worker = worker_in(bed.store)
    assert bed.store.take_slots(worker.id, ask(scope, new_id())).places == {scope: None}
    assert bed.places(worker) == {}


def test_limits_of_agents_and_capabilities_are_read_when_places_are_asked_for(transactional_db: None) -> None:
    bed = DatabaseBed()
    workspace = bed.make.workspace(capability_limits={"translate": 2})
    someone = bed.make.agent(bed.make.project(workspace), max_concurrent_tasks=3)
    scopes = (agent_scope(someone.id), capability_scope(workspace.id, "translate"))
    shares = bed.store.take_slots(worker_in(bed.store).id, SlotAsk(dict.fromkeys(scopes, 1), []))
    assert shares.places == dict(zip(scopes, (3, 2), strict=True))


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
