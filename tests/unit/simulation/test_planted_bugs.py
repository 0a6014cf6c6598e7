"""A simulation that finds nothing proves nothing: each of these bugs, planted on purpose, must be found."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample
from msgspec.structs import replace

from sessions.engine import attempts, children, core, ending, scheduling, steps
from sessions.engine.batch import Batch, Committed, Outcome
from sessions.engine.draft import Draft
from sessions.engine.host import EngineHost
from sessions.engine.inputs import Claimed, WriteRejected
from sessions.engine.journal import Journal
from sessions.engine.runner import SessionRunner
from sessions.engine.state import Step, Task
from sessions.engine.store.memory import MemoryStore
from tests.unit.simulation.known import (
    ANSWERED_EARLY,
    BORN_LATE,
    BORN_UNHEARD,
    CRASHED_BEFORE_BIRTH,
    RETAKEN_AT_ONCE,
    WOKEN_TOO_EARLY,
)
from tests.unit.simulation.making import child_session
from tests.unit.simulation.scenario import Scenario, scenarios
from tests.unit.simulation.world import World, simulate

Patch = pytest.MonkeyPatch
TRIES = 400


def starts_before_its_inputs_are_complete(patch: Patch) -> None:
    patch.setattr(scheduling, "_has_inputs", lambda draft, task: True)


def lets_a_former_owner_write(patch: Patch) -> None:
    def apply(self: MemoryStore, batch: Batch) -> Outcome:
        lease, key = self._leases[batch.session_id], batch.session_id
        token, before = lease.token, self.sessions[key]
        lease.token, self.sessions[key] = batch.session.token, replace(before, last_seq=batch.base_seq)
        outcome = right(self, batch)
        lease.token = token
        if not isinstance(outcome, Committed):
            self.sessions[key] = before
        return outcome

    right = MemoryStore._apply
    patch.setattr(MemoryStore, "_apply", apply)
    patch.setattr(MemoryStore, "_stale", lambda self, batch, tasks: None)


def forgets_what_ran_before_a_takeover(patch: Patch) -> None:
    patch.setitem(core._HANDLERS, Claimed, lambda draft, item: None)


def tries_again_without_end(patch: Patch) -> None:
    patch.setattr(attempts, "attempt_follows", lambda **_: True)


def leaves_a_gap_in_the_log(patch: Patch) -> None:
    def emit(self: Draft, event_type: str, *args: Any) -> None:
        if event_type == "execution.progress":
            self._seq += 1
        right(self, event_type, *args)

    right = Draft.emit
    patch.setattr(Draft, "emit", emit)


def takes_a_lost_answer_for_a_commit(patch: Patch) -> None:
    def read_back(self: Journal, batches: list[Batch], known: dict[int, Outcome]) -> None:
        known.update({id(batch): Committed() for batch in batches})

    patch.setattr(Journal, "_read_back", read_back)


def does_not_read_back_after_a_lost_answer(patch: Patch) -> None:
    patch.setattr(Journal, "_read_back", lambda self, batches, known: None)


def never_gives_a_place_back(patch: Patch) -> None:
    patch.setattr(SessionRunner, "_free_slots", lambda self: None)


def acts_before_the_commit(patch: Patch) -> None:
    async def commit(self: SessionRunner, decision: Any) -> bool:
        for effect in decision.effects:
            self._carry_out(effect)
        return await right(self, decision)

    right = SessionRunner._commit
    patch.setattr(SessionRunner, "_commit", commit)


def loses_what_came_with_a_rejected_write(patch: Patch) -> None:
    def reject(self: SessionRunner, batch: Batch, reason: str) -> None:
        suspects = tuple(write.task.id for write in batch.executions)
        self._inputs.appendleft(WriteRejected(suspects, reason))

    patch.setattr(SessionRunner, "_reject", reject)


def writes_half_of_a_rejected_batch(patch: Patch) -> None:
    def apply(self: MemoryStore, batch: Batch) -> Outcome:
        outcome = right(self, batch)
        if not isinstance(outcome, Committed):
            self.messages.extend(batch.messages)
            self.events[batch.session_id].extend(batch.events[:1])
        return outcome

    right = MemoryStore._apply
    patch.setattr(MemoryStore, "_apply", apply)


def ends_twice(patch: Patch) -> None:
    def complete(draft: Draft) -> None:
        right(draft)
        draft.emit("session.completed", {"result": None, "usage": {}, "duration_seconds": 0})

    right = ending.complete_session
    patch.setattr(ending, "complete_session", complete)


def forgets_the_new_runner_of_a_session_when_the_old_one_ends(patch: Patch) -> None:
    async def run(self: EngineHost, session_id: str, runner: SessionRunner, previous: Any) -> None:
        try:
            await runner.run()
        finally:
            self._runners.pop(session_id, None)
            self._works.pop(session_id, None)
            self._look.set()

    patch.setattr(EngineHost, "_run", run)


def falls_asleep_again_and_again(patch: Patch) -> None:
    patch.setattr(scheduling, "_may_sleep", lambda draft: True)


def forgets_the_places_of_other_hosts(patch: Patch) -> None:
    def views(self: MemoryStore, *args: Any) -> Any:
        return {scope: replace(view, elsewhere=0) for scope, view in right(self, *args).items()}

    right = MemoryStore._views
    patch.setattr(MemoryStore, "_views", views)


def asks_for_no_child_again_after_a_crash(patch: Patch) -> None:
    patch.setattr(children, "adopt_children", lambda draft: None)


def makes_a_child_whenever_it_is_asked_for_one(patch: Patch) -> None:
    def make(self: World, parent_id: str, step_id: str, request: Any) -> None:
        session, events = child_session(self.store.sessions[parent_id], step_id, request["tasks"], self.new_id)
        self.store.submit(session, events)

    patch.setattr(World, "_make_child", make)


def loses_an_answer_that_comes_before_the_agent_has_stopped(patch: Patch) -> None:
    def answer(draft: Draft, task: Task, step: Step, payload: Any) -> str:
        return right(draft, task, step, payload) if task.status == "WAITING" else "applied"

    right = steps._answer
    patch.setattr(steps, "_answer", answer)


def lets_the_children_of_a_cancelled_session_go_on(patch: Patch) -> None:
    patch.setattr(children, "_tell_all", lambda draft, kind: None)


def sleeps_before_its_child_is_there(patch: Patch) -> None:
    patch.setattr(children, "is_unconfirmed", lambda draft, task: False)


BUGS: list[Callable[[Patch], None]] = [
    starts_before_its_inputs_are_complete,
    lets_a_former_owner_write,
    forgets_what_ran_before_a_takeover,
    tries_again_without_end,
    leaves_a_gap_in_the_log,
    takes_a_lost_answer_for_a_commit,
    does_not_read_back_after_a_lost_answer,
    never_gives_a_place_back,
    acts_before_the_commit,
    writes_half_of_a_rejected_batch,
    loses_what_came_with_a_rejected_write,
    ends_twice,
    forgets_the_places_of_other_hosts,
]
FAMILY_BUGS = [
    (lets_the_children_of_a_cancelled_session_go_on, "goes on though"),
]
RARE_BUGS = [
    (makes_a_child_whenever_it_is_asked_for_one, BORN_UNHEARD),
    (asks_for_no_child_again_after_a_crash, CRASHED_BEFORE_BIRTH),
    (loses_an_answer_that_comes_before_the_agent_has_stopped, ANSWERED_EARLY),
    (sleeps_before_its_child_is_there, BORN_LATE),
    (forgets_the_new_runner_of_a_session_when_the_old_one_ends, RETAKEN_AT_ONCE),
    (falls_asleep_again_and_again, WOKEN_TOO_EARLY),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_an_engine_that(bug: Callable[[Patch], None], monkeypatch: Patch) -> None:
    bug(monkeypatch)
    assert first_failure() is not None, "the simulation did not notice"


@pytest.mark.parametrize(("bug", "moment"), RARE_BUGS, ids=lambda value: getattr(value, "__name__", "in its moment"))
def test_in_one_rare_moment_an_engine_that(
    bug: Callable[[Patch], None], moment: Scenario | tuple[Scenario, ...], monkeypatch: Patch
) -> None:
    moments = moment if isinstance(moment, tuple) else (moment,)
    assert [simulate(one) for one in moments] == [[]] * len(moments)
    bug(monkeypatch)
    assert any(simulate(one) for one in moments), "the simulation did not notice"


@pytest.mark.parametrize(("bug", "complaint"), FAMILY_BUGS, ids=lambda value: getattr(value, "__name__", "noticed"))
def test_an_engine_with_children_that(bug: Callable[[Patch], None], complaint: str, monkeypatch: Patch) -> None:
    bug(monkeypatch)
    assert first_failure(dynamic=True, complaint=complaint) is not None, "the simulation did not notice"


def first_failure(*, dynamic: bool = False, complaint: str = "") -> Scenario | None:
    options = settings(
        max_examples=TRIES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        return find(
            scenarios(trouble=1, dynamic=dynamic),
            lambda scenario: any(complaint in text for text in simulate(scenario)),
            settings=options,
            random=Random(7),
        )
    except NoSuchExample:
        return None
