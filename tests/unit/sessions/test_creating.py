"""Starting sessions."""

import json
import threading
import time
import uuid
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.errors import AgentsDisabled
from core.errors import Forbidden, NotFound
from documents.models import Collection
from sessions.errors import IdempotencyConflict, InvalidSession
from sessions.events import GENESIS_HASH, next_hash
from sessions.models import AgentSession, AgentTask, SessionEvent, TaskDependency
from sessions.request import SessionRequest, TaskRequest
from sessions.services import create_session, submit_for_agent, submit_session, submit_task
from sessions.services.creating import title_of
from tests.make import Make
from tests.unit.sessions.conftest import World
from workspaces.models import AuditEntry
from workspaces.selectors import access_of_user
from workspaces.states import Role

FOUR = ("research", "synthesis", "validation", "planning")


def details_of(world: World, **fields: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidSession) as caught:
        world.start(**fields)
    assert not AgentSession.objects.exists()
    assert not AgentTask.objects.exists()
    assert not SessionEvent.objects.exists()
    assert not AuditEntry.objects.exists()
    assert world.rung == []
    return caught.value.details


def test_a_session_is_written_with_its_tasks_edges_and_first_events_and_rung_for_after_the_commit(
    world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    research, synthesis, *_ = world.agents(*FOUR)
    with django_capture_on_commit_callbacks(execute=True):
        session = world.start("Compare  them", agents=["research", "The synthesis"], timeout=60.0).session
        assert world.rung == []
    assert world.rung == [session.id]
    row = AgentSession.objects.get()
    assert (row.status, row.execution_mode, row.title) == ("PENDING", "parallel", "Compare them")
    assert (row.timeout_seconds, row.user_id, row.last_seq) == (60.0, world.access.user_id, 3)
    assert list(row.tasks.values_list("name", "agent_id", "status", "ordinal")) == [
        ("The research", research.id, "PENDING", 0),
        ("The synthesis", synthesis.id, "PENDING", 1),
    ]
    [edge] = TaskDependency.objects.all()
    assert (edge.task.name, edge.depends_on.name) == ("The synthesis", "The research")
    assert edge.task.assignment["by"] == "name"


def test_the_first_events_are_a_gap_free_chain_of_hashes(world: World) -> None:
    [agent] = world.agents("scripted")
    tasks = [TaskRequest("a", agent="scripted"), TaskRequest("b", required_capabilities=["scripted"], depends_on=["a"])]
    session = world.start(tasks=tasks).session
    events = list(SessionEvent.objects.filter(session=session))
    assert [(event.seq, event.type) for event in events] == [
        (1, "session.created"),
        (2, "task.created"),
        (3, "task.created"),
    ]
    previous = GENESIS_HASH
    for event in events:
        assert event.hash == next_hash(previous, event.payload)
        previous = event.hash
    assert session.last_hash == previous
    rows = {task.name: task for task in session.tasks.all()}
    first, second = (json.loads(event.payload) for event in events[1:])
    assert (first["task"], first["agent"]) == (str(rows["a"].id), str(agent.id))
    assert second["agent"] is None
    assert second["data"]["depends_on"] == [str(rows["a"].id)]
    assert second["data"]["required_capabilities"] == ["scripted"]


def test_the_number_of_statements_does_not_grow_with_the_tasks(world: World, django_assert_num_queries: Any) -> None:
    world.agents("scripted")

    def chain(length: int) -> list[TaskRequest]:
        return [TaskRequest(f"t{n}", agent="scripted", depends_on=[f"t{n - 1}"] if n else []) for n in range(length)]

    with django_assert_num_queries(10) as few:
        world.start(tasks=chain(2))
    with django_assert_num_queries(len(few)):
        world.start(tasks=chain(30))


def test_a_planned_session_has_one_task_for_the_planning_agent(world: World) -> None:
    *_, planning = world.agents(*FOUR)
    document = world.document()
    session = world.start(context={"document_ids": [str(document.id).upper()]}).session
    [task] = session.tasks.all()
    assert (task.name, task.task_type, task.agent_id) == ("plan", "planning", planning.id)
    assert task.input_data["goal"] == "Goal"
    assert session.context["document_ids"] == [str(document.id)]


def test_the_configuration_of_its_agents_is_kept_in_the_sessions_context(world: World) -> None:
    world.agents("scripted")
    session = world.start(agents=["scripted"], agent_configuration={"scripted": {"say": 1}}).session
    assert session.context == {"agent_configuration": {"scripted": {"say": 1}}}


def test_a_start_is_in_the_audit_log(world: World) -> None:
    world.agents("planning")
    session = world.start().session
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.actor) == ("session.create", str(session.id), world.access.actor)


