"""The places of a scope, shared among workers: one contract, three stores."""

from datetime import datetime, timedelta

from sessions.engine.inputs import (
    SlotWanted,
)
from sessions.engine.sharing import SlotAsk
from sessions.scopes import agent_scope, capability_scope
from tests.unit.engine.beds import Bed, DatabaseBed, worker_in
from tests.unit.engine.world import NOON, new_id


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
