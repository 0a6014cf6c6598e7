"""Another workspace's object is a 404 everywhere: every route of the site, every method, as a user and as a program.

A new route is covered as soon as it is in the URL resolver. If it has a parameter this test does not know, the test
fails until `World.values` says how to fill it.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from documents.models import Collection, Document, Passage
from sessions.models import AgentExecution, AgentMessage, SessionCommand, SessionEvent
from tests.make import Make
from tests.routes import METHODS, Route, api_routes, page_routes
from workspaces import services
from workspaces.models import Membership, Workspace
from workspaces.selectors import access_of_user
from workspaces.states import Role

OWN_APPS = ("workspaces", "documents", "agents", "agent_sessions")
SHARED_ROUTES = {"/api/v1/definitions/<slug:slug>"}  # what code can do: the same for every workspace
MARK = "unmistakably-foreign"


class World:
    """One workspace with at least one object of every kind, and how each route parameter names it."""

    def __init__(self, make: Make) -> None:
        self.owner: User = make.member(make.workspace(name=f"{MARK} workspace"), Role.OWNER)
        self.workspace: Workspace = Membership.objects.get(user=self.owner).workspace
        self.project = make.project(self.workspace)
        self.key, _ = services.create_key(access=access_of_user(self.owner), name=f"{MARK} key", role=Role.VIEWER)
        self._add_documents()
        self._add_session(make)

    def _add_documents(self) -> None:
        text = f"A passage that is {MARK}."
        self.collection = Collection.objects.create(project=self.project, name=f"{MARK} collection")
        self.document = Document.objects.create(
            project=self.project, collection=self.collection, title=f"{MARK} title", text=text, status="READY",
            media_type="text/plain", size_bytes=len(text), sha256="0" * 64,
            file=ContentFile(text.encode(), name="foreign.txt"),
        )  # fmt: skip
        self.passage = Passage.objects.create(document=self.document, ordinal=0, start=0, end=len(text), text=text)

    def _add_session(self, make: Make) -> None:
        self.agent = make.agent(self.project, name=f"{MARK} agent")
        self.session = make.session(self.project, title=f"{MARK} session", status="COMPLETED", user=self.owner)
        self.task = make.task(self.session, name=f"{MARK} task", agent=self.agent)
        self.execution = AgentExecution.objects.create(task=self.task, agent=self.agent, attempt=1)
        self.message = AgentMessage.objects.create(
            workspace=self.workspace, session=self.session, from_agent=self.agent, content={"text": MARK}
        )
        self.command = SessionCommand.objects.create(session=self.session, kind="cancel", actor=MARK)
        frame = {"seq": 1, "type": "session.created", "at": "2026-01-01T00:00:00Z", "task": None, "agent": None}
        SessionEvent.objects.create(
            session=self.session, seq=1, type="session.created", hash="0" * 64, created_at=self.session.created_at,
            payload=json.dumps({**frame, "data": {"task_description": MARK}}),
        )  # fmt: skip
        type(self.session).objects.filter(pk=self.session.pk).update(last_seq=1)

    @property
    def values(self) -> dict[str, object]:
        """How to fill each parameter that any route has."""
        member = Membership.objects.get(workspace=self.workspace, user=self.owner)
        return {
            "workspace_id": self.workspace.id,
            "project_id": self.project.id,
            "member_id": member.id,
            "key_id": self.key.id,
            "collection_id": self.collection.id,
            "document_id": self.document.id,
            "passage_id": self.passage.id,
            "agent_id": self.agent.id,
            "session_id": self.session.id,
            "task_id": self.task.id,
            "execution_id": self.execution.id,
            "message_id": self.message.id,
            "command_id": self.command.id,
            "kind": "cancel",
            "verb": "pause",
        }


@pytest.fixture
def foreign(make: Make, settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World(make)


@pytest.fixture(params=["user", "key"])
def stranger(request: pytest.FixtureRequest, make: Make) -> Client:
    """OWNER of a workspace of their own, with nothing in the foreign one."""
    workspace = make.workspace()
    user = make.member(workspace, Role.OWNER)
    make.agent(make.project(workspace))
    if request.param == "user":
        client = Client()
        client.force_login(user)
        return client
    _, secret = services.create_key(access=access_of_user(user), name="own key", role=Role.OWNER)
    client = Client(headers={"X-API-Key": secret})
    client.get("/api/v1/me")  # notes the first use of the key, which would count as a change below
    return client


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of our own tables."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for label in OWN_APPS
        for model in apps.get_app_config(label).get_models()
    }


def with_objects(routes: list[Route]) -> list[Route]:
    return [route for route in routes if route.parameters and route.path not in SHARED_ROUTES]


def call(client: Client, method: str, path: str, body: Any = None) -> Any:
    kind = {} if method == "get" else {"content_type": "application/json", "data": json.dumps(body or {})}
    return getattr(client, method)(path, **kind)


@pytest.mark.parametrize("route", with_objects(api_routes()), ids=str)
def test_a_foreign_object_is_a_404_by_every_method(foreign: World, stranger: Client, route: Route) -> None:
    path = route.fill(foreign.values)
    before = everything()
    for method in METHODS:
        answer = call(stranger, method, path)
        assert answer.status_code in (404, 405), f"{method} {answer.status_code} {answer.content[:300]!r}"
        assert MARK not in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("stranger", ["user"], indirect=True)
@pytest.mark.parametrize("route", with_objects(page_routes()), ids=str)
def test_a_page_of_a_foreign_object_is_a_404(foreign: World, stranger: Client, route: Route) -> None:
    path = route.fill(foreign.values)
    before = everything()
    for method in ("get", "post"):
        answer = getattr(stranger, method)(path)
        assert answer.status_code in (404, 405), f"{method} {answer.status_code}"
        assert MARK not in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("route", with_objects([*api_routes(), *page_routes()]), ids=str)
def test_the_owner_finds_what_the_stranger_does_not(foreign: World, route: Route) -> None:
    """Else the test above would pass by asking for something that is not there at all."""
    owner = Client(raise_request_exception=False)
    owner.force_login(foreign.owner)
    path = route.fill(foreign.values)
    assert any(call(owner, method, path).status_code not in (404, 405) for method in METHODS)


@pytest.mark.parametrize("route", [r for r in [*api_routes(), *page_routes()] if not r.parameters], ids=str)
def test_lists_and_pages_show_nothing_foreign(foreign: World, stranger: Client, route: Route) -> None:
    answer = stranger.get(route.path)
    assert answer.status_code < 500
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
    assert MARK not in text
    assert [name for name, value in foreign.values.items() if isinstance(value, UUID) and str(value) in text] == []


def filters() -> Iterator[tuple[str, str]]:
    """(path, parameter) of every list filter in the schema that names an object."""
    for path, operations in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] == "query" and "{" not in path and filter_value(parameter["name"]):
                yield path, parameter["name"]


def filter_value(name: str) -> str | None:
    """The route parameter that a filter named `session`, `session_id` or `document_ids` means."""
    stem = name.removesuffix("s").removesuffix("_id")
    return f"{stem}_id" if f"{stem}_id" in KINDS else None


KINDS = {"workspace_id", "project_id", "collection_id", "document_id", "agent_id", "session_id", "task_id"}


@pytest.mark.parametrize(("path", "name"), sorted(filters()))
def test_a_list_filtered_by_a_foreign_object_is_empty_or_refused(
    foreign: World, stranger: Client, path: str, name: str
) -> None:
    value = foreign.values[str(filter_value(name))]
    answer = stranger.get(path, {name: str(value), "q": MARK})
    assert answer.status_code in (200, 400, 404)
    if answer.status_code == 200:
        assert answer.json()["results"] == []


BODIES = [
    ("/api/v1/projects", {"name": "x", "workspace_id": "workspace_id"}),
    ("/api/v1/keys", {"name": "x", "workspace_id": "workspace_id"}),
]


@pytest.mark.parametrize(("path", "body"), BODIES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_foreign_object_named_in_a_body_is_not_found(
    foreign: World, stranger: Client, path: str, body: dict[str, Any]
) -> None:
    resolve(path)
    before = everything()
    answer = call(stranger, "post", path, filled(body, foreign.values))
    assert answer.status_code in (400, 404), answer.content
    assert MARK not in answer.content.decode()
    assert everything() == before


def filled(body: Any, values: dict[str, object]) -> Any:
    """The body with every word that is a parameter's name replaced by the foreign object's id."""
    if isinstance(body, dict):
        return {key: filled(value, values) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(value, values) for value in body]
    return str(values.get(body, body)) if isinstance(body, str) else body


def test_a_route_with_an_unknown_parameter_fails_this_test(foreign: World) -> None:
    with pytest.raises(AssertionError, match="say how to fill"):
        Route("/api/v1/widgets/<uuid:widget_id>", lambda: None).fill(foreign.values)