def test_an_unknown_agent_is_told_with_its_place_and_the_agents_there_are(world: World) -> None:
    world.agents(*FOUR)
    found = details_of(world, agents=["research", "reserch"])
    assert list(found) == ["agents[1]"]
    assert 'Did you mean "research"' in found["agents[1]"][0]
    assert "The validation" in found["agents[1]"][0]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state_detail": "TERMINATED"}, "was terminated"),
        ({"state_detail": "PAUSED"}, "is paused: resume it"),
        ({"state_detail": "READY"}, "is not active: activate it"),
        ({"state_detail": "ERROR", "status": "ERROR"}, "is in error: recover it"),
        ({"is_enabled": False}, "is disabled: enable it"),
        ({"in_maintenance": True}, "is in maintenance"),
    ],
)
def test_an_agent_that_cannot_work_now_is_refused_with_the_way_out(
    world: World, fields: dict[str, Any], sentence: str
) -> None:
    world.make.agent(world.project, name="Tired", **fields)
    assert sentence in details_of(world, agents=["Tired"])["agents[0]"][0]


def test_of_two_agents_of_a_definition_the_one_that_can_work_is_meant(world: World) -> None:
    world.make.agent(world.project, name="Tired", state_detail="PAUSED")
    awake = world.make.agent(world.project, name="Awake")
    [task] = world.start(agents=["scripted"]).session.tasks.all()
    assert task.agent_id == awake.id


def test_an_agent_of_another_project_is_as_unknown_as_one_that_never_was(world: World, make: Make) -> None:
    world.agents("planning")
    foreign = make.agent(make.project(), name="Foreign")
    for word in (str(foreign.id), "Foreign", str(uuid.uuid4())):
        assert "There is no agent" in details_of(world, agents=[word])["agents[0]"][0]


def test_an_agent_whose_code_is_gone_is_refused(world: World) -> None:
    [agent] = world.agents("scripted")
    agent.definition.is_enabled = False
    agent.definition.save()
    assert "that is disabled: an operator switched it off." in details_of(world, agents=["scripted"])["agents[0]"][0]


def test_unknown_agents_by_the_thousand_are_refused_soon(world: World) -> None:
    world.agents("scripted")
    begun = time.perf_counter()
    found = details_of(world, tasks=[TaskRequest(f"t{number}", agent=f"scriptd {number}") for number in range(500)])
    assert len(found) == 100
    assert list(details_of(world, agents=[f"agent {number}" for number in range(20_000)])) == ["agents"]
    assert list(details_of(world, tasks=[TaskRequest("t", agent="nobody")] * 20_000)) == ["tasks"]
    assert time.perf_counter() - begun < 5


def test_a_capability_that_no_agent_of_the_project_has_is_refused(world: World, make: Make) -> None:
    world.agents("scripted")
    make.agent(make.project(), capabilities=["rare"])
    found = details_of(world, tasks=[TaskRequest("a", required_capabilities=["rare"])])
    assert "No usable agent can do rare" in found["tasks[0].required_capabilities"][0]


def test_an_agent_without_the_capabilities_asked_for_is_refused(world: World) -> None:
    world.agents("scripted")
    found = details_of(world, tasks=[TaskRequest("a", agent="scripted", required_capabilities=["flying"])])
    assert "cannot do flying" in found["tasks[0].agent"][0]


def test_planning_needs_a_planning_agent(world: World) -> None:
    world.agents("scripted")
    assert "needs a planning agent" in details_of(world)["execution_mode"][0]


