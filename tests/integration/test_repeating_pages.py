"""The pages that repeat a session, and the marks of what was reused; through Django's client, so without scripts."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from sessions.models import AgentExecution, AgentSession, AgentTask, SessionEvent
from tests.make import Make
from workspaces.states import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.services.repeating.ring_session", lambda session_id: None)


class World:
    """A member and a session of three tasks that failed at the second."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.project = make.project()
        self.agent = make.agent(self.project, name="Worker")
        self.client = Client()
        self.client.force_login(make.member(self.project.workspace))
        self.session = make.session(self.project, status="FAILED", title="Old one", context={"tone": "dry"})
        self.a = self.task("a", "COMPLETED", output_data={"said": 1})
        self.b = self.task("b", "FAILED", after=[self.a], input_data={"limit": 3}, description="Look twice")
        self.c = self.task("c", "SKIPPED", after=[self.b])
        usage = {"input_tokens": 1000, "output_tokens": 234, "calls": 3}
        AgentExecution.objects.create(task=self.a, agent=self.agent, attempt=1, state="COMPLETED", usage=usage)
        for seq, kind in ((1, "session.created"), (2, "task.completed")):
            SessionEvent.objects.create(
                session=self.session, seq=seq, type=kind, task_id=self.a.id, hash="",
                payload='{"seq": 1, "type": "x"}', created_at=self.session.created_at,
            )  # fmt: skip
        AgentSession.objects.filter(pk=self.session.pk).update(last_seq=2)

    def task(self, name: str, status: str, **fields: Any) -> AgentTask:
        assignment = {"by": "name", "reason": "x"}
        number = self.session.tasks.count()
        return self.make.task(
            self.session, name=name, status=status, agent=self.agent, assignment=assignment, ordinal=number, **fields
        )

    def path(self, rest: str = "", session: AgentSession | None = None) -> str:
        return f"/sessions/{(session or self.session).id}{rest}"

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.content[:300]
        return html.unescape(answer.content.decode())

    def made(self, path: str, **form: Any) -> AgentSession:
        """The new session that a form leads to."""
        answer = self.client.post(path, form)
        assert answer.status_code == 302, html.unescape(answer.content.decode())
        session = AgentSession.objects.order_by("-created_at").first()
        assert session is not None
        assert answer["Location"] == f"/sessions/{session.id}"
        return session

    def refused(self, path: str, **form: Any) -> str:
        count = AgentSession.objects.count()
        answer = self.client.post(path, form)
        assert answer.status_code == 400
        assert AgentSession.objects.count() == count
        return html.unescape(answer.content.decode())


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_failed_session_is_retried_with_a_button(world: World) -> None:
    assert 'id="retry"' in world.get(world.path())
    made = world.made(world.path("/retry"))
    assert (made.origin, made.forked_from_id) == ("retry", world.session.id)
    AgentSession.objects.filter(pk=world.session.pk).update(status="COMPLETED")
    assert 'id="retry"' not in world.get(world.path())
    answer = world.client.post(world.path("/retry"), follow=True)
    assert "only a failed or cancelled session can be retried" in html.unescape(answer.content.decode())


def test_the_new_session_says_where_it_comes_from_and_what_was_reused(world: World) -> None:
    page = world.get(world.path(session=world.made(world.path("/retry"))))
    assert "Retry of Old one from b 1 of 3 tasks reused saved 1,234 tokens / 3 calls" in words(page)
    assert f'href="/sessions/{world.session.id}#task-{world.a.id}"' in page
    assert "done in an earlier session , saved 1,234 tokens / 3 calls" in words(page)
    assert page.count('data-field="status">reused') == 1
    assert '"reused": true' in page


def test_the_old_session_links_to_what_was_made_from_it(world: World) -> None:
    assert 'class="lineage"' not in world.get(world.path())
    made = world.made(world.path("/retry"))
    child = world.make.session(world.project, title="Helper", parent_session=world.session, origin="child")
    page = world.get(world.path())
    assert f'href="/sessions/{made.id}"' in page
    assert "Retry pending" in words(page)
    assert "Child: Helper pending" in words(page)
    assert "Child session of Old one" in words(world.get(world.path(session=child)))


def test_a_session_whose_source_is_gone_says_so(world: World) -> None:
    made = world.made(world.path("/retry"))
    AgentSession.objects.filter(pk=made.pk).update(forked_from=None)
    page = words(world.get(world.path(session=made)))
    assert "Retry of a session that has been deleted from b" in page
    world.session.delete()
    assert "done in a session that has been deleted" in words(world.get(world.path(session=made)))


