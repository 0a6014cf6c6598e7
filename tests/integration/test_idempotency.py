"""`Idempotency-Key`: a creating call that is sent twice is carried out once."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connections
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from agents.models import Agent
from core.clock import SYSTEM_CLOCK
from documents.models import Document
from sessions.housekeeping import keep_house
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, use_usual_registry
from workspaces import conf
from workspaces.api.idempotency import KEPT_HEADERS
from workspaces.errors import RequestInProgress
from workspaces.models import ApiKey, IdempotentRequest, Project
from workspaces.selectors import access_of_user
from workspaces.services import create_key
from workspaces.services import idempotency as service
from workspaces.states import Role

API = "/api/v1"
KEY = {"Idempotency-Key": "order-17"}


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project, Role.OWNER)


def make_agent(client: APIClient, headers: dict[str, str] = KEY, **body: Any) -> Any:
    return client.post(f"{API}/agents", {"definition": "recorder", **body}, headers=headers)


def test_the_same_call_gets_the_same_answer_and_makes_nothing_twice(client: APIClient) -> None:
    first = make_agent(client)
    again = make_agent(client)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Agent.objects.filter(definition__slug="recorder").count() == 1


def test_without_a_key_every_call_counts(client: APIClient) -> None:
    ids = {make_agent(client, headers={}).json()["id"] for _ in range(2)}
    assert len(ids) == 2
    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize("change", [{"name": "another"}, {"description": "x"}])
def test_another_body_with_the_same_key_is_refused(client: APIClient, change: dict[str, Any]) -> None:
    make_agent(client)
    assert error_of(make_agent(client, **change), 409)["code"] == "idempotency_conflict"
    assert Agent.objects.filter(definition__slug="recorder").count() == 1


def test_the_order_of_the_fields_does_not_make_another_body(client: APIClient) -> None:
    first = client.post(f"{API}/agents", {"definition": "recorder", "name": "one"}, headers=KEY)
    again = client.post(f"{API}/agents", {"name": "one", "definition": "recorder"}, headers=KEY)
    assert again.json() == first.json()


def test_the_two_roots_of_the_api_are_one(client: APIClient) -> None:
    first = client.post("/api/v1/agents", {"definition": "recorder"}, headers=KEY)
    assert client.post("/api/agents", {"definition": "recorder"}, headers=KEY).json() == first.json()


def test_another_route_and_another_caller_may_use_the_same_key(client: APIClient, make: Make, project: Project) -> None:
    ids = {make_agent(client).json()["id"], make_agent(client_of(make, project)).json()["id"]}
    assert len(ids) == 2
    assert client.post(f"{API}/collections", {"name": "Papers"}, headers=KEY).status_code == 201


def test_a_program_with_an_api_key_is_a_caller_of_its_own(client: APIClient, project: Project) -> None:
    owner = project.workspace.memberships.get().user
    _, secret = create_key(
        access=access_of_user(owner), name="ci", role=Role.OPERATOR, workspace_id=project.workspace_id
    )
    program = APIClient(headers={"X-API-Key": secret})
    first = make_agent(program)
    assert make_agent(program).json() == first.json()
    assert make_agent(client).json()["id"] != first.json()["id"]


def test_what_was_refused_may_be_tried_again_with_the_same_key(client: APIClient) -> None:
    error_of(make_agent(client, configuration={"depth": "deep"}), 400)
    assert not IdempotentRequest.objects.exists()
    assert make_agent(client, configuration={"depth": 3}).status_code == 201


def test_what_failed_here_is_not_remembered(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("a bug of ours")

    client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("agents.services.register_agent", fail)
        assert make_agent(client).status_code == 500
    assert not IdempotentRequest.objects.exists()
    assert make_agent(client).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 201, "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_refused_by_name(client: APIClient, key: str) -> None:
    error = error_of(make_agent(client, headers={"Idempotency-Key": key}), 400)
    assert list(error["details"]) == ["Idempotency-Key"]
    assert not Agent.objects.filter(definition__slug="recorder").exists()


def test_a_call_that_is_still_at_work_is_not_begun_again(client: APIClient) -> None:
    make_agent(client)
    IdempotentRequest.objects.update(status_code=None)
    answer = make_agent(client)
    error = error_of(answer, 409)
    assert error["code"] == "idempotency_in_progress"
    assert (error["details"], answer["Retry-After"]) == ({"retry_after_seconds": 1}, "1")


def test_a_call_whose_process_died_is_taken_over(client: APIClient) -> None:
    first = make_agent(client).json()
    IdempotentRequest.objects.update(
        status_code=None, body="", claimed_at=SYSTEM_CLOCK.now() - conf.LONGEST_REQUEST - timedelta(seconds=1)
    )
    second = make_agent(client).json()
    assert second["id"] != first["id"]
    assert make_agent(client).json() == second


def test_only_one_takes_a_lost_call_over(db: None) -> None:
    asked = {"caller": "user:1", "operation": "POST /agents", "key": "k", "request_hash": "h"}
    lost = service.claim_request(**asked)
    assert isinstance(lost, service.Claim)
    IdempotentRequest.objects.update(claimed_at=SYSTEM_CLOCK.now() - timedelta(hours=1))
    assert isinstance(service.claim_request(**asked), service.Claim)
    with pytest.raises(RequestInProgress):
        service.claim_request(**asked)
    service.keep_answer(claim=lost, answer=service.Answer(201, {}, '"late"'))
    service.release_request(claim=lost)
    assert IdempotentRequest.objects.get().status_code is None


def test_an_answer_is_forgotten_after_a_day(client: APIClient) -> None:
    first = make_agent(client).json()
    IdempotentRequest.objects.update(expires_at=SYSTEM_CLOCK.now() - timedelta(seconds=1))
    assert make_agent(client).json()["id"] != first["id"]
    assert keep_house(now=SYSTEM_CLOCK.now())["answers_forgotten"] == 0
    assert keep_house(now=SYSTEM_CLOCK.now() + conf.ANSWERS_KEPT)["answers_forgotten"] == 1
    assert not IdempotentRequest.objects.exists()


def test_the_secret_of_a_key_is_neither_kept_nor_shown_again(client: APIClient) -> None:
    body = {"name": "ci", "role": "MEMBER"}
    first = client.post(f"{API}/keys", body, headers=KEY).json()
    again = client.post(f"{API}/keys", body, headers=KEY)
    assert again.json() == {**first, "key": None}
    assert again["Cache-Control"] == "no-store"
    assert ApiKey.objects.count() == 1
    assert first["key"] not in IdempotentRequest.objects.get().body


def test_an_upload_counts_by_the_bytes_of_its_files(client: APIClient, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path

    def upload(text: bytes) -> Any:
        file = SimpleUploadedFile("notes.txt", text)
        return client.post(f"{API}/documents", {"files[]": file}, format="multipart", headers=KEY)

    first = upload(b"Otters sleep holding hands.")
    again = upload(b"Otters sleep holding hands.")
    assert first.json()["results"][0]["status"] == "READY"
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert error_of(upload(b"Otters dive."), 409)["code"] == "idempotency_conflict"
    assert Document.objects.count() == 1


def test_a_caller_who_may_not_is_told_so_and_leaves_nothing(make: Make, project: Project) -> None:
    error_of(make_agent(client_of(make, project, Role.VIEWER)), 403)
    assert not IdempotentRequest.objects.exists()


def test_the_caller_gets_the_answer_also_when_it_cannot_be_kept(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("workspaces.services.keep_answer", away)
    assert make_agent(client).status_code == 201


def test_sessions_remember_their_keys_themselves(client: APIClient, make: Make, project: Project) -> None:
    body = {"task_description": "go", "tasks": [{"name": "a", "required_capabilities": ["record"]}]}
    make.agent(project, definition="recorder")
    one = client.post(f"{API}/sessions", body, headers=KEY)
    two = client.post(f"{API}/sessions", body, headers=KEY)
    assert one.json()["session_id"] == two.json()["session_id"]
    assert two["Idempotency-Replayed"] == "true"
    assert not IdempotentRequest.objects.exists()


CREATIONS: list[tuple[str, dict[str, Any]]] = [
    ("collections", {"name": "Papers"}),
    ("projects", {"name": "Second"}),
    ("workspaces", {"name": "Another"}),
    ("workspaces/{workspace}/members", {"username": "{user}", "role": "VIEWER"}),
    ("agents", {"definition": "recorder"}),
    ("definitions/recorder/spawn", {"start": True}),
    ("agents/{agent}/checkpoint", {}),
    ("agents/{agent}/schedule-checkpoint", {"interval_seconds": 60}),
    ("agents/{agent}/contexts", {"name": "notes"}),
    ("agents/{agent}/send", {"to_agent": "{other}", "content": 1}),
    ("templates", {"name": "Reader", "definition": "recorder"}),
    ("templates/ready/copy", {"name": "Copied"}),
    ("templates/ready/apply", {}),
]


@pytest.mark.parametrize(("route", "body"), CREATIONS, ids=[route for route, _ in CREATIONS])
def test_every_creating_route_heeds_the_key(
    client: APIClient, make: Make, project: Project, route: str, body: dict[str, Any]
) -> None:
    client.post(f"{API}/templates", {"name": "Ready", "definition": "recorder"})
    agents = [make.agent(project, definition="recorder") for _ in range(2)]
    words = {
        "{workspace}": str(project.workspace_id),
        "{agent}": str(agents[0].id),
        "{other}": str(agents[1].id),
        "{user}": make.user().username,
    }
    route = re.sub(r"{\w+}", lambda word: words[word[0]], route)
    body = {name: words.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    first = client.post(f"{API}/{route}", body, headers=KEY)
    assert first.status_code == 201, first.json()
    before = rows_of_our_own()
    again = client.post(f"{API}/{route}", body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert all(first.get(name) == again.get(name) for name in KEPT_HEADERS)
    assert rows_of_our_own() == before


def rows_of_our_own() -> dict[str, int]:
    labels = ("workspaces", "documents", "templates_app", "agents", "agent_sessions")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return {model._meta.label: model._default_manager.count() for model in models}


def test_an_imported_file_counts_by_its_text(client: APIClient) -> None:
    client.post(f"{API}/templates", {"name": "Reader", "definition": "recorder"})
    text = client.get(f"{API}/templates/reader/export").content.decode().replace("reader", "imported")

    def bring(text: str) -> Any:
        return client.post(f"{API}/templates/import", text.encode(), content_type="application/yaml", headers=KEY)

    first, again = bring(text), bring(text)
    assert first.status_code in (200, 201), first.content
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert error_of(bring(f"{text}# another\n"), 409)["code"] == "idempotency_conflict"


def test_another_condition_makes_another_request(client: APIClient) -> None:
    client.post(f"{API}/templates", {"name": "Reader", "definition": "recorder"})
    path, body = f"{API}/templates/reader/restore", {"version": 1}
    assert client.post(path, body, headers={**KEY, "If-Match": '"1"'}).status_code == 200
    error_of(client.post(path, body, headers={**KEY, "If-Match": '"2"'}), 409)


@pytest.fixture
def closed_connections() -> Iterator[None]:
    yield
    connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_makes_something(make: Make, closed_connections: None) -> None:
    project = make.project()
    user = make.member(project.workspace, Role.OWNER)
    start = threading.Barrier(6)
    answers: list[Any] = []

    def call() -> None:
        client = APIClient()
        client.force_authenticate(user)
        start.wait()
        answers.append(make_agent(client))
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(answers) == 6
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert all(answer.json()["code"] == "idempotency_in_progress" for answer in answers if answer.status_code == 409)
    assert len(made) == 1
    assert Agent.objects.filter(definition__slug="recorder").count() == 1


def test_every_creating_route_describes_the_header() -> None:
    generator: Any = SchemaGenerator
    schema = generator().get_schema(request=None, public=True)
    without = {
        path
        for path, operations in schema["paths"].items()
        if "post" in operations
        and "Idempotency-Key" not in {parameter["name"] for parameter in operations["post"].get("parameters", [])}
    }
    assert without == {"/api/v1/auth/token", "/api/v1/auth/refresh", "/api/v1/auth/ticket"}
