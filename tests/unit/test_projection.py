"""What a log says, and which rows contradict it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sessions.events import GENESIS_HASH, record_event
from sessions.policies import WORKER_LOST_LIMIT
from sessions.projection import LARGEST_REPORT, Projection, digest
from sessions.row_check import ExecutionRow, RowCheck, SessionRow, TaskRow, agrees

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CREATED = {"name": "t", "depends_on": [], "agent": "a"}
STARTED = {"attempt": 1, "execution": "e1"}
LOST = {"execution": "e1", "attempt": 1, "code": "worker_lost", "message": ""}
DONE = {"output": {"x": 1}, "attempt": 1, "duration_seconds": 1.0}
REUSED = {"copied_from": "t0", "output": {"x": 1}, "saved": {}}
END = {"result": {"answer": "x"}, "usage": {"tokens": 3}, "duration_seconds": 1.0}
WHOLE: list[tuple[str, dict[str, Any]]] = [
    ("session.created", {}),
    ("task.created", CREATED),
    ("session.started", {"tasks": 1}),
    ("task.queued", {}),
    ("task.started", STARTED),
    ("usage", {"tokens": 3}),
    ("task.completed", DONE),
    ("session.completed", END),
]
SESSION = SessionRow("COMPLETED", "", {"tokens": 3.0}, {"answer": "x"}, "")
TASK = TaskRow("t1", "t", "COMPLETED", "a", 3, {"x": 1}, "")
EXECUTION = ExecutionRow("e1", "t1", 1, "COMPLETED")


def project(events: list[tuple[str, dict[str, Any]]]) -> Projection:
    projection = Projection()
    for seq, (kind, data) in enumerate(events, start=1):
        of_task = kind.startswith(("task.", "execution."))
        task = "t1" if of_task else None
        event = record_event(
            previous_hash=GENESIS_HASH, seq=seq, event_type=kind, at=NOW, data=data, task=task, agent=task and "a"
        )
        projection.apply(json.loads(event.payload))
    return projection


def codes(log: Projection, *rows: Any) -> list[str]:
    check = RowCheck(log)
    for row in rows:
        {SessionRow: check.session, TaskRow: check.task, ExecutionRow: check.execution}[type(row)](row)
    check.finish()
    return [problem.code for problem in log.problems]


def test_a_whole_log_says_what_its_rows_say() -> None:
    log = project(WHOLE)
    assert codes(log, SESSION, TASK, EXECUTION) == []
    assert (log.status, log.tasks["t1"].status, log.executions["e1"].state) == ("COMPLETED",) * 3


@pytest.mark.parametrize(
    ("row", "code", "seq"),
    [
        (replace(SESSION, status="FAILED"), "session_status", 8),
        (replace(SESSION, usage={"tokens": 4}), "session_usage", 8),
        (replace(SESSION, result={"answer": "y"}), "session_result", 8),
        (replace(TASK, status="FAILED"), "task_status", 7),
        (replace(TASK, name="other"), "task_name", 7),
        (replace(TASK, agent="b"), "task_agent", 7),
        (replace(TASK, output={"x": True}), "task_output", 7),
        (replace(TASK, output=None), "task_output", 7),
        (replace(TASK, max_attempts=0), "too_many_attempts", 7),
        (replace(TASK, id="t2"), "unknown_task", 8),
        (replace(EXECUTION, state="FAILED"), "execution_state", 7),
        (replace(EXECUTION, attempt=2), "execution_attempt", 7),
        (replace(EXECUTION, task="t2"), "execution_task", 7),
        (replace(EXECUTION, id="e2"), "unknown_execution", 8),
    ],
)
def test_a_row_that_says_something_else_is_named_with_the_event_it_contradicts(row: Any, code: str, seq: int) -> None:
    rows = [kept if type(kept) is not type(row) else row for kept in (SESSION, TASK, EXECUTION)]
    log = project(WHOLE)
    assert code in codes(log, *rows)
    assert (log.problems[0].code, log.problems[0].seq) == (code, seq)


def test_a_task_whose_output_was_taken_over_is_done_without_an_attempt() -> None:
    log = project([*WHOLE[:2], ("task.reused", REUSED), ("session.started", {"tasks": 1}), WHOLE[-1]])
    assert codes(log, SESSION, TASK) == []


def test_rows_that_are_missing_are_named() -> None:
    assert codes(project(WHOLE), SESSION) == ["missing_task", "missing_execution"]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([*WHOLE, ("log", {})], "after_end"),
        ([*WHOLE[:3], ("task.completed", DONE)], "illegal_move"),
        ([*WHOLE[:5], ("execution.failed", {**LOST, "execution": "e9"})], "not_live"),
        ([*WHOLE[:4], ("task.started", {**STARTED, "attempt": 2})], "attempt_number"),
        ([*WHOLE[:5], ("task.started", {"attempt": 2, "execution": "e2"})], "two_attempts"),
        ([*WHOLE[:7], ("task.completed", DONE)], "second_output"),
        ([*WHOLE[:5], ("task.reused", REUSED)], "late_reuse"),
        ([WHOLE[0], ("task.created", {**CREATED, "depends_on": ["t1"]}), ("task.reused", REUSED)], "inputs_missing"),
        ([WHOLE[0], ("task.completed", DONE)], "unreadable"),
        ([WHOLE[0], ("task.created", {**CREATED, "depends_on": ["t0"]}), *WHOLE[2:5]], "unreadable"),
        ([WHOLE[0], ("task.created", {**CREATED, "depends_on": ["t1"]}), *WHOLE[2:5]], "inputs_missing"),
    ],
)
def test_what_no_healthy_log_says_is_a_problem(events: list[tuple[str, dict[str, Any]]], code: str) -> None:
    assert code in [problem.code for problem in project(events).problems]


def test_a_task_under_which_too_many_workers_died_is_a_problem() -> None:
    crashes = [
        event
        for n in range(1, WORKER_LOST_LIMIT + 2)
        for event in (
            ("task.started", {"attempt": n, "execution": f"e{n}"}),
            ("execution.failed", {**LOST, "execution": f"e{n}"}),
        )
    ]
    assert [problem.code for problem in project([*WHOLE[:4], *crashes]).problems] == ["too_many_crashes"]


def test_a_report_is_bounded() -> None:
    assert len(project([*WHOLE, *[("log", {})] * 200]).problems) == LARGEST_REPORT


def test_usage_of_a_log_that_was_cut_short_is_known_again_at_the_end() -> None:
    cut = [*WHOLE[:6], ("log.truncated", {"limit": 1})]
    assert not project(cut).is_usage_whole
    assert project([*cut, *WHOLE[6:]]).is_usage_whole


@pytest.mark.parametrize(("one", "other"), [(1e22, 10**22), (-0.0, 0), (3.0, 3), ({"a": [2.0]}, {"a": [2]})])
def test_a_number_counts_however_the_database_spells_it(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


def test_a_truth_is_no_number() -> None:
    assert digest(True) != digest(1)


def test_of_a_value_too_large_for_an_event_the_size_is_compared() -> None:
    assert agrees(digest({"truncated": True, "bytes": 12}), "x" * 10)
    assert not agrees(digest({"truncated": True, "bytes": 12}), "x" * 11)
