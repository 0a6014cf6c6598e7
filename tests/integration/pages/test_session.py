"""The page of one session, and the list of all."""

import json
import re
from typing import Any

import pytest

from sessions.models import SessionCommand
from tests.integration.pages.worlds import HOSTILE, World, told_session

pytestmark = pytest.mark.django_db


def test_the_session_page_shows_answer_citations_verdicts_messages_and_log(world: World) -> None:
    session, document = told_session(world)
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
    session, _ = told_session(world)
    page = world.client.get(f"/sessions/{session.id}").content.decode()
    numbers = re.findall(r'aria-label="Source (\d+):', page)
    assert numbers == ["1", "2", "1"]


def test_what_agents_say_is_text_never_markup(world: World) -> None:
    session, _ = told_session(world, said=HOSTILE)
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
