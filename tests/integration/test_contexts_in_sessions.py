"""Contexts as the agents of real sessions read and write them, over the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connections

from agents import registry as registry_module
from agents import services
from agents.models import Agent, AgentContext, AgentContextVersion
from agents.runtime import AgentError
from agents.services import sync_definitions
from agents.services.contexts import own
from sessions.engine.contexts import StoredContexts
from sessions.engine.threads import ReaderPool
from sessions.routing_policy import AgentInfo
from tests.engine import running_engine
from tests.http_sessions import EXECUTE, World
from tests.integration.test_child_sessions import finished
from tests.make import Make
from tests.unit.agents.worlds import access_to
from tests.unit.engine.world import run

pytestmark = pytest.mark.django_db(transaction=True)
PLACES = ("contexts", "contexts_thread", "contexts_process", "contexts_placed")


@pytest.fixture
def world(make: Make, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings.AGENT_REGISTRY_MODULES = ["tests.unit.engine.context_agents", "examples.notebook_agent"]
    monkeypatch.setattr(registry_module, "_registry", None)
    sync_definitions()
    with running_engine():
        yield World(make)


def asked_of(world: World, agent: Agent, *orders: Any, **task: Any) -> Any:
    """The finished session in which this agent did these orders."""
    spec = {"name": "t", "agent": agent.name, "input_data": {"orders": orders}, "max_attempts": 2, **task}
    asked = world.post(EXECUTE, {"task_description": "Write it down", "tasks": [spec]})
    return finished(world, asked.json()["session_id"])


def output_of(session: Any) -> Any:
    assert session["status"] == "COMPLETED", session
    return session["tasks"][0]["result"]


@pytest.mark.parametrize("place", PLACES)
def test_wherever_it_runs_an_agent_writes_each_version_once_and_signs_it(world: World, place: str) -> None:
    writer = world.make.agent(world.project, place, name="writer")
    session = asked_of(
        world,
        writer,
        ("write", {"name": "notes", "data": {"n": 1}, "description": "first", "expected_version": 0}),
        ("nap", {}),
        ("write", {"name": "notes", "data": {"n": 2}}),
        ("fail", {"times": 1}),
        ("write", {"name": "notes", "data": {"n": 3}, "expected_version": 1}),
        ("read", {"name": "notes"}),
        ("rollback", {"name": "notes", "version": 1}),
        ("read", {"name": "notes"}),
        ("write", {"name": "notes", "data": {"n": 4}}),
    )
    assert output_of(session) == [1, None, 2, None, "context_conflict", [2, {"n": 2}], 1, [1, {"n": 1}], 3]
    assert session["tasks"][0]["attempt"] == 2
    context = AgentContext.objects.get(agent=writer)
    history = world.get(f"/api/v1/contexts/{context.id}/versions")["results"]
    assert [row["version"] for row in history] == [3, 2, 1]
    assert {(row["created_by"], row["session_id"]) for row in history} == {("agent:writer", session["id"])}
    assert history[2]["change_description"] == "first"


def test_a_retried_session_does_not_write_again(world: World) -> None:
    writer = world.make.agent(world.project, "contexts", name="writer")
    failed = asked_of(world, writer, ("write", {"name": "notes", "data": {"n": 1}}), ("fail", {"times": 2}))
    assert failed["status"] == "FAILED"
    again = world.post(f"/api/v1/sessions/{failed['id']}/retry")
    finished(world, again.json()["session_id"])
    assert AgentContextVersion.objects.count() == 1


def test_agents_count_in_one_context_side_by_side_and_lose_nothing(world: World) -> None:
    world.make.agent(world.project, "notebook", name="notebook", max_concurrent_tasks=20)
    tasks = [{"name": f"t{n}", "agent": "notebook", "input_data": {"name": "Ada"}} for n in range(8)]
    asked = world.post(EXECUTE, {"task_description": "Meet", "tasks": tasks, "execution_mode": "dag"})
    assert asked.status_code == 202, asked.content
    session = finished(world, asked.json()["session_id"])
    assert session["status"] == "COMPLETED", session
    assert sorted(task["result"]["met"] for task in session["tasks"]) == list(range(1, 9))
    assert AgentContext.objects.get().last_version == 8


def test_an_agent_reads_its_project_s_agents_by_name_and_writes_only_its_own(world: World) -> None:
    writer = world.make.agent(world.project, "contexts", name="writer")
    reader = world.make.agent(world.project, "contexts", name="reader")
    access = access_to(world.project)
    services.open_context(access=access, agent_id=writer.id, name="notes", data={"n": 1})
    session = asked_of(
        world,
        reader,
        ("read", {"name": "notes", "agent": "writer"}),
        ("read", {"name": "notes", "agent": str(writer.id)}),
        ("history", {"name": "notes", "agent": "writer"}),
        ("diff", {"name": "notes", "before": 0, "after": 1, "agent": "writer"}),
        ("names", {"agent": "writer"}),
        ("read", {"name": "notes"}),
        ("write", {"name": "notes", "data": {"mine": True}}),
    )
    assert output_of(session) == [
        *([1, {"n": 1}], [1, {"n": 1}], [[1, "", "ada"]], [["$.n", "added"]]),
        *(["notes"], [0, {}], 1),
    ]
    assert AgentContext.objects.get(agent=writer).last_version == 1


ELSEWHERE: dict[str, Any] = {
    "read": {"name": "notes"},
    "history": {"name": "notes"},
    "diff": {"name": "notes", "before": 0, "after": 1},
    "names": {},
}


@pytest.mark.parametrize("where", ["another project of the workspace", "another workspace"])
def test_what_belongs_to_another_project_is_not_there_for_an_agent(world: World, where: str) -> None:
    other = world.make.project()
    if where == "another project of the workspace":
        other = world.project.workspace.projects.create(name="Second", slug="second")
    stranger = world.make.agent(other, "contexts", name="stranger")
    services.open_context(access=access_to(other), agent_id=stranger.id, name="notes", data={"secret": 1})
    reader = world.make.agent(world.project, "contexts", name="reader")
    orders = [
        (verb, {**how, "agent": word}) for verb, how in ELSEWHERE.items() for word in ("stranger", str(stranger.id))
    ]
    output = output_of(asked_of(world, reader, *orders))
    assert output == ["unknown_agent"] * len(orders)


@contextmanager
def stored(agent: Agent) -> Iterator[StoredContexts]:
    """The contexts of an agent over the database, in a thread of their own."""
    threads = ReaderPool("contexts", 1, connections.close_all)
    yield StoredContexts(
        workspace_id=str(agent.workspace_id),
        project_id=str(agent.project_id),
        session_id=str(uuid4()),
        agent=AgentInfo(str(agent.id), agent.name, "contexts", frozenset(), {}, 1, 1, True, "ACTIVE"),
        threads=threads,
    )
    threads.close()


def test_an_agent_that_was_terminated_meanwhile_writes_no_more(world: World) -> None:
    writer = world.make.agent(world.project, "contexts", name="writer")
    services.open_context(access=access_to(world.project), agent_id=writer.id, name="notes", data={"n": 1})
    with stored(writer) as contexts:
        Agent.objects.filter(id=writer.id).update(state_detail="TERMINATED", status="INACTIVE")
        with pytest.raises(AgentError) as caught:
            run(contexts.write("notes", {"n": 2}))
    assert (caught.value.code, caught.value.permanent) == ("bad_context", True)
    assert AgentContextVersion.objects.count() == 1


def test_a_commit_whose_answer_was_lost_on_the_way_is_not_made_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = own.write_context, []

    def cut_off(**options: Any) -> Any:
        written = write(**options)
        calls.append(written.version)
        if len(calls) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return written

    monkeypatch.setattr(own, "write_context", cut_off)
    with stored(make.agent(make.project(), "contexts")) as contexts:
        assert run(contexts.write("notes", {"n": 1}, key="a")) == 1
    assert calls == [1, 1]
    assert AgentContextVersion.objects.count() == 1
