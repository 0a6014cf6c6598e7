"""Templates as files over HTTP: what is exported can be imported, and a file that cannot be read says where."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from templates_app.models import AgentTemplate
from tests.integration.template_bodies import API, BODY, made_by
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of
from workspaces.models import Project


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


@pytest.fixture
def made(client: APIClient) -> dict[str, Any]:
    return made_by(client)


def test_get_export_is_a_file_that_post_import_reads_back(client: APIClient, made: dict[str, Any]) -> None:
    answer = client.get(f"{API}/{made['id']}/export", headers={"Accept": "text/yaml"})
    assert answer["Content-Type"] == "text/yaml; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="strict-reviewer.yaml"'
    answer = client.post(f"{API}/import?id=twin", answer.content, content_type="application/yaml")
    body = answer.json()
    assert (answer.status_code, body["id"]) == (201, "twin")
    assert {name: body[name] for name in BODY} == {name: made[name] for name in BODY}


def test_post_import_reads_the_same_keys_as_json(client: APIClient) -> None:
    body = client.post(f"{API}/import", {"format": 1, "id": "mine", **BODY}).json()
    assert (body["id"], body["version"], body["default_configuration"]) == ("mine", 1, {"max_claims": 5})


def test_post_import_updates_only_when_asked_to(client: APIClient, made: dict[str, Any]) -> None:
    document = {"id": made["id"], **BODY, "name": "From a file"}
    error_of(client.post(f"{API}/import", document), 409)
    answer = client.post(f"{API}/import?update=true&change_description=by+file", document)
    assert (answer.status_code, answer.json()["version"], answer.json()["name"]) == (200, 2, "From a file")
    error_of(client.post(f"{API}/import?update=true", {**document, "id": "reviewer"}), 409)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [a", "line 2, column 1"),
        ("- a\n- b\n", "keys and values"),
        ("a", "keys and values"),
        ("name: a\nagent_type: CUSTOM\ncolour: red\n", "line 3: colour"),
        ("agent_type: CUSTOM\n", "name: Give a name"),
        ("name: a\nname: b\n", "there twice"),
        ("name: a\n7: b\n", "must be a text"),
        ("name: &x a\ndescription: *x\n", "Anchors"),
        ("name: !!python/object/apply:os.system ['true']\n", "line 1"),
        ("name: a\ndefault_configuration: !!binary aGVsbG8=\n", "Tags"),
        ("name: a\ndefault_configuration: {a: !!timestamp 2001-01-01}\n", "Tags"),
        ("name: a\ndefault_configuration: {a: .nan, b: 1e999}\n", "infinity"),
        ('name: "a\\0b"\n', "NUL"),
        ("name: a\ndefault_configuration: " + "[" * 200 + "]" * 200, "Nested"),
        ("name: a\nprompt_variables: [" + "{}," * 30_000 + "]", "More than 50,000 values"),
        ("name: a\nagent_type: CUSTOM\nformat: 2\n", "line 3: format"),
        ("name: a\nagent_type: wizard\n", "agent_type"),
        ("a: &a [x]\nb: &b [*a, *a]\n", "Anchors"),
        ("id: a\nname: a\x07b\n", "line 2: a control character"),
        ("name: a\n---\nname: b\n", "another document"),
    ],
)
def test_post_import_says_where_a_file_cannot_be_read(client: APIClient, text: str, words: str) -> None:
    error = error_of(client.post(f"{API}/import", text, content_type="text/yaml"), 400)
    assert any(word in error["message"] for word in words.split("|")), error
    assert not AgentTemplate.objects.filter(workspace__isnull=False).exists()


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml", "application/json"])
def test_post_import_refuses_large_bodies(client: APIClient, kind: str) -> None:
    error_of(client.post(f"{API}/import", b"x" * ((5 << 20) + 1), content_type=kind), 413)


def test_post_import_refuses_what_is_not_utf8(client: APIClient) -> None:
    error_of(client.post(f"{API}/import", b"name: \xff", content_type="text/yaml"), 400)
    error_of(client.post(f"{API}/import", b"name=a", content_type="application/x-www-form-urlencoded"), 415)
    error_of(client.post(f"{API}/import", [1]), 400)
