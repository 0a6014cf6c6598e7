"""Retry and re-run: what is written, and what is refused."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.errors import AgentsDisabled
from agents.models import Agent
from core.errors import Forbidden, NotFound
from sessions import services
from sessions.engine.store.loading import load_sessions
from sessions.engine.store.rows import RowReader
from sessions.errors import CommandRefused, IdempotencyConflict, InvalidSession
from sessions.models import AgentMessage, AgentSession, AgentTask, SessionEvent
from sessions.repeating import Fork, Rerun
from tests.unit.sessions.conftest import World
from tests.unit.sessions.earlier import NOON, Earlier, check_log, log_of, refusal, rows, statuses
from workspaces.models import AuditEntry
from workspaces.states import Role


def test_a_retry_is_a_new_session_that_starts_where_the_old_one_stopped(
    failed: Earlier, world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        session = failed.retry()
        assert world.rung == []
    assert world.rung == [session.id]
    session = AgentSession.objects.get(pk=session.pk)
    assert (session.status, session.origin, session.forked_from_id) == ("PENDING", "retry", failed.session.id)
    assert session.fork_seq == failed.session.events.count()
    assert session.saved_usage == {"tokens": 10}
    assert statuses(session) == {"a": "COMPLETED", "b": "PENDING", "c": "PENDING"}
    a, b = rows(session)["a"], rows(session)["b"]
    assert (a.copied_from, a.output_data, a.completed_at) == (failed.tasks["a"].id, {"said": "a"}, NOON)
    assert (b.copied_from, b.error_code, b.agent_id) == (None, "", failed.agent.id)
    assert [edge.depends_on_id for edge in b.dependencies.all()] == [a.id]
    check_log(session)
    entry = AuditEntry.objects.get(action="session.retry")
    assert (entry.object_id, entry.after["reused"]) == (str(session.id), 1)


def test_the_log_of_a_retry_tells_what_was_reused_and_saved(failed: Earlier) -> None:
    session = failed.retry()
    events = log_of(session)
    assert [event["type"] for event in events] == ["session.created", *["task.created"] * 3, "task.reused"]
    assert events[0]["data"]["forked_from"] == str(failed.session.id)
    assert (events[0]["data"]["origin"], events[0]["data"]["fork_seq"]) == ("retry", session.fork_seq)
    assert events[-1]["data"] == {
        "copied_from": str(failed.tasks["a"].id), "output": {"said": "a"}, "saved": {"tokens": 10}
    }  # fmt: skip


def test_the_earlier_session_is_not_changed(failed: Earlier) -> None:
    def everything() -> list[Any]:
        of_old = {"session_id": failed.session.id}
        old = AgentSession.objects.filter(pk=failed.session.id)
        return [list(old.values()), *(list(m.objects.filter(**of_old).values()) for m in (AgentTask, SessionEvent))]

    before = everything()
    failed.retry()
    failed.rerun("a", input_data={"x": 1})
    failed.fork("a")
    assert everything() == before


def test_calls_that_were_paid_for_go_with_the_tasks_that_run_again(failed: Earlier) -> None:
    paid = failed.step("b", "model", usage={"tokens": 5})
    failed.step("b", "begun", status="STARTED", result=None, completed_at=None)
    failed.step("b", "child failed", kind="session", error_code="boom")
    failed.step("b", "asleep", kind="sleep", status="WAITING", completed_at=None)
    failed.step("a", "not needed")
    b = rows(failed.retry())["b"]
    steps = {step.key: step for step in b.steps.all()}
    assert set(steps) == {"model", "begun"}
    model = steps["model"]
    assert (model.result, model.usage, model.reused_from) == ({"paid": "model"}, {"tokens": 5}, paid.id)
    assert (model.execution_id, model.status, steps["begun"].status) == (None, "COMPLETED", "STARTED")
    assert b.lineage == failed.tasks["b"].id


def test_what_is_reused_a_second_time_still_names_the_task_that_did_it_and_what_it_cost(failed: Earlier) -> None:
    first = failed.retry()
    failed.step("b", "model")
    AgentSession.objects.filter(pk=first.pk).update(status="FAILED")
    second = services.retry_session(access=failed.world.access, session_id=first.id).session
    a = rows(second)["a"]
    assert (a.copied_from, a.lineage) == (failed.tasks["a"].id, failed.tasks["a"].id)
    assert (second.forked_from_id, second.saved_usage) == (first.id, {"tokens": 10})
    assert rows(second)["b"].lineage == failed.tasks["b"].id
    check_log(second)


def test_a_rerun_keeps_what_came_before_and_gives_the_task_its_new_input(good: Earlier) -> None:
    good.step("b", "model")
    good.step("c", "model")
    session = good.rerun("b", input_data={"x": 1}, description="anew")
    assert statuses(session) == {"a": "COMPLETED", "b": "PENDING", "c": "PENDING"}
    b, c = rows(session)["b"], rows(session)["c"]
    assert (b.input_data, b.description, b.lineage, b.steps.count()) == ({"x": 1}, "anew", None, 0)
    assert (c.lineage, c.steps.count()) == (good.tasks["c"].id, 1)
    assert (session.origin, session.execution_mode) == ("rerun", "dag")
    check_log(session)


def test_a_rerun_may_keep_the_paid_steps_of_the_task_itself(good: Earlier) -> None:
    good.step("b", "model")
    b = rows(good.rerun(str(good.tasks["b"].id), reuse_steps=True))["b"]
    assert (b.input_data, b.steps.count(), b.lineage) == ({}, 1, good.tasks["b"].id)


def test_the_steps_of_a_task_whose_output_had_been_taken_over_are_found_where_it_ran(good: Earlier) -> None:
    good.step("b", "model")
    first = good.rerun("c")
    AgentSession.objects.filter(pk=first.pk).update(status="COMPLETED")
    order = Rerun("b", reuse_steps=True)
    second = services.rerun_session(access=good.world.access, session_id=first.id, rerun=order).session
    assert [step.key for step in rows(second)["b"].steps.all()] == ["model"]


def test_a_rerun_may_name_another_agent_and_configure_it(good: Earlier, world: World) -> None:
    schema = {"type": "object", "properties": {"depth": {"type": "integer"}}, "additionalProperties": False}
    world.make.definition("careful", config_schema=schema)
    other = world.make.agent(world.project, "careful", name="Other")
    session = good.rerun("b", agent="Other", configuration={"depth": 2})
    b = rows(session)["b"]
    assert (b.agent_id, b.assignment["asked_for"]) == (other.id, "Other")
    assert session.context["agent_configuration"] == {str(other.id): {"depth": 2}}
    assert rows(session)["c"].agent_id == good.agent.id
    error = refusal(InvalidSession, lambda: good.rerun("b", agent="Other", configuration={"depth": "deep"}))
    assert list(error.details) == ["configuration"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"task": "nothing"}, "task"),
        ({"task": ""}, "task"),
        ({"task": "b", "agent": "Nobody"}, "agent"),
        ({"task": "b", "configuration": {"x": 1}}, "configuration"),
        ({"task": "b", "input_data": {"x": "\x00"}}, "input_data"),
        ({"task": "b", "description": "x" * 20_001}, "description"),
        ({"task": "b", "problems": {"input_data": ["unreadable"]}}, "input_data"),
    ],
)
def test_a_rerun_that_cannot_be_says_why_and_writes_nothing(good: Earlier, fields: dict[str, Any], path: str) -> None:
    count = AgentSession.objects.count()
    error = refusal(InvalidSession, lambda: good.rerun(**fields))
    assert list(error.details) == [path]
    assert AgentSession.objects.count() == count


def test_a_task_that_was_given_to_whoever_can_is_given_out_anew(failed: Earlier, world: World) -> None:
    by = {"by": "capability", "candidates": []}
    AgentTask.objects.filter(name="b").update(assignment=by, required_capabilities=["scripted"])
    b = rows(failed.retry())["b"]
    assert (b.agent_id, b.assignment) == (None, {})
    AgentTask.objects.filter(name="b").update(required_capabilities=["fly"])
    error = refusal(InvalidSession, failed.retry)
    assert list(error.details) == ["tasks.b.required_capabilities"]


def test_an_agent_that_was_named_and_cannot_work_now_is_told_of_by_name(failed: Earlier) -> None:
    Agent.objects.filter(pk=failed.agent.pk).update(state_detail="PAUSED", status="INACTIVE")
    error = refusal(InvalidSession, failed.retry)
    assert list(error.details) == ["tasks.b.agent", "tasks.c.agent"]
    assert 'The agent "Worker" is paused: resume it' in error.details["tasks.b.agent"][0]


def test_why_a_named_agent_could_not_work_is_forgotten(failed: Earlier) -> None:
    refused = {"by": "name", "asked_for": "Worker", "code": "agent_unavailable", "reason": "it is paused"}
    AgentTask.objects.filter(name="b").update(assignment=refused)
    b = rows(failed.retry())["b"]
    assert (b.assignment["by"], b.assignment.get("code"), "paused" in b.assignment["reason"]) == ("name", None, False)


def test_a_document_that_is_gone_is_told_of(failed: Earlier, world: World) -> None:
    document = world.document()
    AgentSession.objects.filter(pk=failed.session.pk).update(context={"document_ids": [str(document.id)]})
    assert failed.retry().context == {"document_ids": [str(document.id)]}
    document.delete()
    assert list(refusal(InvalidSession, failed.retry).details) == ["context.document_ids[0]"]


def planned(world: World, status: str = "FAILED", **states: str) -> Earlier:
    """A plan that made two tasks."""
    earlier = Earlier(world, {}, status=status, execution_mode="planned")
    world.make.agent(world.project, "planning", name="Planner", capabilities=["planning"])
    by = {"by": "mode"}
    plan = earlier.task("plan", "COMPLETED", task_type="planning", assignment=by, input_data={"goal": "Do it"})
    earlier.tasks["plan"] = plan
    before: list[AgentTask] = []
    for number, (name, state) in enumerate(states.items(), start=1):
        earlier.tasks[name] = earlier.task(name, state, parent_task=plan, ordinal=number, after=before)
        before = [earlier.tasks[name]]
    for name, task in earlier.tasks.items():
        if task.status == "COMPLETED":
            earlier.finish(name)
    return earlier


def test_a_planned_session_keeps_its_plan_and_the_tasks_it_made(world: World) -> None:
    session = planned(world, a="COMPLETED", b="FAILED").retry()
    assert statuses(session) == {"plan": "COMPLETED", "a": "COMPLETED", "b": "PENDING"}
    kept = rows(session)
    assert kept["b"].parent_task_id == kept["plan"].id
    check_log(session)


def test_a_plan_is_made_again_from_scratch_and_for_the_new_goal(world: World) -> None:
    earlier = planned(world, "COMPLETED", a="COMPLETED")
    assert statuses(earlier.rerun("plan")) == {"plan": "PENDING"}
    session = earlier.fork(1, task_description="Do something else")
    assert statuses(session) == {"plan": "PENDING"}
    assert rows(session)["plan"].input_data == {"goal": "Do something else"}


def test_what_the_reused_agents_had_said_is_in_the_inbox_of_the_others(failed: Earlier) -> None:
    said = failed.message("a", topic="news")
    failed.message("a", to="b")  # handed over again by the engine
    failed.message("b")  # of an attempt that does not count
    session = failed.retry()
    [message] = AgentMessage.objects.filter(session=session)
    assert (message.content, message.topic, message.metadata["from_task"]) == (
        said.content, "news", str(rows(session)["a"].id)
    )  # fmt: skip
    assert log_of(session)[-1]["type"] == "message.sent"
    [loaded] = load_sessions(RowReader(), [str(session.id)], lambda project: {}).values()
    assert [kept.content for kept in loaded.messages] == [said.content]
    check_log(session)


@pytest.mark.parametrize(
    ("status", "verb", "allowed"),
    [
        ("RUNNING", "retry", ["fork"]),
        ("PAUSED", "rerun", ["fork"]),
        ("COMPLETED", "retry", ["rerun", "fork"]),
    ],
)
def test_a_session_in_the_wrong_state_is_refused_with_what_is_possible(
    failed: Earlier, status: str, verb: str, allowed: list[str]
) -> None:
    AgentSession.objects.filter(pk=failed.session.pk).update(status=status)
    error = refusal(CommandRefused, failed.retry if verb == "retry" else lambda: failed.rerun("a"))
    assert error.details == {"status": status, "allowed": allowed}
    assert ", ".join(allowed) in error.message


def test_a_retry_asked_for_twice_with_one_key_is_one_session(failed: Earlier, world: World) -> None:
    first = services.retry_session(access=world.access, session_id=failed.session.id, idempotency_key="k")
    AgentSession.objects.filter(pk=failed.session.pk).update(status="COMPLETED")
    again = services.retry_session(access=world.access, session_id=failed.session.id, idempotency_key="k")
    assert (again.session.id, again.is_replay, first.is_replay) == (first.session.id, True, False)
    other = lambda: services.fork_session(  # noqa: E731
        access=world.access, session_id=failed.session.id, fork=Fork(), idempotency_key="k"
    )
    assert refusal(IdempotencyConflict, other).details == {"session_id": str(first.session.id)}
    AgentSession.objects.filter(pk=failed.session.pk).update(status="FAILED")
    bad = lambda: failed.retry(idempotency_key="\n")  # noqa: E731
    assert list(refusal(InvalidSession, bad).details) == ["Idempotency-Key"]


def test_only_members_may_repeat_and_strangers_see_nothing(failed: Earlier, world: World, settings: Any) -> None:
    def as_one(access: Any) -> Any:
        return lambda: services.retry_session(access=access, session_id=failed.session.id)

    refusal(Forbidden, as_one(world.access_as(Role.VIEWER)))
    stranger = World(world.make, world.project, world.access.__class__("stranger", None), [])
    refusal(NotFound, as_one(stranger.access))
    settings.AGENTS_ENABLED = False
    refusal(AgentsDisabled, as_one(world.access))


def test_a_task_is_retried_with_its_session(failed: Earlier, good: Earlier, world: World) -> None:
    made = services.retry_task(access=world.access, task_id=failed.tasks["b"].id).session
    assert (made.origin, made.forked_from_id) == ("retry", failed.session.id)
    error = refusal(CommandRefused, lambda: services.retry_task(access=world.access, task_id=good.tasks["a"].id))
    assert error.details["allowed"] == ["rerun", "fork"]


def big(world: World, count: int) -> Earlier:
    """A session of many tasks: a long chain's first half is done."""
    earlier = Earlier(world, {})
    names = [f"t{number}" for number in range(count)]
    for number, name in enumerate(names):
        status = "COMPLETED" if number < count // 2 else "FAILED"
        earlier.tasks[name] = earlier.task(name, status, ordinal=number)
        if status == "COMPLETED":
            earlier.finish(name)
    return earlier


def test_five_hundred_tasks_are_not_written_one_by_one(world: World) -> None:
    earlier = big(world, 500)
    with CaptureQueriesContext(connection) as queries:
        made = earlier.retry()
    assert len(statuses(made)) == 500
    assert len(queries) < 50, "SQLite takes some 40 rows a statement"
