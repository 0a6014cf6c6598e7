"""Bad input of every kind at execute: a 4xx with a sentence that says how to mend it, and nothing is made."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from documents.models import Collection, Document
from sessions.models import AgentSession, AgentTask, SessionCommand, SessionEvent
from tests.make import Make
from workspaces.models import AuditEntry
from workspaces.selectors import access_of_user
from workspaces.services import create_key
from workspaces.states import Role

ROUTES = ("/api/v1/agents/execute", "/api/v1/sessions", "/api/agents/execute")


class World:
    """A member with the four agents, and somebody else's objects."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.project = make.project()
        for kind in ("research", "synthesis", "validation", "planning"):
            make.agent(self.project, kind, name=f"The {kind}")
        self.user = make.member(self.project.workspace)
        self.client = Client()
        self.client.force_login(self.user)
        self.foreign = make.project()
        self.foreign_agent = make.agent(self.foreign, name="Foreign")
        self.foreign_document = Document.objects.create(project=self.foreign, title="Secret plan", status="READY")
        self.foreign_collection = Collection.objects.create(project=self.foreign, name="Secret shelf")

    def execute(self, body: Any, route: str = ROUTES[0], **headers: str) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(route, data, content_type="application/json", headers=headers)

    def refusal(self, body: Any, status: int = 400, **fields: Any) -> dict[str, Any]:
        """The error of a request that must be refused, after a look that nothing was made."""
        answer = self.execute(body, **fields)
        assert answer.status_code == status, answer.content[:500]
        error: dict[str, Any] = answer.json()
        assert set(error) == {"code", "message", "details"}
        assert error["message"]
        for model in (AgentSession, AgentTask, SessionEvent, SessionCommand, AuditEntry):
            assert not model.objects.exists(), model
        return error


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


def goal(**fields: Any) -> dict[str, Any]:
    return {"task_description": "Compare the two", **fields}


def task(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "agent": "research", **fields}


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_agent_is_answered_with_near_matches_and_the_agents_there_are(world: World, route: str) -> None:
    error = world.refusal(goal(agents=["reserch"]), route=route)
    assert error["code"] == "invalid_session"
    [sentence] = error["details"]["agents[0]"]
    assert 'Did you mean "research"' in sentence
    assert "The synthesis" in sentence
    assert sentence in error["message"]


def test_a_cycle_is_named(world: World) -> None:
    error = world.refusal(goal(tasks=[task("a", depends_on=["b"]), task("b", depends_on=["a"])]))
    assert "a -> b -> a" in error["message"] or "b -> a -> b" in error["message"]


def test_an_unknown_dependency_and_a_name_used_twice_are_told_together(world: World) -> None:
    error = world.refusal(goal(tasks=[task("a"), task("a", depends_on=["c"])]))
    assert set(error["details"]) == {"tasks[1].name", "tasks[1].depends_on"}


def test_an_unknown_document_and_a_foreign_one_get_the_same_answer(world: World) -> None:
    answers = [
        world.refusal(goal(context={"document_ids": [str(some)]}))["details"]
        for some in (uuid4(), world.foreign_document.id)
    ]
    assert answers[0] == answers[1]
    assert "Secret" not in json.dumps(answers)


def test_a_foreign_collection_agent_and_project_are_not_there(world: World) -> None:
    collection = world.refusal(goal(context={"collection_id": str(world.foreign_collection.id)}))
    assert "no such collection" in collection["message"]
    agent = world.refusal(goal(agents=[str(world.foreign_agent.id)]))
    assert "There is no agent" in agent["message"]
    world.refusal(goal(project_id=str(world.foreign.id)), status=404)


def test_a_document_that_could_not_be_read_is_told_with_why(world: World) -> None:
    failed = Document.objects.create(project=world.project, title="Scan", status="FAILED", error="Only images.")
    assert "Only images." in world.refusal(goal(context={"document_ids": [str(failed.id)]}))["message"]


@pytest.mark.parametrize("timeout", [-1, 0, -0.5, 1e9, "60", True, [], {}])
def test_an_absurd_timeout_is_refused(world: World, timeout: Any) -> None:
    assert "timeout" in world.refusal(goal(timeout=timeout))["details"]


def test_a_goal_of_ten_megabytes_is_too_large(world: World) -> None:
    error = world.refusal(goal(context={"x": "y" * 10_000_000}), status=413)
    assert "upload" in error["message"]