def test_a_task_is_run_again_with_another_input(world: World) -> None:
    form = world.path(f"/rerun/{world.b.id}")
    assert f'href="{form}"' in world.get(world.path())
    page = world.get(form)
    assert '"limit": 3' in page
    assert "Look twice</textarea>" in page
    assert "Runs again b c Reused with its output a" in words(page)
    made = world.made(form, input_data='{"limit": 4}', description="Look", agent=str(world.agent.id), reuse_steps="1")
    b = made.tasks.get(name="b")
    assert (made.origin, b.input_data, b.description, b.agent_id) == ("rerun", {"limit": 4}, "Look", world.agent.id)
    assert b.lineage == world.b.id


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ('{"limit": ', "This is not JSON: Expecting value: line 1 column 11 (char 10)."),
        ("[1]", 'This must be a JSON object, such as {"limit": 3}.'),
        ('{"x": NaN}', "$.x: Numbers must be finite; JSON knows no NaN and no infinity."),
        ("[" * 100_000, "This is nested too deeply."),
    ],
)
def test_an_input_that_cannot_be_is_shown_with_what_is_wrong_and_nothing_is_lost(
    world: World, typed: str, sentence: str
) -> None:
    page = world.refused(world.path(f"/rerun/{world.b.id}"), input_data=typed, description="kept\nas typed")
    assert f">{typed}</textarea>" in page
    assert ">kept\nas typed</textarea>" in page
    assert f'id="input_data-error">{sentence}' in page
    assert 'aria-describedby="input_data-error"' in page


def test_a_refusal_of_the_server_stands_at_its_field_or_above_the_form(world: World) -> None:
    form = world.path(f"/rerun/{world.b.id}")
    page = world.refused(form, input_data="{}", agent="nobody")
    assert 'id="agent-error">There is no agent "nobody"' in page
    AgentSession.objects.filter(pk=world.session.pk).update(status="RUNNING")
    assert "only a finished one can be re-run" in world.refused(form, input_data="{}")
    assert f'href="{form}"' not in world.get(world.path())


def test_a_session_is_forked_after_a_task_with_another_goal(world: World) -> None:
    assert f'href="{world.path("/fork")}?at={world.a.id}"' in world.get(world.path())
    page = world.get(f"{world.path('/fork')}?at={world.a.id}")
    assert f'<option value="{world.a.id}" selected>a</option>' in page
    assert '"tone": "dry"' in page
    made = world.made(world.path("/fork"), at=str(world.a.id), task_description="Another", context='{"tone": "wet"}')
    assert (made.origin, made.title, made.context) == ("fork", "Another", {"tone": "wet"})
    assert "Fork of Old one after a" in words(world.get(world.path(session=made)))
    early = world.made(world.path("/fork"), at="1", task_description="Another", context="{}")
    assert "Fork of Old one after event 1" in words(world.get(world.path(session=early)))


def test_a_fork_that_cannot_be_keeps_what_was_typed(world: World) -> None:
    path = world.path("/fork")
    page = world.refused(path, at="99", task_description="", context="{oops")
    assert 'id="context-error">This is not JSON' in page
    assert ">{oops</textarea>" in page
    page = world.refused(path, at="99", task_description="  ", context="{}")
    assert 'id="at-error">The log has no event 99' in page
    assert '<option value="99" selected>event 99</option>' in page
    assert "goal-error" in world.refused(path, at="1", task_description="  ", context="{}")


def test_those_who_may_only_look_are_offered_nothing_and_refused(world: World) -> None:
    world.client.force_login(world.make.member(world.project.workspace, Role.VIEWER))
    page = world.get(world.path())
    assert "Re-run from here" not in page
    assert "Fork here" not in page
    for path in ("/fork", f"/rerun/{world.b.id}"):
        assert world.client.get(world.path(path)).status_code == 403
        assert world.client.post(world.path(path)).status_code == 403
    assert world.client.post(world.path("/retry")).status_code == 403


def test_a_task_of_another_session_cannot_be_run_again_here(world: World) -> None:
    other = world.make.session(world.project, tasks=1, agent=world.agent)
    assert world.client.get(world.path(f"/rerun/{other.tasks.get().id}")).status_code == 404


def test_the_list_shows_and_filters_by_origin(world: World) -> None:
    world.made(world.path("/retry"))
    page = world.get("/sessions?origin=retry")
    assert page.count('class="title"') == 1
    assert "chip origin" in page
    assert "chip origin" not in world.get("/sessions?origin=new")
    assert world.get("/sessions?origin=nonsense").count('class="title"') == 2


def test_a_button_pressed_twice_makes_one_session(world: World) -> None:
    once = re.findall(r'name="once" value="(\w+)"', world.get(world.path()))[0]
    first, second = (world.client.post(world.path("/retry"), {"once": once}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    other = world.client.post(world.path("/retry"), {"once": "another"})
    assert other.headers["Location"] != first.headers["Location"]