def test_configuration_is_held_to_the_definitions_schema(world: World) -> None:
    schema = {"type": "object", "properties": {"depth": {"type": "integer"}}, "additionalProperties": False}
    world.make.definition("deep", config_schema=schema)
    world.agents("deep")
    found = details_of(
        world, agents=["deep"], agent_configuration={"deep": {"depth": "far"}, "nobody": {}, "The deep": 5}
    )
    assert "$.depth: 'far' is not of type 'integer'" in found["agent_configuration.deep"][0]
    assert "There is no agent" in found["agent_configuration.nobody"][0]
    assert "JSON object of settings" in found["agent_configuration.The deep"][0]


def test_documents_must_be_the_projects_own_and_readable(world: World, make: Make) -> None:
    world.agents("planning")
    elsewhere = World(make, make.project(), world.access, []).document()
    ids = [
        world.document(),
        elsewhere,
        world.document("FAILED", error="It is encrypted."),
        world.document("PENDING"),
    ]
    found = details_of(world, context={"document_ids": [str(row.id) for row in ids] + [str(uuid.uuid4())]})
    assert sorted(found) == [f"context.document_ids[{number}]" for number in (1, 2, 3, 4)]
    foreign, failed, pending, unknown = (found[path][0] for path in sorted(found))
    assert foreign == unknown
    assert "It is encrypted." in failed
    assert "still being read" in pending


def test_a_foreign_collection_is_as_unknown_as_one_that_never_was(world: World, make: Make) -> None:
    world.agents("planning")
    own = Collection.objects.create(project=world.project, name="Own")
    foreign = Collection.objects.create(project=make.project(), name="Foreign")
    answers = [
        details_of(world, context={"collection_id": str(some)})["context.collection_id"]
        for some in (foreign.id, uuid.uuid4())
    ]
    assert answers[0] == answers[1]
    assert world.start(context={"collection_id": str(own.id)}).session.context == {"collection_id": str(own.id)}


def test_documents_beside_a_collection_must_be_in_it(world: World) -> None:
    world.agents("planning")
    shelf = Collection.objects.create(project=world.project, name="Shelf")
    inside, outside = world.document(collection=shelf), world.document(title="Loose leaf")
    scope = {"collection_id": str(shelf.id), "document_ids": [str(inside.id), str(outside.id)]}
    found = details_of(world, context=scope)
    assert list(found) == ["context.document_ids[1]"]
    assert 'The document "Loose leaf" is not in the collection' in found["context.document_ids[1]"][0]
    assert world.start(context={**scope, "document_ids": [str(inside.id)]}).session.context["collection_id"]


def test_all_problems_are_told_at_once_whether_they_need_the_database_or_not(world: World) -> None:
    found = details_of(
        world,
        goal="",
        timeout=-1,
        tasks=[TaskRequest("a", agent="nobody", depends_on=["b"]), TaskRequest("b", agent="no", depends_on=["a"])],
        context={"document_ids": [str(uuid.uuid4())]},
    )
    assert {"task_description", "timeout", "tasks[0].agent", "tasks[1].agent", "context.document_ids[0]"} < set(found)
    assert any(path.endswith("depends_on") for path in found)


def test_a_viewer_may_not_start_and_a_stranger_sees_no_project(world: World, make: Make) -> None:
    world.agents("planning")
    request = SessionRequest("Goal")
    with pytest.raises(Forbidden):
        create_session(access=world.access_as(Role.VIEWER), project=world.project, request=request)
    with pytest.raises(NotFound):
        create_session(access=access_of_user(make.member(make.workspace())), project=world.project, request=request)
    assert not AgentSession.objects.exists()


def test_nothing_starts_while_agents_are_switched_off(world: World, settings: Any) -> None:
    [agent] = world.agents("planning")
    settings.AGENTS_ENABLED = False
    with pytest.raises(AgentsDisabled, match="AGENTS_ENABLED=true") as caught:
        world.start()
    assert not caught.value.retryable
    with pytest.raises(AgentsDisabled):
        submit_for_agent(access=world.access, agent_id=agent.id, request=SessionRequest("Goal"))