def test_a_goal_over_its_limit_is_told_the_limit(world: World) -> None:
    assert "at most 20,000" in world.refusal({"task_description": "x" * 20_001})["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'task_description': 'x'}",
        b'{"task_description": NaN}',
        b'{"task_description": "\xff"}',
        b'{"task_description": "\\ud800"}',
        b'{"task_description": "a\\u0000b"}',
        b'{"task_description": "x", "context": {"n": 1e999}}',
        b'{"task_description": "x", "timeout": 1e999}',
        b'{"task_description": "x", "context": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"task_description": "x", "priority": ' + b"9" * 5000 + b"}",
        b"[]",
        b"null",
        b'"Compare the two"',
        b"42",
    ],
    ids=range(15),
)
def test_what_is_no_readable_json_object_is_refused(world: World, body: bytes) -> None:
    world.refusal(body)


def test_a_form_is_refused_with_the_type_to_send(world: World) -> None:
    answer = world.client.post(ROUTES[0], {"task_description": "x"})
    assert answer.status_code == 415
    assert not AgentSession.objects.exists()


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"execution_mode": "waterfall"}, "execution_mode"),
        ({"execution_mode": "dag"}, "tasks"),
        ({"execution_mode": "sequential"}, "agents"),
        ({"execution_mode": "planned", "agents": ["research"]}, "agents"),
        ({"execution_mode": "parallel", "tasks": [task("a")]}, "execution_mode"),
        ({"agents": ["research"], "tasks": [task("a")]}, "agents"),
        ({"tasks": [{"name": "a"}]}, "tasks[0].agent"),
        ({"tasks": [{"name": "a", "required_capabilities": ["levitation"]}]}, "tasks[0].required_capabilities"),
        ({"tasks": [task("a", priority=1000)]}, "tasks[0].priority"),
        ({"tasks": [task("a", max_attempts=0)]}, "tasks[0].max_attempts"),
        ({"tasks": [task(f"t{number}") for number in range(501)]}, "tasks"),
        ({"priority": "high"}, "priority"),
        ({"context": "all of them"}, "context"),
        ({"context": {"x": "y" * 300_000}}, "context"),
        ({"agent_configuration": {"nobody": {}}}, "agent_configuration.nobody"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_contradicts_itself_or_the_project_is_told_by_field(
    world: World, fields: dict[str, Any], path: str
) -> None:
    assert list(world.refusal(goal(**fields))["details"]) == [path]


def test_all_problems_are_told_in_one_answer(world: World) -> None:
    error = world.refusal(
        {
            "task_description": "",
            "timeout": -1,
            "tasks": [task("a", agent="nobody", depends_on=["z"])],
            "context": {"document_ids": [str(uuid4())]},
            "extra": True,
        }
    )
    assert set(error["details"]) == {
        "task_description",
        "timeout",
        "tasks[0].agent",
        "tasks[0].depends_on",
        "context.document_ids[0]",
        "extra",
    }
    assert "5 more" in error["message"]


def test_a_key_that_is_no_header_text_is_refused(world: World) -> None:
    assert "Idempotency-Key" in world.refusal(goal(), **{"Idempotency-Key": "k" * 201})["details"]


def test_a_viewer_may_not_start_anything(world: World) -> None:
    world.client.force_login(world.make.member(world.project.workspace, Role.VIEWER))
    answer = world.execute(goal())
    assert answer.status_code == 403
    assert not AgentSession.objects.exists()


def test_an_api_key_of_a_viewer_may_not_either(world: World) -> None:
    owner = world.make.member(world.project.workspace, Role.OWNER)
    _, secret = create_key(access=access_of_user(owner), name="k", role=Role.VIEWER)
    answer = Client(headers={"X-API-Key": secret}).post(ROUTES[0], json.dumps(goal()), content_type="application/json")
    assert answer.status_code == 403


def test_nothing_runs_while_agents_are_switched_off(world: World, settings: Any) -> None:
    settings.AGENTS_ENABLED = False
    agent = world.project.agents.all()[0]
    for route in (*ROUTES, f"/api/v1/agents/{agent.id}/execute"):
        error = world.refusal(goal(), status=503, route=route)
        assert error["code"] == "agents_disabled"
        assert "AGENTS_ENABLED" in error["message"]


def test_the_problems_of_a_task_for_one_agent_carry_the_names_of_its_body(world: World) -> None:
    agent = world.project.agents.all()[0]
    route = f"/api/v1/agents/{agent.id}/execute"
    error = world.refusal({"task_description": " ", "max_attempts": 99, "input_data": 5}, route=route)
    assert set(error["details"]) == {"task_description", "max_attempts", "input_data"}


def test_the_problems_of_a_task_made_alone_carry_the_names_of_its_body(world: World) -> None:
    error = world.refusal({"required_capabilities": ["levitation"], "priority": 999}, route="/api/v1/tasks")
    assert set(error["details"]) == {"description", "required_capabilities", "priority"}
