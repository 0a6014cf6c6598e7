"""The pages through Django's client: what they show, what they refuse, and how many queries they need."""

import json
import re
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from documents.models import Document
from documents.services import upload_documents
from sessions.models import AgentExecution, AgentMessage, AgentSession, SessionCommand, SessionEvent
from tests.make import Make
from workspaces.models import ApiKey, Membership, Project
from workspaces.states import Role

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert('x')</script>"


class World:
    """A workspace with a member who is logged in."""

    def __init__(self, make: Make, role: Role = Role.MEMBER) -> None:
        self.make = make
        self.workspace = make.workspace()
        self.project = make.project(self.workspace)
        self.user = make.member(self.workspace, role)
        self.client = Client()
        self.client.force_login(self.user)

    def document(self, text: str, name: str = "notes.txt") -> Document:
        file = SimpleUploadedFile(name, text.encode())
        return upload_documents(project=self.project, files=[file], actor="test")[0]

    def finished_session(self, **fields: Any) -> AgentSession:
        return self.make.session(self.project, status="COMPLETED", **fields)


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


@pytest.fixture
def owner(make: Make) -> World:
    return World(make, Role.OWNER)


@pytest.fixture(autouse=True)
def no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.services.creating.ring_session", lambda session_id: None)
    monkeypatch.setattr("sessions.services.commanding.ring_session", lambda session_id: None)
    monkeypatch.setattr("sessions.services.repeating.ring_session", lambda session_id: None)


