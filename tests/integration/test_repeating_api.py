"""Retry, re-run, fork and lineage over HTTP, without an engine."""

from typing import Any

import pytest

from sessions.api import serializers as schema
from sessions.api import specs
from sessions.models import AgentSession, SessionEvent
from sessions.repeating import FORK_FIELDS, RERUN_FIELDS
from tests.http_sessions import SESSIONS, TASKS, World
from tests.make import Make
from workspaces.states import Role


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


@pytest.fixture
def failed(world: World) -> AgentSession:
    """`a` is done, `b` failed; the log has two events."""
    session = world.session(status="FAILED", title="Old")
    done = {"status": "COMPLETED", "output_data": {"said": 1}}
    a = world.make.task(session, name="a", agent=world.agent, assignment={"by": "name"}, **done)
    world.make.task(
        session, name="b", agent=world.agent, status="FAILED", assignment={"by": "name"}, after=[a], ordinal=1
    )
    for seq, kind in ((1, "session.created"), (2, "task.completed")):
        SessionEvent.objects.create(
            session=session, seq=seq, type=kind, task_id=a.id, payload="{}", hash="", created_at=session.created_at
        )
    AgentSession.objects.filter(pk=session.pk).update(last_seq=2)
    return session


def made(world: World, answer: Any) -> dict[str, Any]:
    """The new session of an accepted call, as the API shows it."""
    assert answer.status_code == 202, answer.json()
    assert answer["Location"] == answer.json()["links"]["self"]
    shown: dict[str, Any] = world.get(f"{SESSIONS}/{answer.json()['id']}")
    return shown


def test_a_retry_shows_where_it_comes_from_and_what_it_reused(world: World, failed: AgentSession) -> None:
    session = made(world, world.post(f"{SESSIONS}/{failed.id}/retry"))
    assert (session["origin"], session["forked_from"], session["fork_seq"]) == ("retry", str(failed.id), 2)
    assert (session["parent_session"], session["saved_usage"]) == (None, {})
    a, b = session["tasks"]
    assert (a["status"], a["result"], a["copied_from"]) == (
        "COMPLETED",
        {"said": 1},
        str(failed.tasks.get(name="a").id),
    )
    assert (b["status"], b["copied_from"]) == ("PENDING", None)


def test_a_rerun_takes_the_task_by_name_or_id_with_its_new_input(world: World, failed: AgentSession) -> None:
    for word in ("a", str(failed.tasks.get(name="a").id)):
        body = {"task": word, "input_data": {"x": 1}, "description": "anew", "agent": "Alpha"}
        session = made(world, world.post(f"{SESSIONS}/{failed.id}/rerun", body))
        assert session["origin"] == "rerun"
        assert [(task["status"], task["input_data"]) for task in session["tasks"]] == [
            ("PENDING", {"x": 1}),
            ("PENDING", {}),
        ]


