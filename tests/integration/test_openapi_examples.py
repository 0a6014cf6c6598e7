"""What `/docs` offers to be tried works as it stands: every example of a body is sent, and done."""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from agents import services
from agents.services.definitions import sync_definitions
from core.api.schema import TAGS, first_sentence
from templates_app.api.serializers import EXAMPLE
from tests.make import Make
from tests.unit.agents.worlds import access_to, client_of

AREAS = {"agents", "agent state", "contexts", "templates", "definitions", "communications"}
STATES = {"activate": "READY", "pause": "ACTIVE", "resume": "PAUSED", "deactivate": "ACTIVE", "recover": "ERROR"}


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every operation of the schema by its id: method, path, and what is said of it."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def examples_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    bodies = operation.get("requestBody", {}).get("content", {})
    return [example["value"] for example in bodies.get("application/json", {}).get("examples", {}).values()]


SHOWN = {
    name: (method, path, value)
    for name, (method, path, operation) in operations().items()
    for value in examples_of(operation)
}


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_an_example_is_accepted_as_it_stands(make: Make, name: str) -> None:
    sync_definitions()
    method, path, value = SHOWN[name]
    verb = path.rsplit("/", 1)[-1]
    project = make.project()
    access = access_to(project)
    state = STATES.get(verb, "CREATED")
    status = state if state in ("ACTIVE", "ERROR") else "INACTIVE"
    agent = make.agent(project, "research", name="ada", state_detail=state, status=status)
    make.agent(project, "research", name="bob")
    client = client_of(make, project)
    if name != "templates_create":
        assert client.post("/api/v1/templates", EXAMPLE).status_code == 201
    if verb == "upgrade":
        agent = made_of_the_template(client)
    services.create_checkpoint(access=access, agent_id=agent.id)
    context, _ = services.open_context(access=access, agent_id=agent.id, name="people", data={"Ada": 1})
    given = {"agent_id": agent.id, "context_id": context.id, "template_id": "contract-reviewer", "slug": "research"}
    address = re.sub(r"{(\w+)}", lambda part: str(given[part[1]]), path)
    answer = getattr(client, method)(address, value)
    assert 200 <= answer.status_code < 300, answer.content


def made_of_the_template(client: APIClient) -> Any:
    answer = client.post("/api/v1/templates/contract-reviewer/apply", {"variables": {"subject": "contracts"}})
    assert answer.status_code == 201, answer.content
    return type("Made", (), {"id": answer.json()["id"]})


def test_every_body_of_the_agents_service_has_an_example() -> None:
    bare = {
        name
        for name, (_, _, operation) in operations().items()
        if AREAS & set(operation["tags"]) and "requestBody" in operation and not examples_of(operation)
    }
    assert bare == {"agents_execute", "agent_execute", "templates_import"}


def test_every_group_is_described_and_none_is_empty() -> None:
    assert {tag for _, _, operation in operations().values() for tag in operation["tags"]} == set(TAGS)


def test_every_operation_has_a_line_of_its_own() -> None:
    lines = [(operation["summary"], operation["tags"][0]) for _, _, operation in operations().values()]
    assert all(line for line, _ in lines)
    said = [pair for pair in lines if lines.count(pair) > 1]
    assert said == []


@pytest.mark.parametrize(
    ("description", "line"),
    [
        ("", ""),
        ("One agent.", "One agent"),
        ("Pause it; what runs\ngoes on. And more.", "Pause it"),
        ("Needs 1.5 seconds of a\nday", "Needs 1.5 seconds of a day"),
    ],
)
def test_the_line_of_an_operation_is_the_first_sentence_about_it(description: str, line: str) -> None:
    assert first_sentence(description) == line
