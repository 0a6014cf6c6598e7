"""Templates over HTTP: every endpoint of them, what each refuses, and what each list costs."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from templates_app.models import AgentTemplate, AgentTemplateVersion
from tests.integration.template_bodies import API, BODY, made_by
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of
from workspaces.models import Project
from workspaces.states import Role


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


@pytest.fixture
def made(client: APIClient) -> dict[str, Any]:
    return made_by(client)


# POST /templates


def test_post_templates_makes_a_template(client: APIClient, project: Project) -> None:
    answer = client.post(API, BODY)
    body = answer.json()
    assert (answer.status_code, answer["ETag"]) == (201, '"1"')
    assert {name: body[name] for name in BODY} == {**BODY, "agent_type": "AUDITOR"}
    assert (body["id"], body["template_id"], body["version"]) == ("strict-reviewer", "strict-reviewer", 1)
    assert (body["is_enabled"], body["is_built_in"], body["workspace_id"]) == (True, False, str(project.workspace_id))
    for key in (body["id"], body["uid"]):
        assert client.get(f"{API}/{key}").json() == body


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 101}, "name", "100"),
        ({"agent_type": "wizard"}, "agent_type", "PLANNER"),
        ({"definition": "nobody"}, "definition", "nobody"),
        ({"id": "Not an id"}, "id", "lower-case"),
        ({"id": "validate"}, "id", "meaning"),
        ({"configuration_schema": {"type": "objekt"}}, "configuration_schema", "$.type"),
        ({"configuration_schema": {"type": "array"}}, "configuration_schema", "$.type"),
        ({"configuration_schema": [1]}, "configuration_schema", "object"),
        (
            {"configuration_schema": {"type": "object", "$ref": "https://example.org/a"}},
            "configuration_schema",
            "inside",
        ),
        ({"configuration_schema": {"type": "object", "$ref": "#/$defs/a"}}, "configuration_schema", "nothing there"),
        ({"configuration_schema": {"type": "object", "x": "a" * 70_000}}, "configuration_schema", "65,536"),
        (
            {"configuration_schema": {"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}},
            "configuration_schema",
            "look-around",
        ),
        ({"default_configuration": {"max_claims": 0}}, "default_configuration", "$.max_claims"),
        ({"default_configuration": {"colour": 1}}, "default_configuration", "'colour'"),
        (
            {"configuration_schema": {}, "default_configuration": {"max_claims": 1000}},
            "default_configuration",
            "maximum of 100",
        ),
        ({"default_configuration": {"max_claims": "a" * 300_000}}, "default_configuration", "262,144"),
        ({"default_configuration": "a"}, "default_configuration", "object"),
        ({"prompt_template": "Look at {{thing}}."}, "prompt_template", "{{thing}}"),
        ({"prompt_template": "Look at {{ 1 + 1 }}."}, "prompt_template", "1 + 1"),
        ({"prompt_template": "One\nTwo {{subject"}, "prompt_template", "Line 2"),
        ({"prompt_variables": [{"name": "a b"}]}, "prompt_variables", "$[0].name"),
        ({"prompt_variables": [{"name": "a"}, {"name": "a"}]}, "prompt_variables", "more than once"),
        ({"prompt_variables": [{"name": "a", "kind": "b"}]}, "prompt_variables", "$[0].kind"),
        ({"prompt_variables": ["a"]}, "prompt_variables", "object"),
        ({"change_description": "x" * 2001}, "change_description", "2000"),
        ({"workspace_id": "here"}, "workspace_id", "UUID"),
        ({"defualt_configuration": {}}, "defualt_configuration", "Did you mean default_configuration?"),
    ],
)
def test_post_templates_refuses_what_is_no_template(
    client: APIClient, change: dict[str, Any], field: str, words: str
) -> None:
    error = error_of(client.post(API, {**BODY, **change}), 400)
    assert words in str(error["details"][field])
    assert not AgentTemplate.objects.filter(workspace__isnull=False).exists()


def test_post_templates_refuses_five_megabytes(client: APIClient) -> None:
    error_of(client.post(API, {**BODY, "default_configuration": {"a": "x" * (5 << 20)}}), 413)


def test_post_templates_refuses_a_taken_id_and_a_foreign_workspace(
    make: Make, client: APIClient, made: dict[str, Any]
) -> None:
    assert "strict-reviewer" in error_of(client.post(API, BODY), 409)["message"]
    assert "reviewer" in error_of(client.post(API, {**BODY, "id": "reviewer"}), 409)["message"]
    error_of(client.post(API, {**BODY, "workspace_id": str(make.workspace().id)}), 404)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_who_is_no_operator_reads_and_validates_but_changes_nothing(
    make: Make, project: Project, made: dict[str, Any], role: Role
) -> None:
    weak = client_of(make, project, role)
    one = f"{API}/{made['id']}"
    assert weak.get(one).status_code == 200
    assert weak.post(f"{one}/validate", {"variables": {"subject": "x"}}).json() == {"valid": True, "errors": {}}
    assert weak.get(f"{one}/export").status_code == 200
    for answer in (
        weak.post(API, BODY),
        weak.put(one, BODY),
        weak.patch(one, {"name": "x"}),
        weak.delete(one),
        weak.post(f"{one}/restore", {"version": 1}),
        weak.post(f"{one}/disable"),
        weak.post(f"{one}/copy"),
        weak.post(f"{one}/apply", {"variables": {"subject": "x"}}),
        weak.post(f"{API}/import", BODY),
    ):
        assert error_of(answer, 403)["code"] == "forbidden"


# GET /templates


def names(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


def test_get_templates_lists_ones_own_and_the_built_in_ones(make: Make, client: APIClient, made: Any) -> None:
    foreign = client_of(make, make.project())
    foreign.post(API, {**BODY, "name": "Foreign"})
    listed = names(client.get(API))
    assert {"strict-reviewer", "reviewer", "builder", "tester"} <= listed
    assert "foreign" not in listed


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"agent_type": "AUDITOR"}, True),
        ({"agent_type": "reviewer"}, True),
        ({"agent_type": "planner"}, False),
        ({"definition": "validation"}, True),
        ({"definition": "research"}, False),
        ({"search": "STRICT"}, True),
        ({"search": "nowhere"}, False),
        ({"is_enabled": "true"}, True),
        ({"is_enabled": "false"}, False),
        ({"built_in": "false"}, True),
        ({"built_in": "true"}, False),
        ({"ordering": "-updated_at"}, True),
    ],
)
def test_get_templates_is_narrowed(client: APIClient, made: Any, query: dict[str, str], found: bool) -> None:
    assert ("strict-reviewer" in names(client.get(API, query))) is found


def test_get_templates_of_a_workspace(make: Make, client: APIClient, project: Project, made: Any) -> None:
    assert "strict-reviewer" in names(client.get(API, {"workspace": str(project.workspace_id)}))
    error_of(client.get(API, {"workspace": str(make.workspace().id)}), 404)


@pytest.mark.parametrize("query", [{"agent_type": "wizard"}, {"ordering": "colour"}, {"built_in": "perhaps"}])
def test_get_templates_refuses_words_it_does_not_know(client: APIClient, query: dict[str, str]) -> None:
    assert next(iter(query)) in error_of(client.get(API, query), 400)["details"]


def test_get_templates_costs_the_same_however_many_there_are(client: APIClient, made: Any) -> None:
    client.get(API)
    with CaptureQueriesContext(connection) as few:
        client.get(API)
    for number in range(5):
        client.post(API, {**BODY, "name": f"More {number}"})
    with CaptureQueriesContext(connection) as many:
        assert len(names(client.get(API))) > 5
    assert len(many) == len(few) <= 6


# GET, PUT, PATCH, DELETE /templates/{id}


def test_put_template_says_it_anew(client: APIClient, made: dict[str, Any]) -> None:
    answer = client.put(f"{API}/{made['id']}", {"name": "Bare"}, headers={"If-Match": '"1"'})
    body = answer.json()
    assert (answer.status_code, answer["ETag"], body["version"]) == (200, '"2"', 2)
    assert (body["default_configuration"], body["definition"], body["agent_type"]) == ({}, None, "AUDITOR")


def test_put_template_takes_back_what_get_gave(client: APIClient, made: dict[str, Any]) -> None:
    answer = client.put(f"{API}/{made['id']}", made)
    assert answer.json()["version"] == 1
    error_of(client.put(f"{API}/{made['id']}", {**made, "id": "another"}), 400)


def test_patch_template_heeds_the_version_it_was_read_at(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    assert client.patch(one, {"description": "a"}, headers={"If-Match": '"1"'}).json()["version"] == 2
    error = error_of(client.patch(one, {"description": "b"}, headers={"If-Match": '"1"'}), 412)
    assert error["details"] == {"expected": 1, "present": 2}
    error_of(client.patch(one, {"description": "b"}, headers={"If-Match": "one"}), 400)
    assert client.get(one).json()["description"] == "a"


def test_a_misspelt_field_is_refused_and_not_taken_for_one_left_out(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    for answer in (
        client.patch(one, {"descripton": "x"}),
        client.put(one, {**BODY, "descripton": "x"}),
        client.post(f"{one}/restore", {"version": 1, "descripton": "x"}),
        client.post(f"{one}/copy", {"descripton": "x"}),
        client.post(f"{one}/apply", {"descripton": "x"}),
        client.post(f"{one}/validate", {"descripton": "x"}),
        client.post(f"{API}/validate", {"descripton": "x"}),
    ):
        assert "no such field" in str(error_of(answer, 400)["details"]["descripton"])
    assert client.get(one).json() == made


def test_patch_template_names_the_path_that_breaks_the_schema(client: APIClient, made: dict[str, Any]) -> None:
    error = error_of(client.patch(f"{API}/{made['id']}", {"default_configuration": {"max_claims": "x"}}), 400)
    assert error["details"]["default_configuration"] == ["$.max_claims: 'x' is not of type 'integer'"]


def test_delete_template(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    assert client.delete(one).status_code == 204
    error_of(client.get(one), 404)


def test_delete_template_of_an_agent_is_a_conflict_that_says_disable(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    agent = client.post(f"{one}/apply", {"variables": {"subject": "x"}}).json()
    client.delete(f"/api/v1/agents/{agent['id']}")
    error = error_of(client.delete(one), 409)
    assert (error["code"], error["details"]) == ("template_in_use", {"agents": 1})
    assert "Disable" in error["message"]
    assert client.post(f"{one}/disable").status_code == 200


def test_a_built_in_template_is_read_only(client: APIClient) -> None:
    one = f"{API}/reviewer"
    for answer in (
        client.put(one, BODY),
        client.patch(one, {"name": "x"}),
        client.delete(one),
        client.post(f"{one}/restore", {"version": 1}),
        client.post(f"{one}/disable"),
    ):
        error = error_of(answer, 403)
        assert error["code"] == "built_in"
        assert "/copy" in error["message"]


# Versions


def test_get_versions_and_one_of_them(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    client.patch(one, {"name": "Other", "change_description": "another name"})
    rows = client.get(f"{one}/versions").json()["results"]
    assert [(row["version"], row["change_description"]) for row in rows] == [(2, "another name"), (1, "created")]
    first = client.get(f"{one}/versions/1").json()
    assert first["snapshot"]["name"] == BODY["name"]
    assert "2" in error_of(client.get(f"{one}/versions/3"), 404)["message"]


def test_get_versions_costs_the_same_however_many_there_are(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    client.get(f"{one}/versions")
    with CaptureQueriesContext(connection) as few:
        client.get(f"{one}/versions")
    for number in range(4):
        client.patch(one, {"name": f"Name {number}"})
    with CaptureQueriesContext(connection) as many:
        assert client.get(f"{one}/versions").json()["count"] == 5
    assert len(many) == len(few) <= 8


def test_get_diff_names_each_place(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    client.patch(one, {"default_configuration": {"max_claims": 7}, "name": "Other"})
    expected = [
        {"path": "$.default_configuration.max_claims", "kind": "changed", "before": 5, "after": 7},
        {"path": "$.name", "kind": "changed", "before": "Strict reviewer", "after": "Other"},
    ]
    assert client.get(f"{one}/diff").json()["results"] == expected, "the newest, and the one before it"
    back = client.get(f"{one}/diff", {"from": 2, "to": 1}).json()["results"]
    assert [change["after"] for change in back] == [5, "Strict reviewer"]
    assert len(client.get(f"{one}/diff", {"page_size": 1}).json()["results"]) == 1
    assert list(error_of(client.get(f"{one}/diff", {"from": "one"}), 400)["details"]) == ["from"]
    error_of(client.get(f"{one}/diff", {"from": 9}), 404)


def test_post_restore_says_an_older_version_again(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    client.patch(one, {"name": "Other"})
    error_of(client.post(f"{one}/restore", {"version": 1}, headers={"If-Match": '"1"'}), 412)
    body = client.post(f"{one}/restore", {"version": 1}, headers={"If-Match": '"2"'}).json()
    assert (body["name"], body["version"]) == (BODY["name"], 3)
    error_of(client.post(f"{one}/restore", {"version": 8}), 404)
    error_of(client.post(f"{one}/restore", {}), 400)


# Enabling, copying, validating


def test_post_disable_and_enable(client: APIClient, made: dict[str, Any]) -> None:
    one = f"{API}/{made['id']}"
    assert client.post(f"{one}/disable").json()["is_enabled"] is False
    error = error_of(client.post(f"{one}/apply", {"variables": {"subject": "x"}}), 409)
    assert (error["code"], "Enable it" in error["message"]) == ("template_disabled", True)
    assert client.post(f"{one}/enable").json()["is_enabled"] is True


def test_post_copy_makes_one_of_your_own(client: APIClient, project: Project) -> None:
    answer = client.post(f"{API}/reviewer/copy", {"name": "Ours", "id": "our-reviewer"})
    body = answer.json()
    assert (answer.status_code, body["id"], body["workspace_id"]) == (201, "our-reviewer", str(project.workspace_id))
    error_of(client.post(f"{API}/reviewer/copy", {"id": "tester"}), 409)


def test_post_validate_of_a_draft_keeps_nothing(client: APIClient) -> None:
    count = AgentTemplate.objects.count()
    assert client.post(f"{API}/validate", BODY).json() == {"valid": True, "errors": {}}
    body = client.post(f"{API}/validate", {**BODY, "configuration": {"max_claims": 0}, "name": "x"}).json()
    assert (body["valid"], list(body["errors"])) == (False, ["configuration"])
    assert "$.max_claims" in body["errors"]["configuration"][0]
    body = client.post(f"{API}/validate", {"configuration_schema": {"type": 7}, "agent_type": "reviewer"}).json()
    assert list(body["errors"]) == ["configuration_schema"]
    assert AgentTemplate.objects.count() == count


def test_post_validate_says_what_an_application_would_break(client: APIClient, made: dict[str, Any]) -> None:
    asked = {"configuration": {"max_claims": "x", "colour": 1}, "variables": {"tone": "dry"}}
    body = client.post(f"{API}/{made['id']}/validate", asked).json()
    assert body["valid"] is False
    assert any(sentence.startswith("$.max_claims: ") for sentence in body["errors"]["configuration"])
    assert [sentence.partition(":")[0] for sentence in body["errors"]["variables"]] == ["$.tone", "$.subject"]


# Isolation


def test_a_foreign_template_is_a_404_on_every_route(make: Make, made: dict[str, Any]) -> None:
    stranger = client_of(make, make.project(), Role.OWNER)
    before = list(AgentTemplateVersion.objects.order_by("id").values())
    for key in (made["id"], made["uid"]):
        one = f"{API}/{key}"
        answers = [stranger.get(one + tail) for tail in ("", "/versions", "/versions/1", "/diff", "/export", "/agents")]
        answers += [
            stranger.post(one + tail, {"version": 1})
            for tail in ("/restore", "/enable", "/disable", "/copy", "/validate", "/apply")
        ]
        answers += [stranger.put(one, BODY), stranger.patch(one, {"name": "x"}), stranger.delete(one)]
        for answer in answers:
            error_of(answer, 404)
    assert list(AgentTemplateVersion.objects.order_by("id").values()) == before