PAGES = (
    "/",
    "/sessions",
    "/sessions/new",
    "/documents",
    "/agents",
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
    ]
    posts = [
        f"/sessions/{session.id}/cancel",
        f"/documents/{document.id}/delete",
        f"/agents/{agent.id}/pause",
        f"/agents/{agent.id}/configure",
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


# ------------------------------------------------------------------------------------------------ documents


def test_good_files_stay_when_others_of_the_same_upload_are_bad(world: World) -> None:
    files = [
        SimpleUploadedFile("good.txt", b"The ferry leaves at nine."),
        SimpleUploadedFile("bad.pdf", b"%PDF-1.7 broken"),
        SimpleUploadedFile("empty.txt", b""),
    ]
    answer = world.client.post("/documents/upload", {"files": files})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["READY", "FAILED", "FAILED"]
    assert all(result["error"] for result in results[1:])
    page = world.client.get("/documents").content.decode()
    assert "good" in page
    assert results[1]["error"][:30] in page


def test_an_upload_without_files_says_so(world: World) -> None:
    answer = world.client.post("/documents/upload", {})
    assert answer.status_code == 400
    assert "file" in answer.json()["message"]


def test_a_document_opens_at_its_marked_span(world: World) -> None:
    document = world.document("Before. The lamp was lit in 1871. After.")
    page = world.client.get(f"/documents/{document.id}?start=8&end=32").content.decode()
    assert ">The lamp was lit in 1871</mark>" in page
    piece = world.client.get(f"/documents/{document.id}/passage?start=8&end=32").content.decode()
    assert ">The lamp was lit in 1871</mark>" in piece
    assert "<html" not in piece


@pytest.mark.parametrize(
    "span", ["start=-4&end=9", "start=90000&end=90001", "start=9&end=2", "start=x&end=", "start=٣"]
)
def test_an_impossible_span_still_opens_the_document(world: World, span: str) -> None:
    document = world.document("A short text about a lamp.")
    assert world.client.get(f"/documents/{document.id}?{span}").status_code == 200
    assert world.client.get(f"/documents/{document.id}/passage?{span}").status_code == 200


def test_what_a_document_says_is_text_never_markup(world: World) -> None:
    document = world.document(f"Look: {HOSTILE} and more.", name="<b>x</b>.txt")
    for path in (f"/documents/{document.id}", f"/documents/{document.id}/passage?start=0&end=20", "/documents"):
        page = world.client.get(path).content.decode()
        assert HOSTILE not in page
        assert "<b>x</b>" not in page


def test_documents_are_found_by_title_state_and_collection(world: World) -> None:
    world.client.post("/documents/collections", {"name": "Ferries"})
    world.document("The ferry leaves at nine.", name="ferry.txt")
    world.document("", name="empty.txt")
    assert "empty" not in _rows(world.client.get("/documents?q=ferry"))
    assert "ferry" not in _rows(world.client.get("/documents?status=FAILED"))
    collection = world.project.collections.get()
    assert "ferry" not in _rows(world.client.get(f"/documents?collection={collection.id}"))


def _rows(answer: Any) -> str:
    page = answer.content.decode()
    return page[page.index('id="document-list"') :]


# ------------------------------------------------------------------------------------------------ new session


def test_a_session_starts_with_the_chosen_agents_documents_and_configuration(world: World) -> None:
    agent = _configurable_agent(world)
    document = world.document("The ferry leaves at nine.")
    posted = {
        "goal": "When does the ferry leave?",
        "who": "agents",
        "agents": [str(agent.id)],
        "mode": "sequential",
        "documents": [str(document.id)],
        "timeout": "90",
        f"config-{agent.id}-depth": "7",
    }
    answer = world.client.post("/sessions/new", posted)
    session = AgentSession.objects.get()
    assert answer["Location"] == f"/sessions/{session.id}"
    assert session.timeout_seconds == 90
    assert session.execution_mode == "sequential"
    assert session.context["document_ids"] == [str(document.id)]
    assert session.context["agent_configuration"][str(agent.id)] == {"depth": 7}
    assert [task.agent_id for task in session.tasks.all()] == [agent.id]


def test_a_faulty_form_says_what_is_wrong_and_loses_nothing(world: World) -> None:
    agent = _configurable_agent(world)
    document = world.document("The ferry leaves at nine.")
    posted = {
        "goal": "Keep me, please",
        "who": "agents",
        "agents": [str(agent.id)],
        "documents": [str(document.id)],
        "timeout": "soon",
        f"config-{agent.id}-depth": "many",
    }
    answer = world.client.post("/sessions/new", posted)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert not AgentSession.objects.exists()
    assert "Give a number of seconds" in page
    assert "Give a whole number." in page
    assert "Keep me, please" in page
    assert 'value="soon"' in page
    assert 'value="many"' in page
    assert re.search(rf'value="{document.id}" checked', page)
    assert re.search(rf'value="{agent.id}" checked', page)


def test_what_the_service_refuses_stands_beside_its_field(world: World) -> None:
    agent = _configurable_agent(world)
    posted = {"goal": "   ", "who": "agents", "agents": [str(agent.id)], "timeout": "-3"}
    page = world.client.post("/sessions/new", posted).content.decode()
    assert 'id="goal-error"' in page
    assert page.count("is-invalid") >= 2
    assert not AgentSession.objects.exists()


def test_a_configuration_that_breaks_its_schema_is_refused_at_the_agent(world: World) -> None:
    agent = _configurable_agent(world)
    posted = {"goal": "Go", "who": "agents", "agents": [str(agent.id)], f"config-{agent.id}-depth": "99"}
    answer = world.client.post("/sessions/new", posted)
    assert answer.status_code == 400
    assert "maximum" in answer.content.decode()
    assert not AgentSession.objects.exists()


def test_choosing_no_agent_is_told(world: World) -> None:
    page = world.client.post("/sessions/new", {"goal": "Go", "who": "agents"}).content.decode()
    assert "Choose at least one agent" in page


def test_files_sent_with_the_form_are_picked_and_bad_ones_keep_it_open(world: World) -> None:
    world.make.agent(world.project, "planning")
    files = [SimpleUploadedFile("good.txt", b"The ferry leaves at nine."), SimpleUploadedFile("bad.pdf", b"%PDF-x")]
    answer = world.client.post("/sessions/new", {"goal": "When?", "who": "planner", "files": files})
    page = answer.content.decode()
    good = Document.objects.get(status="READY")
    assert answer.status_code == 400
    assert re.search(rf'value="{good.id}" checked', page)
    assert Document.objects.get(status="FAILED").error[:30] in page
    again = {"goal": "When?", "who": "planner", "documents": [str(good.id)]}
    assert world.client.post("/sessions/new", again).status_code == 302


def test_an_earlier_session_can_be_used_as_a_start(world: World) -> None:
    agent = world.make.agent(world.project)
    session = world.make.session(world.project, task_description="Do it once more", tasks=1, agent=agent)
    page = world.client.get(f"/sessions/new?like={session.id}").content.decode()
    assert "Do it once more" in page
    assert re.search(rf'value="{agent.id}" checked', page)


def _configurable_agent(world: World) -> Agent:
    schema = {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3}}}
    world.make.definition("digger", config_schema=schema)
    return world.make.agent(world.project, "digger")