@pytest.mark.parametrize("at", ["a", 2, None])
def test_a_fork_leaves_after_a_task_an_event_or_now(world: World, failed: AgentSession, at: Any) -> None:
    body = {"at": at, "task_description": "Something else", "context": {"tone": "dry"}}
    session = made(world, world.post(f"{SESSIONS}/{failed.id}/fork", body))
    assert (session["origin"], session["fork_seq"], session["title"]) == ("fork", 2, "Something else")
    assert session["context"] == {"tone": "dry"}
    assert [task["status"] for task in session["tasks"]] == ["COMPLETED", "PENDING"]


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("retry", {"task": "a"}, "task"),
        ("rerun", {}, "task"),
        ("rerun", {"task": "a", "input_data": [1]}, "input_data"),
        ("rerun", {"task": "a", "inputs": {}}, "inputs"),
        ("rerun", {"task": "a", "reuse_steps": "yes"}, "reuse_steps"),
        ("fork", {"at": True}, "at"),
        ("fork", {"at": 1.5}, "at"),
        ("fork", {"at": "b"}, "at"),
        ("fork", {"context": {"document_ids": ["00000000-0000-7000-8000-000000000000"]}}, "context.document_ids[0]"),
        ("fork", {"task_description": ""}, "task_description"),
    ],
)
def test_what_cannot_be_done_is_said_by_field(
    world: World, failed: AgentSession, verb: str, body: dict[str, Any], path: str
) -> None:
    answer = world.post(f"{SESSIONS}/{failed.id}/{verb}", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_session")
    assert list(answer.json()["details"]) == [path]


def test_the_wrong_state_is_a_409_with_what_is_allowed(world: World, failed: AgentSession) -> None:
    AgentSession.objects.filter(pk=failed.pk).update(status="RUNNING")
    for verb, body in (("retry", {}), ("rerun", {"task": "a"})):
        answer = world.post(f"{SESSIONS}/{failed.id}/{verb}", body)
        assert (answer.status_code, answer.json()["details"]) == (409, {"status": "RUNNING", "allowed": ["fork"]})
    AgentSession.objects.filter(pk=failed.pk).update(status="COMPLETED")
    answer = world.post(f"{SESSIONS}/{failed.id}/cancel")
    assert (answer.status_code, answer.json()["details"]["allowed"]) == (409, ["rerun", "fork"])


def test_the_same_key_answers_the_same_retry(world: World, failed: AgentSession) -> None:
    key = {"Idempotency-Key": "k"}
    first = world.post(f"{SESSIONS}/{failed.id}/retry", **key)
    again = world.post(f"{SESSIONS}/{failed.id}/retry", **key)
    assert again.json()["id"] == first.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
    assert world.post(f"{SESSIONS}/{failed.id}/fork", **key).status_code == 409


def test_a_failed_task_is_retried_and_a_good_one_refused(world: World, failed: AgentSession) -> None:
    session = made(world, world.post(f"{TASKS}/{failed.tasks.get(name='b').id}/retry"))
    assert (session["origin"], session["forked_from"]) == ("retry", str(failed.id))
    assert world.post(f"{TASKS}/{failed.tasks.get(name='a').id}/retry").status_code == 409


def test_a_viewer_may_look_at_the_lineage_and_repeat_nothing(world: World, failed: AgentSession) -> None:
    world.client.force_login(world.make.member(world.project.workspace, Role.VIEWER))
    for verb in ("retry", "rerun", "fork"):
        assert world.post(f"{SESSIONS}/{failed.id}/{verb}", {"task": "a"} if verb == "rerun" else {}).status_code == 403
    assert world.get(f"{SESSIONS}/{failed.id}/lineage")["ancestors"] == []


def test_a_lineage_is_a_tree_of_repeats_and_children(world: World, failed: AgentSession) -> None:
    retried = world.post(f"{SESSIONS}/{failed.id}/retry").json()["id"]
    child = world.session(parent_session_id=retried, origin="child", title="Child")
    forked = world.post(f"{SESSIONS}/{retried}/fork").json()["id"]
    below = world.get(f"{SESSIONS}/{failed.id}/lineage")
    assert below["ancestors"] == []
    [first] = below["tree"]["descendants"]
    assert (first["id"], first["origin"], first["descendant_count"]) == (retried, "retry", 2)
    assert (first["task_count"], first["reused_task_count"]) == (2, 1)
    assert [each["id"] for each in first["descendants"]] == [forked, str(child.id)]
    above = world.get(f"{SESSIONS}/{child.id}/lineage")
    assert [each["id"] for each in above["ancestors"]] == [str(failed.id), retried]
    assert above["tree"]["descendants"] == []


def test_a_lineage_is_read_page_by_page(world: World, failed: AgentSession) -> None:
    made = [world.post(f"{SESSIONS}/{failed.id}/fork").json()["id"] for _ in range(5)]
    path, found = f"{SESSIONS}/{failed.id}/lineage?limit=2", []
    while path:
        page = world.client.get(path).json()
        found += [each["id"] for each in page["tree"]["descendants"]]
        assert page["tree"]["descendant_count"] == 5
        path = page["next"]
    assert found == made[::-1]
    assert world.get(f"{SESSIONS}/{failed.id}/lineage", limit="x", offset="-1")["limit"] == 50


def test_a_large_family_is_cut_and_says_so(world: World, failed: AgentSession) -> None:
    values = {"project": world.project, "workspace": world.project.workspace, "title": "x", "task_description": "x"}
    first = AgentSession.objects.create(forked_from=failed, origin="fork", **values)
    AgentSession.objects.bulk_create(AgentSession(forked_from=first, origin="fork", **values) for _ in range(250))
    [child] = world.get(f"{SESSIONS}/{failed.id}/lineage")["tree"]["descendants"]
    assert (child["descendant_count"], len(child["descendants"])) == (250, 199)


def test_a_long_chain_of_forks_is_followed_up_to_a_limit(world: World) -> None:
    session = world.session()
    for _ in range(60):
        session = world.session(forked_from=session, origin="fork")
    assert len(world.get(f"{SESSIONS}/{session.id}/lineage")["ancestors"]) == 50


def test_sessions_are_listed_by_origin(world: World, failed: AgentSession) -> None:
    world.post(f"{SESSIONS}/{failed.id}/fork")
    assert [row["origin"] for row in world.get(SESSIONS, origin="fork,retry")["results"]] == ["fork"]
    assert [row["title"] for row in world.get(SESSIONS, origin="new")["results"]] == ["Old"]


def test_the_schema_names_the_fields_that_are_read() -> None:
    assert tuple(specs.RerunSpec().fields) == RERUN_FIELDS
    assert tuple(specs.ForkSpec().fields) == FORK_FIELDS


def test_the_schema_names_the_fields_of_a_lineage(world: World, failed: AgentSession) -> None:
    shown = world.get(f"{SESSIONS}/{failed.id}/lineage")
    assert set(shown) == set(schema.LineageShape().fields)
    assert set(shown["tree"]) == set(schema.LineageTree().fields)
