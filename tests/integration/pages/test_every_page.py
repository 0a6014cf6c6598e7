"""The pages through Django's client: what they show, what they refuse, and how many queries they need."""

import re

import pytest
from django.conf import settings as site_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import AgentCheckpoint
from documents.models import Document
from sessions.models import AgentExecution, AgentMessage, SessionCommand
from tests.integration.pages.worlds import World, context_of
from tests.make import Make
from workspaces.models import ApiKey, Membership
from workspaces.states import Role

pytestmark = pytest.mark.django_db

PAGES = (
    "/",
    "/sessions",
    "/sessions/new",
    "/documents",
    "/agents",
    "/templates",
    "/settings/members",
    "/settings/projects",
    "/settings/keys",
    "/settings/retention",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_sends_strangers_to_the_login(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/login?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_in_an_empty_workspace(world: World, path: str) -> None:
    answer = world.client.get(path)
    assert answer.status_code == 200
    assert "Agent Orchestrator" in answer.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_a_user_without_a_workspace_is_told_what_to_do(make: Make, client: Client, path: str) -> None:
    client.force_login(make.user())
    assert "You are in no workspace yet" in client.get(path).content.decode()


def test_the_login_leads_to_the_page_that_was_wanted(make: Make, client: Client) -> None:
    user = make.member(make.workspace())
    posted = {"username": user.username, "password": "secret-enough-1", "next": "/documents"}
    answer = client.post("/login", posted)
    assert answer.status_code == 302
    assert answer["Location"] == "/documents"


def test_the_login_leads_nowhere_outside(make: Make, client: Client) -> None:
    user = make.member(make.workspace())
    posted = {"username": user.username, "password": "secret-enough-1", "next": "https://evil.example/"}
    assert client.post("/login", posted)["Location"] == "/"


@pytest.mark.parametrize("target", ["x", "-1", "https:", "//evil.example/"])
def test_who_is_logged_in_is_led_to_no_address_that_is_none(make: Make, client: Client, target: str) -> None:
    client.force_login(make.member(make.workspace()))
    assert client.get("/login", {"next": target})["Location"] == "/"


def test_a_wrong_password_is_refused_and_the_name_kept(make: Make, client: Client) -> None:
    user = make.member(make.workspace())
    answer = client.post("/login", {"username": user.username, "password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 401
    assert 'role="alert"' in page
    assert f'value="{user.username}"' in page


def test_guessing_passwords_is_slowed_down(make: Make, client: Client) -> None:
    user = make.member(make.workspace())
    answers = [client.post("/login", {"username": user.username, "password": f"no{n}"}) for n in range(12)]
    assert answers[-1].status_code == 429


def test_logging_out_needs_a_post(world: World) -> None:
    assert world.client.get("/logout").status_code == 405
    assert world.client.post("/logout")["Location"] == "/login"
    assert world.client.get("/").status_code == 302


def test_a_form_from_elsewhere_is_refused(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.user)
    session = world.make.session(world.project, status="RUNNING")
    answer = strict.post(f"/sessions/{session.id}/cancel")
    assert answer.status_code == 403
    assert "Please send that again" in answer.content.decode()
    assert not SessionCommand.objects.exists()


def test_nothing_inline_runs_on_our_pages(world: World) -> None:
    answer = world.client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    scripts = re.findall(r"<script([^>]*)>", page)
    assert scripts
    assert all("src=" in tag or 'type="application/json"' in tag for tag in scripts)
    assert not re.search(r"\sstyle=|\son[a-z]+=", page)


def test_no_page_names_a_foreign_address(world: World) -> None:
    for path in PAGES:
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', world.client.get(path).content.decode()), path


# ------------------------------------------------------------------------------------------------ other workspaces


def test_what_belongs_to_another_workspace_is_not_there(world: World, make: Make) -> None:
    foreign = World(make)
    session = foreign.make.session(foreign.project, status="RUNNING")
    document = foreign.document("Nothing for you.")
    agent = make.agent(foreign.project)
    member = Membership.objects.get(user=foreign.user)
    gets = [
        f"/sessions/{session.id}",
        f"/sessions/new?like={session.id}",
        f"/documents/{document.id}",
        f"/documents/{document.id}/passage?start=0&end=4",
        f"/agents/{agent.id}",
        f"/agents/{agent.id}/settings",
        f"/agents/{agent.id}/history",
        f"/agents/{agent.id}/state",
        f"/agents/{agent.id}/checkpoints/1",
        f"/agents/{agent.id}/contexts",
        f"/agents/{agent.id}/contexts/{agent.id}",
    ]
    posts = [
        f"/sessions/{session.id}/cancel",
        f"/documents/{document.id}/delete",
        f"/agents/{agent.id}/pause",
        f"/agents/{agent.id}/maintenance",
        f"/agents/{agent.id}/configure",
        f"/agents/{agent.id}/edit",
        f"/agents/{agent.id}/state/write",
        f"/agents/{agent.id}/checkpoints",
        f"/agents/{agent.id}/checkpoints/1/restore",
        f"/agents/{agent.id}/checkpoints/1/delete",
        f"/agents/{agent.id}/checkpoints/schedule",
        f"/agents/{agent.id}/checkpoints/unschedule",
        f"/agents/{agent.id}/contexts",
        f"/agents/{agent.id}/contexts/{agent.id}/write",
        f"/agents/{agent.id}/contexts/{agent.id}/rollback",
    ]
    assert [world.client.get(path).status_code for path in gets] == [404] * len(gets)
    assert [world.client.post(path).status_code for path in posts] == [404] * len(posts)
    owner = World(make, Role.OWNER)
    assert owner.client.post(f"/settings/members/{member.id}/remove").status_code == 404
    assert not SessionCommand.objects.exists()
    assert Document.objects.filter(id=document.id).exists()


def test_lists_show_nothing_of_another_workspace(world: World, make: Make) -> None:
    foreign = World(make)
    foreign.make.session(foreign.project, title="Foreign goal", status="COMPLETED")
    foreign.document("x" * 50, name="foreign-paper.txt")
    make.agent(foreign.project, name="foreign-agent")
    shown = "".join(world.client.get(path).content.decode() for path in PAGES)
    assert "Foreign goal" not in shown
    assert "foreign-paper" not in shown
    assert "foreign-agent" not in shown


def test_a_project_of_another_workspace_cannot_be_switched_to(world: World, make: Make) -> None:
    foreign = make.project()
    world.client.post("/switch", {"project": str(foreign.id)})
    assert "project" not in world.client.session


def test_a_viewer_reads_but_starts_nothing(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    session = make.session(viewer.project, status="RUNNING")
    page = viewer.client.get(f"/sessions/{session.id}").content.decode()
    assert "Cancel" not in page
    assert "/sessions/new" not in page
    assert viewer.client.post(f"/sessions/{session.id}/cancel").status_code == 403
    assert viewer.client.get("/sessions/new").status_code == 403
    file = SimpleUploadedFile("a.txt", b"Some text to read.")
    assert viewer.client.post("/documents/upload", {"files": file}).status_code == 403


@pytest.mark.parametrize("path", ["/no-such-page", "/sessions/00000000-0000-0000-0000-000000000000"])
def test_a_page_that_is_not_there_leads_back(world: World, path: str) -> None:
    answer = world.client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


# ------------------------------------------------------------------------------------------------ how much it costs

BOUNDS = {
    "/": 15,
    "/sessions": 7,
    "/sessions/new": 8,
    "/documents": 8,
    "/agents": 11,
    "/agents/new": 7,
    "/agents/new?definition=scripted": 7,
    "/settings/members": 6,
    "/settings/projects": 5,
    "/settings/keys": 6,
    "/settings/retention": 6,
    "/sessions/{session}": 19,
    "/queue": 20,
    "/queue?show=sessions": 14,
    "/settings/limits": 5,
    "/documents/{document}": 7,
    "/agents/{agent}": 11,
    "/agents/{agent}/settings": 9,
    "/agents/{agent}/history": 13,
    "/agents/{agent}/state": 12,
    "/agents/{agent}/checkpoints/1": 9,
    "/agents/{agent}/contexts": 11,
    "/agents/{agent}/contexts/{context}": 12,
    "/agents/{agent}/contexts/{context}?from=1&to=6": 14,
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_page_needs_no_more_queries_for_many_rows_than_for_few(
    owner: World, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    names = _crowd(owner)
    with django_assert_max_num_queries(BOUNDS[path]):
        assert owner.client.get(path.format(**names)).status_code == 200


def _crowd(owner: World) -> dict[str, str]:
    make = owner.make
    agents = [make.agent(owner.project) for _ in range(6)]
    document = owner.document("A lamp. " * 40)
    for number in range(6):
        owner.document(f"Paper {number} about lamps.", name=f"paper-{number}.txt")
        make.member(owner.workspace)
        ApiKey.objects.create(
            workspace=owner.workspace,
            name=f"k{number}",
            prefix=f"ao_{number}",
            hashed_key=f"{number:064}",
            created_by=owner.user,
        )
    for number in range(1, 7):
        data = {"step": number, "seen": list(range(40))}
        AgentCheckpoint.objects.create(
            agent=agents[0], sequence_number=number, state_data=data, is_latest=number == 6, created_by="ada"
        )
    contexts = [context_of(agents[0], *({"n": n} for n in range(6)), name=f"plan-{row}") for row in range(6)]
    session = make.session(owner.project, tasks=12, agent=agents[0], status="RUNNING")
    for task in session.tasks.all():
        AgentExecution.objects.create(task=task, agent=agents[0], attempt=1)
        AgentMessage.objects.create(
            workspace=owner.workspace, session=session, from_agent=agents[0], to_agent=agents[1], content={"n": 1}
        )
    for _ in range(6):
        make.session(owner.project, tasks=3, agent=agents[1], status="COMPLETED")
    return {
        "session": str(session.id),
        "document": str(document.id),
        "agent": str(agents[0].id),
        "context": str(contexts[0].id),
    }


def test_upload_limits_are_shown(world: World) -> None:
    limit = site_settings.MAX_UPLOAD_BYTES // 1024 // 1024
    assert f"{limit}.0\xa0MB" in world.client.get("/documents").content.decode()


def test_sessions_that_agents_started_stand_below_the_one_that_started_them(world: World) -> None:
    parent = world.make.session(world.project, title="The whole")
    spawner = world.make.task(parent, name="spawner")
    world.make.task(parent, name="spawned", parent_task=spawner)
    for title in ("First part", "Second part"):
        world.make.session(world.project, title=title, parent_session=parent, depth=1, origin="child")

    listed = text_of(world, "/sessions")
    assert "The whole" in listed
    assert "First part" not in listed
    assert "2 children" in listed
    for query in ({"children": "1"}, {"parent": str(parent.id)}, {"origin": "child"}):
        assert "First part" in text_of(world, "/sessions", **query)
    assert "The whole" not in text_of(world, "/sessions", parent=str(parent.id))

    page = text_of(world, f"/sessions/{parent.id}")
    assert "2 sessions" in page
    assert "Second part" in page
    assert "<dt>Spawned by</dt><dd>spawner</dd>" in page


def text_of(world: World, path: str, **query: str) -> str:
    answer = world.client.get(path, query)
    assert answer.status_code == 200
    return str(answer.content.decode())