# ------------------------------------------------------------------------------------------------ session page


def test_the_session_page_shows_answer_citations_verdicts_messages_and_log(world: World) -> None:
    session, document = _told_session(world)
    page = world.client.get(f"/sessions/{session.id}").content.decode()
    assert "It was lit in 1871." in page
    assert f'href="/documents/{document.id}?start=4&amp;end=20#span"' in page
    assert "contradiction suspected" in page
    assert "the numbers differ" in page
    assert "here are three findings" in page
    assert "task.created" in page
    snapshot = json.loads(re.search(r'id="session-data" type="application/json">(.*?)</script>', page, re.S)[1])
    assert snapshot["last_seq"] == session.last_seq
    assert [task["status"] for task in snapshot["tasks"]] == ["PENDING", "PENDING"]


def test_the_same_source_has_one_number(world: World) -> None:
    session, _ = _told_session(world)
    page = world.client.get(f"/sessions/{session.id}").content.decode()
    numbers = re.findall(r'aria-label="Source (\d+):', page)
    assert numbers == ["1", "2", "1"]


def test_what_agents_say_is_text_never_markup(world: World) -> None:
    session, _ = _told_session(world, said=HOSTILE)
    page = world.client.get(f"/sessions/{session.id}").content.decode()
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 3


@pytest.mark.parametrize(
    "result",
    [
        {"answer": "Plain words"},
        {"sentences": "no list", "claims": {"a": 1}, "answer": 4},
        {"sentences": [{"text": "x", "citations": [{"document_id": "no-uuid", "start": "a", "end": None}, 7]}]},
        {"claims": [{"verdict": "<b>", "evidence": [None]}], "outputs": {"t": {"said": 1}}},
        ["not", "an", "object"],
    ],
)
def test_a_result_of_any_shape_opens(world: World, result: Any) -> None:
    session = world.finished_session(result=result, tasks=1)
    assert world.client.get(f"/sessions/{session.id}").status_code == 200


@pytest.mark.parametrize(("status", "words"), [("RUNNING", "Pause"), ("PAUSED", "Resume")])
def test_buttons_offer_what_can_be_done_now(world: World, status: str, words: str) -> None:
    session = world.make.session(world.project, status=status, tasks=1)
    page = world.client.get(f"/sessions/{session.id}").content.decode()
    assert words in page
    assert "Cancel" in page
    finished = world.finished_session(tasks=1)
    assert "data-command" not in world.client.get(f"/sessions/{finished.id}").content.decode()


