"""Every refusal of the API is `{"code", "message", "details"}`, whatever went wrong, without our insides."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError
from django.test import Client
from rest_framework import exceptions as drf
from rest_framework.test import APIClient

from core import errors
from core.api.exceptions import STATUS, handle_exception
from tests.make import Make
from workspaces.api import views


@pytest.fixture
def client(make: Make) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(make.member(make.workspace()))
    return client


def refusal(response: Any, status: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, set(body)) == (status, {"code", "message", "details"}), body
    assert isinstance(body["details"], dict)
    assert body["message"].strip()
    return body


BAD_JSON = {
    "cut short": b'{"name": "x"',
    "no JSON at all": b"name=x",
    "not UTF-8": b'{"name": "\xff"}',
    "NaN": b'{"name": NaN}',
    "an infinite number": b'{"name": 1e999}',
    "a number of five thousand digits": b'{"name": ' + b"1" * 5000 + b"}",
    "nested without end": b"[" * 100_000,
    "a NUL character": b'{"name": "a\\u0000b"}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "a NUL character in a key": b'{"a\\u0000": 1}',
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_a_body_that_is_no_good_json_is_a_400_with_a_sentence(client: APIClient, body: bytes) -> None:
    answer = client.post("/api/v1/workspaces", body, content_type="application/json")
    assert refusal(answer, 400)["code"] == "unreadable"


@pytest.mark.parametrize("body", [[], "text", 7, None, [{"name": "x"}]], ids=repr)
def test_json_that_is_no_object_is_a_400(client: APIClient, body: Any) -> None:
    assert refusal(client.post("/api/v1/workspaces", body, format="json"), 400)["code"] == "invalid"


def test_a_character_outside_the_basic_plane_is_fine(client: APIClient) -> None:
    answer = client.post("/api/v1/workspaces", b'{"name": "\\ud83d\\ude00"}', content_type="application/json")
    assert (answer.status_code, answer.json()["name"]) == (201, "\U0001f600")


def test_a_body_over_the_limit_is_a_413_that_names_it(client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = refusal(client.post("/api/v1/workspaces", {"name": "x" * 2000}), 413)
    assert body["code"] == "payload_too_large"
    assert "1000" in body["message"]


def test_errors_by_field_are_in_the_details_and_the_first_in_the_message(client: APIClient) -> None:
    body = refusal(client.post("/api/v1/workspaces", {"max_concurrent_executions": -1}), 400)
    assert body["code"] == "invalid"
    assert set(body["details"]) == {"name", "max_concurrent_executions"}
    assert body["message"].split(":")[0] in body["details"]


def test_another_content_type_is_a_415(client: APIClient) -> None:
    answer = client.post("/api/v1/workspaces", b"<name/>", content_type="application/xml")
    assert refusal(answer, 415)["code"] == "unsupported_media_type"


def test_a_method_that_is_not_there_is_a_405(client: APIClient) -> None:
    answer = client.delete("/api/v1/workspaces")
    assert refusal(answer, 405)["code"] == "method_not_allowed"
    assert "GET" in answer["Allow"]


UNKNOWN = ["/api/v1/nonsense", "/api/nonsense", "/api/v1/workspaces/no-id", "/api/v1/keys/", "/api"]


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_route_is_a_404_in_json(client: APIClient, path: str) -> None:
    assert refusal(client.get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api/v1/me?q=%00", "/api/v1/me%00"])
def test_a_nul_character_in_an_address_is_a_400(client: APIClient, path: str) -> None:
    assert refusal(client.get(path), 400)["code"] == "unreadable"


@pytest.mark.parametrize("path", ["/sessions?q=%00", "/admin/?q=%00", "/documents/%00"])
def test_a_nul_character_in_the_address_of_a_page_is_a_400_also_when_logged_in(make: Make, path: str) -> None:
    client = Client()
    client.force_login(make.member(make.project().workspace))
    answer = client.get(path)
    assert answer.status_code == 400
    assert "cannot be read" in answer.content.decode()


def test_too_many_files_are_told_how_many_are_allowed(client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{number}.txt", b"text") for number in range(3)]
    error = refusal(client.post("/api/v1/documents", {"files": files}, format="multipart"), 413)
    assert "at most 2" in error["message"]
    assert "settings" not in error["message"]


@pytest.mark.parametrize("path", ["/logout", "/documents/upload", "/switch"])
def test_the_address_of_a_button_opened_by_itself_says_what_to_do(make: Make, path: str) -> None:
    client = Client()
    client.force_login(make.member(make.project().workspace))
    answer = client.get(path)
    assert answer.status_code == 405
    assert "press it again" in answer.content.decode()
    assert answer["Content-Type"].startswith("text/html")


def test_an_unknown_page_is_a_404_in_html(db: None) -> None:
    answer = Client().get("/nonsense")
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (404, "text/html")


def test_without_credentials_it_is_a_401_that_says_how_to_authenticate(db: None) -> None:
    answer = APIClient().get("/api/v1/me")
    assert refusal(answer, 401)["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_broken_token_is_a_401(db: None) -> None:
    client = APIClient(HTTP_AUTHORIZATION="Bearer nonsense")
    assert refusal(client.get("/api/v1/me"), 401)["code"] == "authentication_failed"


def test_a_bug_is_a_500_without_our_insides(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(access: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(views.selectors, "workspace_roles", break_down)
    answer = client.get("/api/v1/me")
    assert refusal(answer, 500)["code"] == "internal_error"
    for word in ("secret of the house", "RuntimeError", "Traceback", "break_down"):
        assert word not in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_does_not_answer_is_a_503(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def break_down(access: object) -> None:
        raise error

    monkeypatch.setattr(views.selectors, "workspace_roles", break_down)
    answer = client.get("/api/v1/me")
    assert refusal(answer, 503)["code"] == "unavailable"
    assert int(answer["Retry-After"]) > 0


def test_a_page_without_a_database_is_a_503_that_says_the_work_is_safe(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", break_down)
    answer = client.get("/sessions")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Your work is safe" in answer.content.decode()


def test_a_stream_without_a_database_is_a_503(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise OperationalError("the database system is starting up")

    monkeypatch.setattr("sessions.api.stream._place", break_down)
    for end in ("stream", "events"):
        answer = client.get(f"/api/v1/sessions/{uuid4()}/{end}")
        assert refusal(answer, 503)["code"] == "unavailable"
        assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Invalid("No."), 400, "invalid"),
        (errors.Unauthenticated("No."), 401, "not_authenticated"),
        (errors.Forbidden("No."), 403, "forbidden"),
        (errors.NotFound("No."), 404, "not_found"),
        (errors.Conflict("No.", code="busy"), 409, "busy"),
        (errors.PreconditionFailed("No."), 412, "precondition_failed"),
        (errors.PayloadTooLarge("No."), 413, "payload_too_large"),
        (errors.LimitExceeded("No.", retry_after_seconds=3), 429, "limit_exceeded"),
        (errors.Unavailable("No."), 503, "unavailable"),
        (PermissionDenied("No."), 403, "forbidden"),
        (RequestDataTooBig("No."), 413, "payload_too_large"),
        (drf.Throttled(wait=7), 429, "limit_exceeded"),
        (drf.NotAcceptable(), 406, "not_acceptable"),
        (drf.ValidationError("No."), 400, "invalid"),
        (drf.ValidationError({"tasks": [{}, {"name": ["No."]}]}), 400, "invalid"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_class_of_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    response = handle_exception(error, {})
    assert response is not None
    assert (response.status_code, response.data["code"]) == (status, code)
    assert ("Retry-After" in response) == (status in (429, 503))


def test_the_path_to_a_nested_error_is_in_the_message() -> None:
    response = handle_exception(drf.ValidationError({"tasks": [{}, {"name": ["Too long."]}]}), {})
    assert response is not None
    assert response.data["message"] == "tasks[1].name: Too long."


def test_every_class_of_error_is_mapped_to_a_status() -> None:
    assert set(errors.OrchestratorError.__subclasses__()) <= set(STATUS)