def test_the_same_key_and_request_answer_the_same_session_again(world: World) -> None:
    world.agents("planning")
    first = world.start(idempotency_key="k", context={"a": 1, "b": 2})
    again = world.start(idempotency_key="k", context={"b": 2, "a": 1})
    assert (first.is_replay, again.is_replay, again.session.id) == (False, True, first.session.id)
    assert AgentSession.objects.count() == 1


def test_a_replay_is_answered_even_when_the_request_could_not_be_made_today(world: World) -> None:
    world.agents("planning")
    document = world.document()
    scope = {"document_ids": [str(document.id)]}
    first = world.start(idempotency_key="k", context=scope)
    document.delete()
    assert world.start(idempotency_key="k", context=scope).session.id == first.session.id


def test_the_same_key_with_another_request_is_refused(world: World) -> None:
    world.agents("planning")
    first = world.start(idempotency_key="k")
    with pytest.raises(IdempotencyConflict, match="already used") as caught:
        world.start("Another goal", idempotency_key="k")
    assert caught.value.details == {"session_id": str(first.session.id)}


def test_keys_of_two_workspaces_have_nothing_to_do_with_each_other(world: World, make: Make) -> None:
    world.agents("planning")
    other = World(make, make.project(), world.access, [])
    other.agents("planning")
    other.access = other.access_as(Role.MEMBER)
    assert world.start(idempotency_key="k").session.id != other.start(idempotency_key="k").session.id


def test_a_key_that_appears_while_the_request_is_checked_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.agents("planning")
    earlier: list[AgentSession] = []
    real = submit_session.__globals__["_checked_tasks"]

    def slow(*args: Any) -> Any:
        if not earlier:
            earlier.append(world.make.session(world.project))  # a mark against endless recursion
            earlier[0] = world.start(idempotency_key="k").session
        return real(*args)

    monkeypatch.setattr("sessions.services.creating._checked_tasks", slow)
    late = world.start(idempotency_key="k")
    assert (late.is_replay, late.session.id) == (True, earlier[0].id)


@pytest.mark.django_db(transaction=True)
def test_many_requests_with_one_key_at_once_make_one_session(world: World) -> None:
    world.agents("planning")
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(world.start(idempotency_key="k").session.id)
        except Exception as error:  # noqa: BLE001  (shown by the assertion below)
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {AgentSession.objects.get().id}


def test_a_task_for_one_agent_names_its_problems_as_the_caller_named_the_fields(world: World) -> None:
    [agent] = world.agents("scripted")
    task = TaskRequest("t", agent=str(agent.id), max_attempts=0)
    request = SessionRequest("Goal", tasks=[task], agent_configuration={str(agent.id): 5})
    with pytest.raises(InvalidSession) as caught:
        submit_for_agent(access=world.access, agent_id=agent.id, request=request)
    assert set(caught.value.details) == {"max_attempts", "configuration"}


def test_a_foreign_agent_cannot_be_given_a_task(world: World, make: Make) -> None:
    foreign = make.agent(make.project())
    with pytest.raises(NotFound):
        submit_for_agent(access=world.access, agent_id=foreign.id, request=SessionRequest("Goal"))


def test_a_task_made_alone_is_held_until_it_is_executed(world: World) -> None:
    world.agents("scripted")
    request = SessionRequest("Goal", tasks=[TaskRequest("t", agent="scripted")])
    held = submit_task(access=world.access, project=world.project, request=request, starts=False).session
    assert (held.status, held.status_before_pause, held.pause_reason, held.is_held) == (
        "PAUSED",
        "PENDING",
        "not_started",
        True,
    )
    last = SessionEvent.objects.filter(session=held).last()
    assert last is not None
    assert (last.type, last.seq) == ("session.paused", held.last_seq)
    started = submit_task(access=world.access, project=world.project, request=request, starts=True).session
    assert (started.status, started.is_held) == ("PENDING", False)


@pytest.mark.parametrize(
    ("goal", "title"),
    [("  one\n two ", "one two"), ("word " * 40, "word " * 14 + "word" + "…"), ("x" * 100, "x" * 79 + "…")],
)
def test_the_title_is_the_goals_first_words_on_one_line(goal: str, title: str) -> None:
    assert title_of(goal) == title
    assert len(title_of(goal)) <= 80
