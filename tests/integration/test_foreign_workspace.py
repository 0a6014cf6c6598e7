"""Another workspace's object is a 404 everywhere: every route of the site, every method, as a user and as a program.

A new route is covered as soon as it is in the URL resolver. If it has a parameter this test does not know, the test
fails until `World.values` says how to fill it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import AsyncClient, Client
from drf_spectacular.generators import SchemaGenerator

from agents.models import Agent, AgentCheckpoint, AgentContext, AgentContextVersion, CheckpointSchedule
from documents.models import Collection, Document, Passage
from sessions.models import AgentExecution, AgentMessage, SessionCommand, SessionEvent
from templates_app.models import AgentTemplate, AgentTemplateVersion
from tests.make import Make
from tests.routes import METHODS, Route, api_routes, is_async, page_routes
from workspaces import services
from workspaces.models import Membership, Workspace
from workspaces.selectors import access_of_user
from workspaces.states import Role

OWN_APPS = ("workspaces", "documents", "templates_app", "agents", "agent_sessions")
# What code can do is the same for every workspace; what was made of it is not (see OF_DEFINITION and BODIES).
DEFINITION = "/api/v1/definitions/<slug:slug>"
OF_DEFINITION = [("/api/v1/definitions/scripted/agents", ["workspace", "project"])]
SHARED_ROUTES = {DEFINITION, f"{DEFINITION}/agents", f"{DEFINITION}/spawn"}
MARK = "unmistakably-foreign"


class World:
    """One workspace with at least one object of every kind, and how each route parameter names it."""

    def __init__(self, make: Make) -> None:
        self.owner: User = make.member(make.workspace(name=f"{MARK} workspace"), Role.OWNER)
        self.membership = Membership.objects.get(user=self.owner)
        self.workspace: Workspace = self.membership.workspace
        self.project = make.project(self.workspace)
        self.key, _ = services.create_key(access=access_of_user(self.owner), name=f"{MARK} key", role=Role.VIEWER)
        self._add_documents()
        self._add_template()
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

    def _add_template(self) -> None:
        self.template = AgentTemplate.objects.create(
            workspace=self.workspace, slug="foreign", name=f"{MARK} template", agent_type="CUSTOM", description=MARK
        )
        self.template_version = AgentTemplateVersion.objects.create(
            template=self.template, version=1, snapshot={"name": MARK}
        )

    def _add_session(self, make: Make) -> None:
        self.agent = make.agent(
            self.project, name=f"{MARK} agent", template=self.template, template_version=self.template_version
        )
        AgentCheckpoint.objects.create(
            agent=self.agent, sequence_number=1, state_data={"kept": MARK}, is_latest=True, created_by=MARK
        )
        CheckpointSchedule.objects.create(
            agent=self.agent, interval_seconds=60, next_at=self.agent.created_at, created_by=MARK
        )
        self.session = make.session(self.project, title=f"{MARK} session", status="COMPLETED", user=self.owner)
        self.task = make.task(self.session, name=f"{MARK} task", agent=self.agent)
        self.execution = AgentExecution.objects.create(task=self.task, agent=self.agent, attempt=1)
        self.context = AgentContext.objects.create(
            workspace=self.workspace, project=self.project, agent=self.agent, name=f"{MARK} context",
            current_version=1, last_version=1,
        )  # fmt: skip
        AgentContextVersion.objects.create(context=self.context, version=1, data={"text": MARK}, created_by=MARK)
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
    def identities(self) -> dict[str, str]:
        """The ids among `values`, as they would show in a page."""
        return {name: str(value) for name, value in self.values.items() if isinstance(value, UUID)}

    @property
    def values(self) -> dict[str, object]:
        """How to fill each parameter that any route has."""
        return {
            "workspace_id": self.workspace.id,
            "project_id": self.project.id,
            "member_id": self.membership.id,
            "key_id": self.key.id,
            "template_id": self.template.id,
            "slug": self.template.slug,  # of a template, on the pages
            "collection_id": self.collection.id,
            "document_id": self.document.id,
            "passage_id": self.passage.id,
            "agent_id": self.agent.id,
            "sequence_number": 1,
            "number": 1,  # of a checkpoint, on the pages
            "session_id": self.session.id,
            "task_id": self.task.id,
            "execution_id": self.execution.id,
            "message_id": self.message.id,
            "communication_id": self.message.id,
            "command_id": self.command.id,
            "context_id": self.context.id,
            "version": 1,
            "kind": "cancel",
            "verb": "pause",
        }


@pytest.fixture
def foreign(db: None, settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World(Make())


@pytest.fixture(params=["user", "key"])
def stranger(request: pytest.FixtureRequest, db: None) -> Client:
    """OWNER of a workspace of their own, with nothing in the foreign one."""
    make = Make()
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


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is taken back, so that the next call meets the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


SYNC_ROUTES = [route for route in with_objects(api_routes()) if not is_async(route)]
ASYNC_ROUTES = [route for route in with_objects(api_routes()) if is_async(route)]
PLAIN_ROUTES = [route for route in [*api_routes(), *page_routes()] if not route.parameters]


def leak(method: str, path: str, answer: Any) -> list[str]:
    """What is wrong with an answer that should be a 404 and tell nothing."""
    text = answer.content.decode()
    wrong = answer.status_code not in (404, 405) or MARK in text
    return [f"{method} {path}: {answer.status_code} {text[:200]}"] if wrong else []


def test_a_foreign_object_is_a_404_on_every_route_by_every_method(foreign: World, stranger: Client) -> None:
    before, leaks = everything(), []
    for route in SYNC_ROUTES:
        path = route.fill(foreign.values)
        for method in METHODS:
            leaks += leak(method, route.path, call(stranger, method, path))
    assert leaks == []
    assert everything() == before


@pytest.mark.usefixtures("tidy_loop")
@pytest.mark.django_db(transaction=True)
async def test_a_foreign_stream_is_a_404_by_every_method(foreign: World, stranger: Client) -> None:
    before, leaks = await sync_to_async(everything)(), []
    owner = Client()
    await owner.aforce_login(foreign.owner)
    for route in ASYNC_ROUTES:
        path = route.fill(foreign.values)
        for method in METHODS:
            leaks += leak(method, route.path, await acall(stranger, method, path))
        answer = await acall(owner, "get", path)
        assert answer.status_code == 200
        answer.close()
    assert leaks == []
    assert await sync_to_async(everything)() == before


async def acall(like: Client, method: str, path: str) -> Any:
    """The answer to an asynchronous client with the credentials of `like`."""
    client = AsyncClient()
    client.cookies = like.cookies
    key = like.defaults.get("HTTP_X_API_KEY")
    return await getattr(client, method)(path, headers={"X-API-Key": key} if key else {})


@pytest.mark.parametrize("stranger", ["user"], indirect=True)
def test_every_page_of_a_foreign_object_is_a_404(foreign: World, stranger: Client) -> None:
    before, leaks = everything(), []
    for route in with_objects(page_routes()):
        path = route.fill(foreign.values)
        for method in ("get", "post"):
            leaks += leak(method, route.path, getattr(stranger, method)(path))
    assert leaks == []
    assert everything() == before


def test_the_owner_finds_what_the_stranger_does_not(foreign: World) -> None:
    """Else the tests above would pass by asking for something that is not there at all."""
    owner = Client(raise_request_exception=False)
    owner.force_login(foreign.owner)
    missed = []
    for route in [*SYNC_ROUTES, *with_objects(page_routes())]:
        path = route.fill(foreign.values)
        with undone():
            statuses = [call(owner, method, path).status_code for method in METHODS]
        missed += [] if set(statuses) - {404, 405} else [f"{route.path}: {statuses}"]
    assert missed == []


def test_lists_and_pages_show_nothing_foreign_however_they_are_filtered(foreign: World, stranger: Client) -> None:
    """Every filter of the schema, and what the pages read from the address, is given a foreign object."""
    found = []
    asked = {"capability": "scripted", "q": MARK}
    for path, names in [*((route.path, PAGE_FILTERS) for route in PLAIN_ROUTES), *filters(), *OF_DEFINITION]:
        queries = [{}, *({**asked, name: str(foreign.values[f"{stem_of(name)}_id"])} for name in names)]
        for query in queries:
            answer = stranger.get(path, query)
            text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
            named = set(query.values())
            shown = [name for name, value in foreign.identities.items() if value in text and value not in named]
            if answer.status_code >= 500 or MARK in text.replace(f'"{MARK}"', "") or shown:
                found.append(f"{path} {query}: {answer.status_code} {shown} {text[:200]}")
    assert found == []


PAGE_FILTERS = ["like", "document", "collection", "project"]
STEMS = {"like": "session"}
KINDS = {"workspace", "project", "collection", "document", "agent", "session", "task", "template"}


def stem_of(name: str) -> str:
    """The kind of object that a filter named `session`, `session_id` or `document_ids` means."""
    return STEMS.get(name) or name.removesuffix("s").removesuffix("_id")


def filters() -> list[tuple[str, list[str]]]:
    """Each list of the schema with those of its filters that name an object."""
    found = []
    for path, operations in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        names = [each["name"] for each in operations.get("get", {}).get("parameters", []) if each["in"] == "query"]
        if "{" not in path:
            found.append((path, [name for name in names if stem_of(name) in KINDS]))
    return found


RUN = {"task_description": "Do it", "agents": ["scripted"]}
BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/api/v1/projects", {"name": "x"}, {"workspace_id": "workspace_id"}),
    ("/api/v1/keys", {"name": "x"}, {"workspace_id": "workspace_id"}),
    ("/api/v1/agents", {"name": "x", "definition": "scripted"}, {"project_id": "project_id"}),
    ("/api/v1/agents", {"name": "x", "definition": "scripted"}, {"workspace_id": "workspace_id"}),
    ("/api/v1/definitions/scripted/spawn", {"name": "x"}, {"project_id": "project_id"}),
    ("/api/v1/definitions/scripted/spawn", {"name": "x"}, {"workspace_id": "workspace_id"}),
    ("/api/v1/agents", {"definition": "validation"}, {"template_id": "template_id"}),
    ("/api/v1/templates", {"name": "x", "agent_type": "CUSTOM"}, {"workspace_id": "workspace_id"}),
    ("/api/v1/templates/reviewer/copy", {}, {"workspace_id": "workspace_id"}),
    ("/api/v1/templates/reviewer/apply", {}, {"project_id": "project_id"}),
    ("/api/v1/collections", {"name": "x"}, {"project_id": "project_id"}),
    ("/api/v1/agents/execute", RUN, {"project_id": "project_id"}),
    ("/api/v1/agents/execute", RUN, {"context": {"document_ids": ["document_id"]}}),
    ("/api/v1/agents/execute", RUN, {"context": {"collection_id": "collection_id"}}),
    ("/api/v1/agents/execute", RUN, {"agents": ["agent_id"]}),
    ("/api/v1/agents/execute", RUN, {"agents": [f"{MARK} agent"]}),
    ("/api/v1/agents/execute", RUN, {"agents": [], "tasks": [{"name": "a", "agent": "agent_id"}]}),
    ("/api/v1/sessions", RUN, {"context": {"document_ids": ["document_id"]}}),
    ("/api/v1/tasks", {"description": "Do it", "agent": "scripted"}, {"agent": "agent_id"}),
    ("/api/v1/tasks", {"description": "Do it", "agent": "scripted"}, {"project_id": "project_id"}),
    ("/api/v1/tasks", {"description": "Do it", "agent": "scripted"}, {"context": {"document_ids": ["document_id"]}}),
]


def test_a_foreign_object_named_in_a_body_is_refused_and_nothing_is_made(foreign: World, stranger: Client) -> None:
    before = everything()
    for path, own, theirs in BODIES:
        answer = call(stranger, "post", path, {**own, **filled(theirs, foreign.values)})
        assert answer.status_code in (400, 404), f"{path} {theirs}: {answer.content!r}"
    assert everything() == before
    for path, own, _ in BODIES:
        with undone():
            assert call(stranger, "post", path, own).status_code in (201, 202), f"{path} works without it"


FORMS: list[tuple[str, dict[str, Any]]] = [
    ("/switch", {"project": "project_id"}),
    ("/documents/upload", {"collection_id": "collection_id"}),
    ("/sessions/new", {"goal": "Do it", "who": "agents", "agents": ["agent_id"]}),
    ("/sessions/new", {"goal": "Do it", "who": "agents", "agents": ["own"], "documents": ["document_id"]}),
    ("/sessions/new", {"goal": "Do it", "who": "agents", "agents": ["own"], "collection": "collection_id"}),
]


@pytest.mark.parametrize("stranger", ["user"], indirect=True)
def test_a_foreign_object_named_in_a_form_is_refused_and_nothing_is_made(foreign: World, stranger: Client) -> None:
    own = Agent.objects.exclude(workspace=foreign.workspace).get(definition__slug="scripted")
    before = everything()
    for path, form in FORMS:
        body = filled(form, {**foreign.values, "own": own.id})
        if path.endswith("upload"):
            body["files"] = SimpleUploadedFile("a.txt", b"Some text.")
        answer = stranger.post(path, body, follow=True)
        assert answer.status_code < 500, path
        assert MARK not in answer.content.decode(), f"{path} {form}"
        assert everything() == before, f"{path} {form}"
    stranger.post("/sessions/new", filled({**FORMS[-1][1], "collection": ""}, {"own": own.id}))
    assert everything() != before, "without the foreign object it works"


@pytest.mark.parametrize("name", ["collection_id", "project_id"])
def test_a_file_is_not_put_among_foreign_ones(foreign: World, stranger: Client, name: str) -> None:
    before = everything()
    body = {"files": SimpleUploadedFile("a.txt", b"Some text."), name: str(foreign.values[name])}
    answer = stranger.post("/api/v1/documents", body)
    assert answer.status_code in (400, 404), answer.content
    assert everything() == before
    own = stranger.post("/api/v1/documents", {"files": SimpleUploadedFile("a.txt", b"Some text.")})
    assert own.json()["results"][0]["error"] in ("", None)


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
