"""Bad input of every kind about agents: a 4xx with a sentence that says how to mend it, and nothing changes."""

import json
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from agents.models import Agent, AgentCommand, AgentStateHistory
from core.json_schema import config_errors
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, client_of, error_of, fresh, use_registry
from workspaces.models import AuditEntry, Project

API = "/api/v1/agents"


class Strict(RecordingAgent):
    """Has a schema that takes nothing beside what it names."""

    config_schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "depth": {"type": "integer", "minimum": 1},
            "model": {"type": "object", "properties": {"name": {"enum": ["small", "large"]}}, "required": ["name"]},
            "words": {"type": "array", "items": {"type": "string"}},
        },
    }


class Open(RecordingAgent):
    """Takes any configuration."""

    config_schema = {"type": "object"}


class Doors:
    """Every way a body about an agent comes in: made, changed, replaced. Each answer must leave all as it was."""

    def __init__(self, make: Make, project: Project) -> None:
        self.make, self.project = make, project
        self.client = client_of(make, project)
        self.agent = make.agent(project, "strict", configuration={"depth": 2}, name="one", metadata={"of": "us"})

    def refusals(self, status: int, **fields: Any) -> list[dict[str, Any]]:
        whole = {"definition": "strict", "name": "one", **fields}
        here = f"{API}/{self.agent.id}"
        before = self._all()
        errors = [
            error_of(self.client.post(API, {**whole, "name": fields.get("name", "two")}), status),
            error_of(self.client.put(here, whole), status),
            error_of(self.client.patch(here, fields), status),
        ]
        assert self._all() == before
        return errors

    def _all(self) -> list[Any]:
        models = (Agent, AgentStateHistory, AgentCommand, AuditEntry)
        return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.fixture
def doors(make: Make, monkeypatch: pytest.MonkeyPatch) -> Doors:
    use_registry(monkeypatch, strict=Strict, open=Open)
    return Doors(make, make.project())


@pytest.fixture
def client(doors: Doors) -> APIClient:
    return doors.client


# Configurations


@pytest.mark.parametrize(
    ("configuration", "path"),
    [
        ({"depth": "deep"}, "$.depth:"),
        ({"depth": 0}, "$.depth:"),
        ({"depth": True}, "$.depth:"),
        ({"model": {"name": "medium"}}, "$.model.name:"),
        ({"model": {}}, "$.model:"),
        ({"words": ["a", 1]}, "$.words[1]:"),
        ({"dept": 1}, "$:"),
    ],
)
def test_what_breaks_the_schema_is_named_by_its_path(doors: Doors, configuration: Any, path: str) -> None:
    for error in doors.refusals(400, configuration=configuration):
        assert error["code"] == "invalid_configuration"
        assert error["details"]["configuration"][0].startswith(path)


