"""Retry, re-run and fork in a browser, with the mouse, the keyboard and without scripts."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Program
from tests.running import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def failed(program: Program) -> dict[str, Any]:
    """Three tasks in a row; the second fails as long as its input says so."""
    agent = program.scripted("Repeater")
    orders = [{"steps": 1}, {"steps": 1, "fail_times": 1}, {"steps": 1}]
    tasks = [
        {"name": f"part {number}", "agent": agent, "input_data": order, "max_attempts": 1}
        | ({"depends_on": [f"part {number - 1}"]} if number > 1 else {})
        for number, order in enumerate(orders, start=1)
    ]
    key = program.execute("Do three things", tasks=tasks)
    wait_for(lambda: program.session(key)["status"] == "FAILED", 20, "the session fails")
    return program.session(key)


def task_id(session: dict[str, Any], name: str) -> str:
    return next(str(task["id"]) for task in session["tasks"] if task["name"] == name)


def state(page: "Page", name: str) -> str:
    row = page.locator(".task", has=page.locator(".t-name", has_text=name))
    return row.locator("[data-field=status]").inner_text()


def test_a_task_is_mended_and_run_again(page: "Page", failed: dict[str, Any]) -> None:
    page.goto(f"/sessions/{failed['id']}")
    page.click(f"#task-{task_id(failed, 'part 2')}-line")
    page.click("text=Re-run from here… >> visible=true")
    page.fill("#input_data", '{"steps": 1,')
    page.click("#rerun button[type=submit]")
    page.wait_for_selector("#input_data-error")
    assert page.input_value("#input_data") == '{"steps": 1,'
    page.fill("#input_data", '{"steps": 1, "say": "mended"}')
    page.click("#rerun button[type=submit]")
    page.wait_for_selector("#status[data-status=COMPLETED]")
    assert [state(page, f"part {number}") for number in (1, 2, 3)] == ["reused", "completed", "completed"]
    assert "reused" in (page.locator(".node.reused").get_attribute("aria-label") or "")
    assert page.locator(".node.reused").count() == page.locator(".timeline rect.reuse").count() == 1
    assert "Re-run of Do three things from part 2" in page.locator(".lineage").inner_text()
    page.click(".lineage a")
    page.wait_for_url(f"**/sessions/{failed['id']}")
    page.wait_for_selector(".lineage .made a")


def test_a_retry_and_a_fork_need_only_the_keyboard(page: "Page", failed: dict[str, Any]) -> None:
    page.goto(f"/sessions/{failed['id']}")
    page.focus("#retry")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Retry of Do three things")
    page.wait_for_selector("#status[data-status=FAILED]")
    page.focus("#fork")
    page.keyboard.press("Enter")
    page.wait_for_selector("#at")
    page.focus("#at")
    page.keyboard.type("part 1")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("Do three other things")
    page.focus("#fork button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Fork of Do three things after part 1")
    assert page.inner_text("h1") == "Do three other things"


def test_all_of_it_works_without_scripts(
    browser: "Browser", program: Program, signed_in: dict[str, object], failed: dict[str, Any]
) -> None:
    context = browser.new_context(
        base_url=program.address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
        viewport={"width": 360, "height": 800},
    )
    page = context.new_page()
    page.goto(f"/sessions/{failed['id']}")
    page.click("#retry")
    assert "Retry of" in page.locator(".lineage").inner_text()
    page.click(".lineage a")
    page.click(f"#task-{task_id(failed, 'part 2')}-line")
    page.click("text=Re-run from here… >> visible=true")
    page.fill("#input_data", "{}")
    page.click("#rerun button[type=submit]")
    assert "1 of 3 tasks reused" in page.locator(".lineage").inner_text()
    page.goto("/sessions?origin=rerun")
    assert page.locator(".chip.origin").first.inner_text() == "re-run"
    context.close()
