"""Why something waits, as a code and a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions.why import TASK_CODES, Reason, ScopeFacts, SessionFacts, StepFacts, TaskFacts, why_session, why_task

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
WORKSPACE = ScopeFacts("workspace", "Ours", 3, 3, 2)


def session(**fields: Any) -> SessionFacts:
    values = {"status": "RUNNING", "is_owned": True, "worker_count": 1, "running_count": 0, "max_concurrent_tasks": 5}
    return SessionFacts(**{**values, **fields})


def of_session(**fields: Any) -> Reason | None:
    return why_session(session(**{"is_owned": False, "status": "PENDING", **fields}), NOON)


def of_task(status: str = "QUEUED", in_session: SessionFacts | None = None, **fields: Any) -> Reason | None:
    return why_task(TaskFacts(status, **fields), in_session or session(), NOON)


TASKS = {
    "dependency": (of_task("PENDING", inputs=[("read", "RUNNING"), ("sort", "PENDING")]), "read, sort"),
    "slot": (of_task(scopes=[WORKSPACE]), "number 2 in line"),
    "backoff": (of_task(not_before=LATER), "12:05:00"),
    "paused": (of_task(in_session=session(status="PAUSED", paused_by="ann")), "paused by ann"),
    "no_capable_agent": (of_task("PENDING", agent_fault="No usable agent can do fly."), "fly"),
    "agent_away": (of_task(agents_away=["Ada"], agent_fault="No usable agent."), "Ada is in maintenance or offline"),
    "person": (of_task("WAITING", steps=[StepFacts("person", "approve", LATER)]), "answer"),
    "child_session": (of_task("WAITING", steps=[StepFacts("session", "sub", child="c")]), "it started"),
    "sleeping": (of_task("WAITING", steps=[StepFacts("sleep", "nap", LATER)]), "until 2026-01-01 12:05:00"),
    "not_started": (of_task("PENDING", session(status="PENDING", is_owned=False, ahead_count=2)), "behind 2 sessions"),
    "session_limit": (of_task(in_session=session(running_count=5)), "5 tasks"),
}


@pytest.mark.parametrize("code", TASK_CODES)
def test_each_code_of_a_task_comes_with_a_sentence_that_names_the_cause(code: str) -> None:
    reason, words = TASKS[code]
    assert reason is not None
    assert reason.code == code
    assert words in reason.message


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"])
def test_a_task_that_runs_or_has_ended_waits_for_nothing(status: str) -> None:
    assert of_task(status) is None


def test_of_full_scopes_the_one_with_the_longest_line_is_named() -> None:
    agent = ScopeFacts("agent", "Ada", 1, 1, 7)
    reason = of_task(scopes=[WORKSPACE, agent, ScopeFacts("capability", "fly", 9, 1, 20)])
    assert reason is not None
    assert reason.details == {"scope": "agent", "name": "Ada", "limit": 1, "held": 1, "position": 7}


def test_a_task_with_places_free_in_every_scope_waits_for_its_worker() -> None:
    reason = of_task(scopes=[ScopeFacts("workspace", "Ours", 3, 2, 1)])
    assert reason is not None
    assert (reason.code, reason.details) == ("slot", {"scope": "worker"})


def test_many_unfinished_inputs_are_counted_and_the_first_named() -> None:
    reason = of_task("PENDING", inputs=[(f"t{number}", "PENDING") for number in range(30)])
    assert reason is not None
    assert reason.message == "It waits for t0, t1, t2 and 27 more."
    assert (len(reason.details["unfinished"]), reason.details["count"]) == (20, 30)


def test_a_pause_is_named_before_everything_else() -> None:
    reason = of_task("PENDING", session(status="PAUSED", pause_reason="budget"), inputs=[("read", "PENDING")])
    assert reason is not None
    assert (reason.code, "(budget)" in reason.message) == ("paused", True)


def test_a_task_that_joins_those_it_spawned_depends_on_them() -> None:
    reason = of_task("WAITING", steps=[StepFacts("tasks", "spread")])
    assert reason is not None
    assert reason.code == "dependency"


def test_a_session_at_work_or_ended_waits_for_nothing() -> None:
    assert of_session(is_owned=True, status="RUNNING") is None
    assert of_session(status="COMPLETED") is None


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"worker_count": 0, "ahead_count": 3}, "no_worker", "No worker is alive"),
        ({"ahead_count": 1}, "queued", "behind 1 session."),
        ({}, "queued", "next of its workspace"),
        ({"status": "PAUSED", "is_held": True}, "not_started", "execute its task"),
        ({"status": "PAUSED", "paused_by": "ann", "pause_reason": "user"}, "paused", "paused by ann;"),
        ({"status": "WAITING", "wake_at": LATER}, "sleeping", "12:05:00"),
        ({"status": "WAITING"}, "sleeping", "until what its tasks wait for"),
        ({"status": "WAITING", "wake_at": NOON}, "queued", "next of its workspace"),
    ],
)
def test_a_session_that_does_not_run_says_why(fields: dict[str, Any], code: str, words: str) -> None:
    reason = of_session(**fields)
    assert reason is not None
    assert reason.code == code
    assert words in reason.message