@pytest.mark.parametrize("configuration", [[], "depth", 5, True])
def test_a_configuration_that_is_no_object_is_refused(doors: Doors, configuration: Any) -> None:
    for error in doors.refusals(400, configuration=configuration):
        assert list(error["details"]) == ["configuration"]


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_a_huge_configuration_is_refused_before_long(doors: Doors, size: int) -> None:
    began = monotonic()
    for error in doors.refusals(400, configuration={"text": "x" * size}):
        assert "at most 262,144 are kept" in error["message"]
    for error in doors.refusals(400, configuration={"words": ["xx"] * (size // 5)}):
        assert "at most 262,144 are kept" in error["message"]
    assert monotonic() - began < 20
    assert doors.client.get(f"{API}/{doors.agent.id}").status_code == 200


def test_a_body_over_the_limit_is_refused_unread(doors: Doors) -> None:
    for error in doors.refusals(413, configuration={"text": "x" * (5 * 1024 * 1024)}):
        assert error["code"] == "payload_too_large"


def nested(depth: int) -> Any:
    value: Any = {"end": 1}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("field", ["configuration", "metadata"])
@pytest.mark.parametrize("depth", [60, 400])
def test_what_is_nested_deeply_is_refused(doors: Doors, field: str, depth: int) -> None:
    for error in doors.refusals(400, definition="strict", **{field: nested(depth)}):
        assert "nested" in error["message"]
        assert list(error["details"]) == [field]


def test_a_body_nested_without_end_is_refused(client: APIClient) -> None:
    for text in ('{"configuration": ' + "[" * 200_000, '{"configuration":' + '{"a":' * 100_000 + "1" + "}" * 100_001):
        answer = client.generic("POST", API, text, content_type="application/json")
        assert error_of(answer, 400)["code"] == "unreadable"


@pytest.mark.parametrize("field", ["metadata"])
def test_huge_metadata_is_refused(doors: Doors, field: str) -> None:
    for error in doors.refusals(400, **{field: {"text": "x" * 70_000}}):
        assert list(error["details"]) == [field]


@pytest.mark.parametrize(
    "fields",
    [
        {"configuration": {"words": ["a\x00b"]}},
        {"configuration": {"a\x00": 1}},
        {"metadata": {"note": "\ud800"}},
        {"name": "a\x00b"},
        {"prompt_template": "a\x00"},
        {"capabilities": ["\x00"]},
    ],
)
def test_what_the_databases_cannot_hold_is_refused(doors: Doors, fields: dict[str, Any]) -> None:
    body = json.dumps({"definition": "strict", **fields})
    for method, path in (("POST", API), ("PATCH", f"{API}/{doors.agent.id}"), ("PUT", f"{API}/{doors.agent.id}")):
        answer = doors.client.generic(method, path, body, content_type="application/json")
        assert "NUL character or half of a surrogate pair" in error_of(answer, 400)["message"]


@pytest.mark.parametrize("text", ['{"weight": NaN}', '{"weight": 1e999}', "{", "", "\xff", '"text"', "null", "[1]"])
def test_what_is_no_json_object_is_refused(client: APIClient, text: str) -> None:
    answer = client.generic("POST", API, text.encode("latin-1"), content_type="application/json")
    assert error_of(answer, 400)["code"] in ("unreadable", "invalid")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/schema.json", "file:///etc/passwd", "https://example.org/s"])
def test_a_reference_in_a_configuration_is_only_data(doors: Doors, url: str) -> None:
    made = doors.client.post(API, {"definition": "open", "configuration": {"$ref": url, "$schema": url}})
    assert made.status_code == 201
    assert fresh(made.json()["id"]).configuration == {"$ref": url, "$schema": url}
    for error in doors.refusals(400, configuration={"$ref": url}):
        assert error["details"]["configuration"][0].startswith("$:")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/schema.json", "file:///etc/passwd"])
def test_a_reference_of_a_schema_to_elsewhere_is_never_followed(
    db: None, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert "does not hold" in config_errors({"$ref": url}, {})[0]
    away = type("Away", (RecordingAgent,), {"config_schema": {"$ref": url}})
    with pytest.raises(ValueError, match="may only point inside the schema"):
        use_registry(monkeypatch, away=away)


# Fields


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": ["one"]}, "name"),
        ({"name": {"first": "one"}}, "name"),
        ({"description": "x" * 10_001}, "description"),
        ({"prompt_template": "x" * 100_001}, "prompt_template"),
        ({"protocol": "ftp"}, "protocol"),
        ({"protocol": 1}, "protocol"),
        ({"endpoint": "ftp://host"}, "endpoint"),
        ({"endpoint": "http://user:pass@host"}, "endpoint"),
        ({"is_enabled": "perhaps"}, "is_enabled"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks"),
        ({"max_concurrent_tasks": 1.5}, "max_concurrent_tasks"),
        ({"max_concurrent_tasks": 10**30}, "max_concurrent_tasks"),
        ({"weight": -1}, "weight"),
        ({"weight": "heavy"}, "weight"),
        ({"capabilities": "search"}, "capabilities"),
        ({"capabilities": {"search": True}}, "capabilities"),
        ({"capabilities": [["search"]]}, "capabilities"),
        ({"capabilities": ["x" * 101]}, "capabilities"),
        ({"capabilities": ["x"] * 101}, "capabilities"),
        ({"metadata": "text"}, "metadata"),
    ],
)
def test_a_field_of_the_wrong_kind_or_size_is_named(doors: Doors, fields: dict[str, Any], field: str) -> None:
    if fields == {"name": ""}:  # a new agent without a name is given one
        error_of(doors.client.patch(f"{API}/{doors.agent.id}", fields), 400)
        return
    for error in doors.refusals(400, **fields):
        assert list(error["details"]) == [field]


def test_a_field_nobody_knows_is_refused_together_with_other_errors(doors: Doors) -> None:
    for error in doors.refusals(400, configuraton={"depth": 3}, weight=0):
        assert set(error["details"]) == {"configuraton", "weight"}
        assert "Did you mean configuration?" in error["details"]["configuraton"][0]


def test_what_the_server_answers_of_itself_is_passed_over_only_where_an_agent_is_replaced(doors: Doors) -> None:
    here = f"{API}/{doors.agent.id}"
    body = doors.client.get(here).json()
    replaced = doors.client.put(here, {**body, "description": "again", "status": "ERROR"})
    assert replaced.status_code == 200, replaced.json()
    assert (replaced.json()["description"], replaced.json()["status"]) == ("again", "ACTIVE")
    assert list(error_of(doors.client.patch(here, {"status": "ERROR"}), 400)["details"]) == ["status"]
    assert list(error_of(doors.client.post(API, {"definition": "open", "id": str(uuid4())}), 400)["details"]) == ["id"]


def test_null_means_the_default(doors: Doors) -> None:
    empty = {"description": None, "configuration": None, "prompt_template": None, "capabilities": None}
    made = doors.client.post(API, {"name": "three", "definition": "open", "type": None, "project_id": None, **empty})
    assert made.status_code == 201, made.json()
    assert (made.json()["description"], made.json()["configuration"]) == ("", {})
    here = f"{API}/{doors.agent.id}"
    assert doors.client.patch(here, {"configuration": None}).json()["configuration"] == {}
    assert error_of(doors.client.patch(here, {"name": None}), 400)["details"]["name"]
    assert fresh(doors.agent).metadata == {"of": "us"}


@pytest.mark.parametrize("verb", ["initialize", "pause", "deactivate", "terminate", "maintenance", "status"])
@pytest.mark.parametrize("body", [{"reason": "x" * 2001}, {"reason": ["a"]}, {"raeson": "typing error"}, [1], "text"])
def test_a_bad_body_moves_nothing(doors: Doors, verb: str, body: Any) -> None:
    before = doors._all()
    error_of(doors.client.post(f"{API}/{doors.agent.id}/{verb}", body), 400)
    assert doors._all() == before


# Places


ROUTES = [
    ("GET", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("GET", "/status"),
    ("POST", "/status"),
    ("GET", "/history"),
    ("POST", "/initialize"),
    ("POST", "/activate"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/deactivate"),
    ("POST", "/recover"),
    ("POST", "/terminate"),
    ("POST", "/maintenance"),
    ("POST", "/heartbeat"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_agent_of_others_is_not_there(doors: Doors, method: str, path: str) -> None:
    """Whatever the body says: a bad one is not answered before the agent was looked for."""
    foreign = doors.make.agent(definition="strict")
    before = doors._all()
    for agent_id in (foreign.id, uuid4()):
        for body in ("{}", '{"status": "ACTIVE", "name": "mine"}', '{"status": 7, "reason": [1]}'):
            answer = doors.client.generic(method, f"{API}/{agent_id}{path}", body, content_type="application/json")
            assert error_of(answer, 404)["code"] == "not_found"
    assert doors._all() == before


@pytest.mark.parametrize("agent_id", ["7", "None", "..%2f..", "0" * 32 + "x", "%00"])
def test_an_id_that_is_none_is_not_there(client: APIClient, agent_id: str) -> None:
    for path in ("", "/status", "/history"):
        assert client.get(f"{API}/{agent_id}{path}").status_code in (400, 404)


def test_a_foreign_project_is_not_there(doors: Doors) -> None:
    foreign = doors.make.project()
    for place in ({"project_id": str(foreign.id)}, {"workspace_id": str(foreign.workspace_id)}):
        error_of(doors.client.post(API, {"definition": "open", **place}), 404)
    assert doors.client.get(API, {"project": str(foreign.id)}).json()["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"project": "seven"},
        {"ordering": "secret"},
        {"ordering": "workspace__name"},
        {"search": "x" * 201},
    ],
)
def test_a_filter_that_means_nothing_is_refused(client: APIClient, query: dict[str, str]) -> None:
    assert list(error_of(client.get(API, query), 400)["details"]) == list(query)


@pytest.mark.parametrize("field", ["search", "definition", "capability", "type", "status", "ordering", "page"])
def test_a_nul_character_in_an_address_is_refused(client: APIClient, field: str) -> None:
    assert "cannot be read" in error_of(client.get(API, {field: "a\x00"}), 400)["message"]


# Order


@pytest.mark.parametrize(
    ("state", "verb", "allowed"),
    [
        ("CREATED", "activate", ["initialize", "terminate"]),
        ("CREATED", "pause", ["initialize", "terminate"]),
        ("CREATED", "recover", ["initialize", "terminate"]),
        ("READY", "pause", ["activate", "terminate"]),
        ("READY", "initialize", ["activate", "terminate"]),
        ("ACTIVE", "activate", ["pause", "deactivate", "terminate"]),
        ("ACTIVE", "resume", ["pause", "deactivate", "terminate"]),
        ("ACTIVE", "recover", ["pause", "deactivate", "terminate"]),
        ("PAUSED", "pause", ["resume", "deactivate", "terminate"]),
        ("ERROR", "activate", ["recover", "terminate"]),
        ("TERMINATED", "initialize", []),
        ("TERMINATED", "terminate", []),
        ("TERMINATED", "recover", []),
    ],
)
def test_a_move_out_of_order_is_answered_with_those_in_order(
    doors: Doors, state: str, verb: str, allowed: list[str]
) -> None:
    agent = doors.make.agent(doors.project, "strict", state_detail=state, status="INACTIVE")
    before = doors._all()
    error = error_of(doors.client.post(f"{API}/{agent.id}/{verb}"), 409)
    assert error["details"]["allowed"] == allowed
    assert error["details"]["state"] == state
    assert doors._all() == before


def test_the_rows_are_sound_whatever_was_tried(doors: Doors) -> None:
    for body in ({}, {"configuration": nested(60)}, {"name": "x" * 500, "weight": -7, "nonsense": 1}):
        doors.refusals(400, **{"weight": "none", **body})
    connection.check_constraints()


def test_a_body_that_is_a_list_is_told_to_be_an_object(client: APIClient) -> None:
    assert error_of(client.post("/api/v1/agents", []), 400)["message"] == "Send a JSON object; this is of type list."
