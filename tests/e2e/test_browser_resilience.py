"""Pages when things go wrong: the web process dies, no socket can be had, files are bad, scripts are off."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Program, chain, log_numbers
from tests.running import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def slow_session(program: Program, goal: str, *, tasks: int = 8, sleep: float = 1.0) -> str:
    workers = [program.scripted("worker-bee"), program.scripted("other-bee")]
    orders = {"sleep": sleep, "events": 5, "say": "done"}
    steps = [
        {"name": f"step-{number}", "agent": workers[number % 2], "input_data": orders} for number in range(1, tasks + 1)
    ]
    return program.execute(goal, tasks=chain(*steps))


def wait_for_end(page: "Page", seconds: float = 40) -> None:
    page.wait_for_selector("#status[data-status=COMPLETED]", timeout=seconds * 1000)
    page.wait_for_selector("#the-answer")


def test_a_page_whose_server_was_killed_reconnects_and_misses_nothing(page: "Page", program: Program) -> None:
    session_id = slow_session(program, "Outlive the web process")
    page.goto(f"/sessions/{session_id}")
    page.wait_for_selector("#stream[data-state=live]")
    page.wait_for_selector(".node[data-status=COMPLETED]")
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    killed = program.site.children()["web"]
    os.kill(killed, signal.SIGKILL)
    page.wait_for_selector("#stream[data-state=retrying]")
    wait_for(lambda: program.site.children().get("web", killed) != killed, 20, "the web process is started again")
    page.wait_for_selector("#stream[data-state=live]", timeout=30_000)
    wait_for_end(page)
    last_seq = program.session(session_id)["last_seq"]
    assert log_numbers(page) == list(range(1, last_seq + 1))
    assert page.locator(".node[data-status=COMPLETED]").count() == 8
    assert page.inner_text("#message-count") == str(page.locator("#messages .msg").count()) == "7"
    assert loads == [], "the page was never loaded again"


def test_a_page_that_can_have_no_socket_follows_by_asking(page: "Page", program: Program) -> None:
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 })); } close() {} };"
    )
    session_id = slow_session(program, "No socket here", tasks=6)
    page.goto(f"/sessions/{session_id}")
    page.wait_for_selector("#stream[data-state=polling]")
    page.wait_for_selector(".node[data-status=RUNNING]")
    wait_for_end(page)
    last_seq = program.session(session_id)["last_seq"]
    assert log_numbers(page) == list(range(1, last_seq + 1))


def test_good_files_are_kept_and_picked_when_others_are_bad(page: "Page", tmp_path: Path) -> None:
    files = {
        "harbour-notes.txt": b"The harbour master counts the boats at dusk.",
        "broken-report.pdf": b"%PDF-1.7 this is not a whole file",
        "empty-list.csv": b"",
        "second-notes.md": b"# Boats\n\nThere are eleven boats in the harbour.",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    page.goto("/sessions/new")
    page.set_input_files("#files", [str(tmp_path / name) for name in files])
    page.locator("#uploads [data-status]").nth(3).wait_for()
    shown = {row.inner_text().split("\n")[0]: row for row in page.locator("#uploads li").all()}
    assert shown["harbour-notes.txt"].get_attribute("data-status") == "READY"
    assert shown["second-notes.md"].get_attribute("data-status") == "READY"
    for name in ("broken-report.pdf", "empty-list.csv"):
        assert shown[name].get_attribute("data-status") == "FAILED"
        assert len(shown[name].locator(".why").inner_text()) > 20, "it says why"
    assert page.locator("#pick input:checked").count() == 2
    page.fill("#goal", "How many boats are in the harbour?")
    page.click("text=Start the session")
    wait_for_end(page)
    assert "eleven boats" in page.inner_text("#the-answer")


def test_files_can_be_dropped(page: "Page") -> None:
    page.goto("/documents")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["A dropped note about gulls."], "dropped-note.txt", { type: "text/plain" }));
            document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    page.wait_for_selector("#uploads [data-status=READY]:has-text('dropped-note.txt')")
    page.wait_for_selector("#document-list :text-matches('dropped.note', 'i')")


def test_hostile_names_and_words_stay_words(page: "Page", program: Program, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
    (tmp_path / "<img src=x onerror=hurt=1>.txt").write_text(f"Beware of {hostile} in documents.")
    page.goto("/documents")
    page.set_input_files("#files", [str(tmp_path / "<img src=x onerror=hurt=1>.txt")])
    page.wait_for_selector("#uploads [data-status=READY]")
    speaker = program.scripted("speaker")
    orders = {"say": hostile, "send": {"summary": hostile}, "to": "speaker", "sleep": 1.5, "events": 2}
    session_id = program.execute(hostile, tasks=[{"name": hostile[:90], "agent": speaker, "input_data": orders}])
    page.goto(f"/sessions/{session_id}")
    wait_for_end(page)
    assert page.locator("#messages .msg", has_text="onerror").count() == 1
    page.reload()
    page.wait_for_selector(".node")
    for path in ("/documents", "/sessions", "/"):
        page.goto(path)
    assert page.evaluate("window.hurt") is None
    assert page.locator("main img[src=x]").count() == 0


def test_pages_are_read_and_used_without_scripts(
    browser: "Browser", program: Program, signed_in: dict[str, object]
) -> None:
    finished = program.call("GET", "/sessions?status=COMPLETED")["results"][-1]["id"]
    program.scripted("sleeper", sleep=120)
    running = program.execute("Sleep without scripts", agents=["sleeper"])
    context = browser.new_context(
        base_url=program.address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto(f"/sessions/{finished}")
    assert page.locator("#the-answer .s").count() > 0
    assert page.locator("#tasks .task").count() > 1
    assert page.locator("#log li").count() > 5
    page.locator("#the-answer .cite").first.click()
    assert page.locator("mark#span").inner_text()
    page.goto(f"/sessions/{running}")
    page.click("#cancel")
    assert "Cancelling" in page.inner_text("#notices")
    wait_for(lambda: program.session(running)["status"] == "CANCELLED", 10, "the session is cancelled")
    page.goto("/sessions/new")
    page.fill("#goal", "Who was Ingrid Tolvane?")
    page.click("text=Start the session")
    assert "Who was Ingrid Tolvane?" in page.inner_text("h1")
    context.close()