def test_a_button_works_without_scripts(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING", tasks=1)
    answer = world.client.post(f"/sessions/{session.id}/pause", follow=True)
    assert "Pausing" in answer.content.decode()
    assert [command.kind for command in SessionCommand.objects.all()] == ["pause"]


def test_a_button_pressed_too_late_says_why(world: World) -> None:
    session = world.finished_session(tasks=1)
    answer = world.client.post(f"/sessions/{session.id}/cancel", follow=True)
    assert "never reopens" in answer.content.decode()
    assert not SessionCommand.objects.exists()


def test_sessions_are_found_by_words_state_and_page(world: World) -> None:
    for number in range(27):
        world.finished_session(title=f"Goal {number:02}", task_description=f"Goal {number:02}")
    world.make.session(world.project, title="Live goal", task_description="Live goal", status="RUNNING")
    first = world.client.get("/sessions").content.decode()
    assert "Live goal" in first
    assert "1–25 of 28" in first
    assert "Goal 00" in world.client.get("/sessions?page=2").content.decode()
    assert "Live goal" not in world.client.get("/sessions?status=COMPLETED").content.decode()
    found = world.client.get("/sessions?q=goal+13").content.decode()
    assert "Goal 13" in found
    assert "Goal 14" not in found
    assert "Nothing matches" in world.client.get("/sessions?q=zebra").content.decode()


def _told_session(world: World, *, said: str = "here are three findings") -> tuple[AgentSession, Document]:
    document = world.document("The lamp was lit in 1871 by the keeper.")
    agent = world.make.agent(world.project)
    cite = {"document_id": str(document.id), "title": f"notes {said}", "start": 4, "end": 20, "quote": said}
    other = {**cite, "start": 25, "end": 30}
    result = {
        "answer": "It was lit in 1871.",
        "sentences": [
            {"text": "It was lit in 1871.", "citations": [cite, other]},
            {"text": f"By the keeper {said}.", "citations": [cite]},
        ],
        "claims": [
            {
                "text": "Lit in 1872",
                "verdict": "contradiction_suspected",
                "cue": "the numbers differ",
                "evidence": [cite],
            }
        ],
    }
    session = world.finished_session(result=result, tasks=2, agent=agent)
    session.last_seq = 1
    session.save()
    frame = {"seq": 1, "type": "task.created", "at": "2026-01-01T00:00:00", "task": None, "data": {"text": said}}
    SessionEvent.objects.create(
        session=session,
        seq=1,
        type="task.created",
        payload=json.dumps(frame),
        hash="0" * 64,
        created_at=session.created_at,
    )
    AgentMessage.objects.create(
        workspace=world.workspace, session=session, from_agent=agent, to_agent=agent, content={"summary": said}
    )
    return session, document


# ------------------------------------------------------------------------------------------------ agents and settings


def test_an_operator_sees_only_the_moves_an_agent_can_make(make: Make) -> None:
    operator = World(make, Role.OPERATOR)
    agent = make.agent(operator.project)
    page = operator.client.get(f"/agents/{agent.id}").content.decode()
    assert f"/agents/{agent.id}/pause" in page
    assert f"/agents/{agent.id}/resume" not in page
    operator.client.post(f"/agents/{agent.id}/pause")
    assert Agent.objects.get(id=agent.id).state_detail == "PAUSED"
    page = operator.client.get(f"/agents/{agent.id}").content.decode()
    assert f"/agents/{agent.id}/resume" in page
    assert operator.user.username in page


def test_a_member_sees_no_lifecycle_buttons_and_may_not_use_them(world: World) -> None:
    agent = world.make.agent(world.project)
    assert f"/agents/{agent.id}/pause" not in world.client.get(f"/agents/{agent.id}").content.decode()
    assert world.client.post(f"/agents/{agent.id}/pause").status_code == 403


def test_an_operator_changes_the_configuration_by_its_schema(make: Make) -> None:
    operator = World(make, Role.OPERATOR)
    agent = _configurable_agent(operator)
    assert operator.client.post(f"/agents/{agent.id}/configure", {"config-depth": "9"}).status_code == 302
    assert Agent.objects.get(id=agent.id).configuration == {"depth": 9}
    assert operator.client.post(f"/agents/{agent.id}/configure", {"config-depth": "11"}).status_code == 400
    assert Agent.objects.get(id=agent.id).configuration == {"depth": 9}


def test_an_owner_adds_changes_and_removes_members(owner: World) -> None:
    friend = owner.make.user()
    owner.client.post("/settings/members", {"username": friend.username, "role": "VIEWER"})
    member = Membership.objects.get(user=friend)
    assert member.role == "VIEWER"
    owner.client.post(f"/settings/members/{member.id}/role", {"role": "MEMBER"})
    assert Membership.objects.get(id=member.id).role == "MEMBER"
    owner.client.post(f"/settings/members/{member.id}/remove")
    assert not Membership.objects.filter(id=member.id).exists()


def test_an_unknown_member_is_refused_with_a_sentence(owner: World) -> None:
    page = owner.client.post("/settings/members", {"username": "nobody-here", "role": "VIEWER"}).content.decode()
    assert "There is no user named" in page
    assert 'value="nobody-here"' in page


def test_the_last_owner_cannot_leave(owner: World) -> None:
    member = Membership.objects.get(user=owner.user)
    answer = owner.client.post(f"/settings/members/{member.id}/remove", follow=True)
    assert "last owner" in answer.content.decode()
    assert Membership.objects.filter(id=member.id).exists()


def test_a_key_is_shown_once(owner: World) -> None:
    made = owner.client.post("/settings/keys", {"name": "nightly", "role": "MEMBER", "days": "30"}).content.decode()
    secret = re.search(r'id="secret" value="([^"]+)"', made)[1]
    assert secret.startswith("ao_")
    later = owner.client.get("/settings/keys").content.decode()
    assert "nightly" in later
    assert secret not in later
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    owner.client.post(f"/settings/keys/{key.id}/revoke")
    assert ApiKey.objects.get().revoked_at is not None


def test_a_new_project_can_be_worked_in(owner: World) -> None:
    owner.client.post("/settings/projects", {"name": "Second"})
    second = Project.objects.get(name="Second")
    owner.client.post("/switch", {"project": str(second.id)})
    assert "Second" in owner.client.get("/documents").content.decode()


def test_members_may_not_administer(world: World) -> None:
    friend = world.make.user()
    page = world.client.post("/settings/members", {"username": friend.username, "role": "VIEWER"}).content.decode()
    assert 'role="alert"' in page
    assert not Membership.objects.filter(user=friend).exists()
    assert "For owners and admins" in world.client.get("/settings/keys").content.decode()


@pytest.mark.parametrize("path", ["/no-such-page", "/sessions/00000000-0000-0000-0000-000000000000"])
def test_a_page_that_is_not_there_leads_back(world: World, path: str) -> None:
    answer = world.client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


# ------------------------------------------------------------------------------------------------ how much it costs

BOUNDS = {
    "/": 14,
    "/sessions": 7,
    "/sessions/new": 8,
    "/documents": 8,
    "/agents": 8,
    "/settings/members": 6,
    "/settings/projects": 5,
    "/settings/keys": 6,
    "/settings/retention": 6,
    "/sessions/{session}": 19,
    "/queue": 20,
    "/queue?show=sessions": 14,
    "/settings/limits": 5,
    "/documents/{document}": 7,
    "/agents/{agent}": 10,
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
    session = make.session(owner.project, tasks=12, agent=agents[0], status="RUNNING")
    for task in session.tasks.all():
        AgentExecution.objects.create(task=task, agent=agents[0], attempt=1)
        AgentMessage.objects.create(
            workspace=owner.workspace, session=session, from_agent=agents[0], to_agent=agents[1], content={"n": 1}
        )
    for _ in range(6):
        make.session(owner.project, tasks=3, agent=agents[1], status="COMPLETED")
    return {"session": str(session.id), "document": str(document.id), "agent": str(agents[0].id)}


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
