"""Story 1 in a browser, against the running program: choose agents, follow them, their messages, the answer, cancel."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser import Program, chain, log_numbers

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
QUESTION = "Which lighthouse was lit first, Skarholm Light or Vessla Light?"


def start_in_browser(page: "Page", goal: str, agents: list[str], mode: str = "parallel") -> str:
    """Fill the form as a person does; the id of the session it leads to."""
    page.goto("/sessions/new")
    page.fill("#goal", goal)
    page.check("input[name=who][value=agents]")
    for box in page.query_selector_all("input[name=agents]:checked"):
        box.uncheck()
    for name in agents:
        page.locator(".agent-choice", has=page.get_by_text(name, exact=True).first).locator(
            "input[name=agents]"
        ).check()
    page.check(f"input[name=mode][value={mode}]")
    page.click("text=Start the session")
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def wait_for_status(page: "Page", status: str, seconds: float = 30) -> None:
    page.wait_for_selector(f"#status[data-status={status}]", timeout=seconds * 1000)


def test_a_person_chooses_the_agents_their_order_and_their_configuration(page: "Page", program: Program) -> None:
    page.goto("/sessions/new")
    research = page.locator(".agent-choice", has_text="research").locator("input[name=agents]").get_attribute("value")
    page.check("input[name=who][value=agents]")
    page.fill("#goal", QUESTION)
    page.uncheck(".agent-choice:has-text('validation') input[name=agents]")
    page.click(f"#config-{research} summary")
    page.fill(f"[id='config-{research}-max_passages']", "4")
    page.check("input[name=mode][value=sequential]")
    page.click("text=Start the session")
    wait_for_status(page, "COMPLETED")
    session = program.session(page.url.rpartition("/")[2])
    assert [task["agent"]["name"] for task in session["tasks"]] == ["research", "synthesis"]
    assert session["execution_mode"] == "sequential"
    assert session["context"]["agent_configuration"] == {research: {"max_passages": 4}}
    assert len(session["tasks"][0]["result"]["passages"]) <= 4
    assert page.locator("#tasks .task").count() == 2


def test_a_faulty_form_keeps_everything_and_says_what_to_mend(page: "Page") -> None:
    page.goto("/sessions/new")
    page.fill("#goal", "Keep this goal")
    page.fill("#timeout", "-4")
    page.click("text=Start the session")
    page.wait_for_selector(".is-invalid")
    assert page.input_value("#goal") == "Keep this goal"
    assert page.input_value("#timeout") == "-4"
    assert page.locator("#timeout + .invalid-feedback").inner_text()


RECORD_STATES = """() => {
    window.seen = [];
    const note = (node) => window.seen.push(`${node.querySelector(".n-top").textContent}: ${node.dataset.status}`);
    new MutationObserver((changes) => changes.forEach((change) => note(change.target)))
        .observe(document.getElementById("graph"), { subtree: true, attributeFilter: ["data-status"] });
}"""


def test_progress_is_seen_while_the_agents_work_and_is_complete_after_a_reload(page: "Page", program: Program) -> None:
    worker = program.scripted("worker-bee")
    steps = [
        {"name": "first", "agent": worker, "input_data": {"sleep": 4, "events": 4, "say": "one"}},
        {"name": "second", "agent": worker, "input_data": {"sleep": 1, "fail_times": 1, "say": "two"}},
        {"name": "third", "agent": worker, "input_data": {"sleep": 0.5, "say": "three"}},
    ]
    session_id = program.execute("Show me how far you are", tasks=chain(*steps))
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.goto(f"/sessions/{session_id}")
    page.evaluate(RECORD_STATES)
    page.wait_for_selector(".task[data-status=RUNNING]:has-text('event 4 of 4')")
    assert page.locator(".node:has-text('first') progress").get_attribute("value") == "100"
    assert page.inner_text("#done") == "0 of 3 tasks"
    wait_for_status(page, "COMPLETED")
    seen = page.evaluate("window.seen")
    assert [change for change in seen if "RUNNING" not in change and "QUEUED" not in change] == [
        "first: COMPLETED",
        "second: COMPLETED",
        "third: COMPLETED",
    ]
    assert "second: RUNNING" in seen
    assert page.inner_text("#done") == "3 of 3 tasks"
    assert len(loads) == 1, "everything came without loading the page again"
    page.wait_for_selector("#the-answer")
    last_seq = program.session(session_id)["last_seq"]
    assert log_numbers(page) == list(range(1, last_seq + 1))
    live = _shown(page)
    page.reload()
    assert log_numbers(page) == list(range(1, last_seq + 1))
    assert _shown(page) == live
    assert page.locator(".timeline rect.st-FAILED").count() == 1, "the failed attempt has its own bar"


def _shown(page: "Page") -> dict[str, object]:
    """What a reload must not change."""
    return {
        "status": page.inner_text("#status"),
        "done": page.inner_text("#done"),
        "tasks": page.locator("#tasks .task > summary").all_inner_texts(),
        "nodes": sorted(page.locator(".node").all_inner_texts()),
        "messages": page.locator("#messages .msg .said").all_inner_texts(),
        "answer": page.inner_text("#the-answer"),
        "bars": page.locator(".timeline rect:not(.queue)").count(),
    }


def test_messages_between_agents_appear_while_they_are_sent(page: "Page", program: Program) -> None:
    sender, receiver = program.scripted("sender"), program.scripted("receiver")
    steps = [
        {
            "name": "ask",
            "agent": sender,
            "input_data": {"sleep": 4, "send": {"summary": "Look at the north cliff first"}, "to": "receiver"},
        },
        {"name": "look", "agent": receiver, "input_data": {"sleep": 0.3, "say": "seen"}},
    ]
    session_id = program.execute("Talk to each other", tasks=chain(*steps))
    page.goto(f"/sessions/{session_id}")
    said = page.locator("#messages .msg", has_text="Look at the north cliff first")
    said.wait_for()
    page.wait_for_selector("#status[data-status=RUNNING]", timeout=3_000)
    assert "sender" in said.inner_text()
    assert "receiver" in said.inner_text()
    wait_for_status(page, "COMPLETED")
    handed_over = page.locator("#messages .msg", has_text="output")
    assert handed_over.count() == 1, "an output handed on is a message too"
    said.locator("summary").click()
    assert '"summary"' in said.locator("pre").inner_text()
    messages = program.call("GET", f"/sessions/{session_id}/messages")["results"]
    assert page.inner_text("#message-count") == str(len(messages)) == "2"


def test_the_answer_is_one_text_whose_citations_open_their_passage(page: "Page", program: Program) -> None:
    page.goto("/sessions/new")
    page.fill("#goal", QUESTION)
    page.click("text=Start the session")
    wait_for_status(page, "COMPLETED")
    page.wait_for_selector("#the-answer .cite")
    session_id = page.url.rpartition("/")[2]
    result = program.session(session_id)["result"]
    assert page.locator("#the-answer .s").count() == len(result["sentences"])
    cited = result["sentences"][0]["citations"][0]
    link = page.locator("#the-answer .s .cite").first
    link.click()
    mark = page.locator("#passage-panel mark")
    mark.wait_for()
    assert _words(mark.inner_text()) == _words(cited["quote"])
    assert cited["title"] in page.inner_text("#passage-title")
    page.keyboard.press("Escape")
    page.wait_for_selector("#passage-panel", state="hidden")
    assert page.evaluate("document.activeElement.className") == "cite", "the focus returns to the citation"
    link.click()
    mark.wait_for()
    page.click("text=Whole document")
    page.wait_for_url(re.compile(r"/documents/.*#span"))
    assert _words(page.inner_text("mark#span")) == _words(cited["quote"])
    page.go_back()
    assert page.locator(".claim").count() == len(result["claims"])
    assert page.locator(".claim .pill").first.inner_text() in ("supported", "contradiction suspected", "not found")


def _words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("question", ["Compare Skarholm Light and Vessla Light.", "Who kept the Brenning tidal mill?"])
def test_the_plan_appears_while_the_planner_makes_it(page: "Page", program: Program, question: str) -> None:
    session_id = program.execute(question)
    page.goto(f"/sessions/{session_id}")
    wait_for_status(page, "COMPLETED")
    tasks = program.session(session_id)["tasks"]
    page.locator("#tasks .task").nth(len(tasks) - 1).wait_for()
    assert page.locator("#tasks .task").count() == len(tasks)
    assert page.locator(".node").count() == len(tasks) > 2
    assert page.locator(".node[data-status=COMPLETED]").count() == len(tasks)
    assert page.locator(".edge").count() >= len(tasks) - 1


def test_a_long_running_session_is_cancelled_by_its_button(page: "Page", program: Program) -> None:
    program.scripted("sleeper", sleep=120)
    session_id = start_in_browser(page, "Sleep for two minutes", ["sleeper"])
    page.wait_for_selector(".node[data-status=RUNNING]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#cancel")
    wait_for_status(page, "CANCELLED", seconds=8)
    page.wait_for_selector("#cancel", state="detached")
    assert page.locator(".node[data-status=CANCELLED]").count() == 1
    session = program.session(session_id)
    assert session["status"] == "CANCELLED"
    assert [task["status"] for task in session["tasks"]] == ["CANCELLED"]


def test_a_cancel_that_is_not_confirmed_changes_nothing(page: "Page", program: Program) -> None:
    program.scripted("sleeper", sleep=120)
    session_id = program.execute("Sleep on", agents=["sleeper"])
    page.goto(f"/sessions/{session_id}")
    page.wait_for_selector(".node[data-status=RUNNING]")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.click("#cancel")
    page.wait_for_timeout(500)
    assert program.session(session_id)["status"] == "RUNNING"
    program.call("POST", f"/sessions/{session_id}/cancel", {})
    wait_for_status(page, "CANCELLED")


def test_a_session_is_paused_and_resumed(page: "Page", program: Program) -> None:
    worker = program.scripted("worker-bee")
    steps = [
        {"name": "one", "agent": worker, "input_data": {"sleep": 4}},
        {"name": "two", "agent": worker, "input_data": {"sleep": 0.2}},
        {"name": "three", "agent": worker, "input_data": {"say": "done"}},
    ]
    session_id = program.execute("Stop for a moment", tasks=chain(*steps))
    page.goto(f"/sessions/{session_id}")
    page.wait_for_selector(".node[data-status=RUNNING]")
    page.click("#pause")
    wait_for_status(page, "PAUSED")
    page.click("#resume")
    wait_for_status(page, "COMPLETED")
    assert program.session(session_id)["finished_task_count"] == 3
