"""A session's history is whole, or the first place is named where it is not."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import SYSTEM_CLOCK
from sessions.errors import SessionGone, SessionNotFound
from sessions.events import next_hash
from sessions.models import AgentExecution, AgentSession, AgentTask, PrunedSession, SessionEvent
from sessions.selectors import Verification, reading, verification, verify_session, verifying
from tests.make import Make
from tests.past import Past, append_events
from workspaces.selectors import access_of_user


@pytest.fixture
def past(make: Make) -> Past:
    return Past(make)


def first(session: AgentSession) -> tuple[int, str]:
    """Seq and code of the first problem."""
    found = verify_session(session.id)
    assert not found.is_whole
    return (found.problems[0].seq, found.problems[0].code)


def test_what_the_engine_wrote_is_whole(past: Past) -> None:
    session = past.session()
    found = verify_session(session.id)
    expected = Verification(str(session.id), True, True, session.last_seq, session.last_seq, session.last_hash, ())
    assert found == expected


@pytest.mark.parametrize("outputs", [{"only": None}, {"a": 1, "b": None, "c": 2}, {"big": "x" * 40_000}, {"n": 1e22}])
def test_a_session_that_failed_or_has_odd_outputs_is_whole(past: Past, outputs: dict[str, Any]) -> None:
    assert verify_session(past.session(outputs).id).problems == ()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_live_session_is_whole(past: Past, steps: int) -> None:
    session = past.session(steps=steps)
    assert session.is_live
    found = verify_session(session.id)
    assert (found.problems, found.is_compared) == ((), True)


def tamper_with(session: AgentSession, what: str) -> None:
    event = SessionEvent.objects.filter(session=session, seq=4)
    row = event.get()
    match what:
        case "text":
            event.update(payload=row.payload.replace("task", "tusk"))
        case "hash":
            event.update(hash="0" * 64)
        case "lost":
            event.delete()
        case "type":
            event.update(type="task.failed")
        case "task":
            event.update(task_id=uuid4())
        case "time":
            event.update(created_at=SYSTEM_CLOCK.now())
        case "forged":
            event.update(payload="[]", hash=next_hash(SessionEvent.objects.get(session=session, seq=3).hash, "[]"))


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("text", "broken_chain"),
        ("hash", "broken_chain"),
        ("lost", "broken_chain"),
        ("type", "wrong_columns"),
        ("task", "wrong_columns"),
        ("time", "wrong_columns"),
        ("forged", "wrong_columns"),
    ],
)
def test_a_changed_event_is_named(past: Past, what: str, code: str) -> None:
    session = past.session()
    tamper_with(session, what)
    assert first(session) == (4, code)
    assert not verify_session(session.id).is_compared


def test_a_gap_longer_than_a_page_is_named_by_its_first_event(past: Past) -> None:
    session = append_events(past.session(steps=1), 3 * reading.PAGE_EVENTS)
    SessionEvent.objects.filter(session=session, seq__gt=5, seq__lte=5 + 2 * reading.PAGE_EVENTS).delete()
    assert first(session) == (6, "broken_chain")


def test_a_log_that_was_cut_at_its_end_is_found_by_the_row(past: Past) -> None:
    session = past.session()
    SessionEvent.objects.filter(session=session, seq=session.last_seq).delete()
    assert first(session) == (session.last_seq, "missing_tail")


def test_a_log_that_is_longer_than_its_row_says_is_found(past: Past) -> None:
    session = past.session()
    AgentSession.objects.filter(pk=session.pk).update(last_seq=session.last_seq - 1)
    assert first(session) == (session.last_seq, "too_long")


def test_a_row_with_another_last_hash_is_found(past: Past) -> None:
    session = past.session()
    AgentSession.objects.filter(pk=session.pk).update(last_hash="f" * 64)
    assert first(session) == (session.last_seq, "last_hash")


def test_rows_that_were_changed_behind_the_log_are_found(past: Past) -> None:
    session = past.session()
    AgentSession.objects.filter(pk=session.pk).update(result={"answer": "forged"})
    AgentTask.objects.filter(session=session, name="first").update(output_data={"found": 2})
    AgentExecution.objects.filter(task__session=session, task__name="last").delete()
    codes = [problem.code for problem in verify_session(session.id).problems]
    assert codes == ["task_output", "missing_execution", "session_result"]


def test_a_task_the_log_does_not_know_is_found(past: Past) -> None:
    session = past.session()
    past.make.task(session, name="smuggled in", status="COMPLETED")
    assert first(session) == (session.last_seq, "unknown_task")


def test_a_session_that_moves_on_while_it_is_read_is_followed(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    session = past.session(steps=1)
    right, moves = verifying._tasks, iter(range(2))

    def tasks_while_it_moves(row: AgentSession) -> Any:
        if next(moves, None) is not None:
            append_events(AgentSession.objects.get(pk=row.pk), 3)
        return right(row)

    monkeypatch.setattr(verifying, "_tasks", tasks_while_it_moves)
    found = verify_session(session.id)
    assert (found.is_whole, found.is_compared, found.events) == (True, True, session.last_seq + 6)


def test_a_session_that_never_rests_is_judged_by_its_chain_alone(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    session, right = past.session(steps=1), verifying._tasks

    def tasks_while_it_moves(row: AgentSession) -> Any:
        append_events(AgentSession.objects.get(pk=row.pk), 1)
        return right(row)

    monkeypatch.setattr(verifying, "_tasks", tasks_while_it_moves)
    found = verify_session(session.id)
    assert (found.is_whole, found.is_compared) == (True, False)


def test_the_statements_depend_on_the_pages_of_the_log_alone(past: Past) -> None:
    def statements(session: AgentSession) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert verify_session(session.id).is_whole
        return len(queries)

    few, more = past.session({"a": 1}), past.session({f"t{n}": n for n in range(12)})
    assert statements(few) == statements(more) == 7
    long = append_events(past.session(steps=1), 2 * reading.PAGE_EVENTS)
    assert statements(long) == 9


def test_what_the_caller_may_not_see_is_not_there(past: Past) -> None:
    stranger = access_of_user(past.make.member(past.make.workspace()))
    with pytest.raises(SessionNotFound):
        verification(stranger, past.session().id)


def test_a_session_that_begins_to_be_deleted_meanwhile_is_not_called_broken(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, right = past.session(), verifying.event_pages

    def pages_while_pruned(*args: Any) -> Any:
        AgentSession.objects.filter(pk=session.pk).update(pruning_at=SYSTEM_CLOCK.now())
        SessionEvent.objects.filter(session=session, seq__gt=3).delete()
        return right(*args)

    monkeypatch.setattr(verifying, "event_pages", pages_while_pruned)
    with pytest.raises(SessionNotFound):
        verify_session(session.id)


def test_a_pruned_session_says_what_is_left(past: Past) -> None:
    session, now = past.session(), SYSTEM_CLOCK.now()
    PrunedSession.objects.create(
        id=session.id, workspace=session.workspace, status="COMPLETED", last_seq=9, last_hash="h", completed_at=now,
        created_at=now,
    )  # fmt: skip
    AgentSession.objects.filter(pk=session.pk).update(pruning_at=now)
    with pytest.raises(SessionGone) as caught:
        verification(past.access, session.id)
    assert (caught.value.details["last_seq"], caught.value.details["export"]) == (9, None)
