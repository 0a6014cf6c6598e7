"""The life of an agent as somebody who looks after it sees it."""

from typing import TYPE_CHECKING

import pytest

from tests.browser import Program
from tests.running import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def type_json(page: "Page", text: str) -> None:
    """Put it into the editor the way a person does, over what is there."""
    page.click(".json-text")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_an_agent_is_made_started_paused_worked_with_and_terminated(page: "Page", program: Program) -> None:
    _make(page)
    agent_id = page.url.rpartition("/")[2]
    _watch_it_start(page)
    page.fill("[name=reason]", "the model is being moved")
    page.click("button:has-text('Pause')")
    page.wait_for_selector(".pill:has-text('inactive')")
    assert "the model is being moved" in page.inner_text("#latest")
    page.click("button:has-text('Resume')")
    page.wait_for_selector(".pill.st-ACTIVE")
    _think_better_of_terminating(page)
    _write_and_roll_back(page)
    _keep_and_restore(page)
    page.click("button:has-text('Terminate')")
    page.wait_for_selector(".pill.st-TERMINATED")
    assert not page.locator("#agent form").count()
    page.click(".sections a:has-text('History')")
    for words in ("Created", "Activated", "Paused", "Resumed", "Terminated"):
        assert words in page.inner_text("#latest")
    assert program.call("GET", f"/agents/{agent_id}")["state_detail"] == "TERMINATED"


def _make(page: "Page") -> None:
    page.goto("/agents")
    page.click("a:has-text('New agent')")
    page.select_option("#origin", "definition:slow")
    page.wait_for_selector("[name='config-seconds']")
    page.fill("#name", "Night shift")
    page.fill("[name='config-seconds']", "much")
    page.click("button:has-text('Make the agent')")
    page.wait_for_selector("[id='config-seconds-error']")
    assert page.input_value("#name") == "Night shift"
    page.fill("[name='config-seconds']", "3")
    page.click("button:has-text('Make the agent')")
    page.wait_for_url("**/agents/*-*-*")


def _watch_it_start(page: "Page") -> None:
    """The page shows the end by itself, and keeps what is being typed."""
    page.wait_for_selector("#under-way:has-text('It is being started')")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.fill("[name=reason]", "typed meanwhile")
    page.wait_for_selector("#under-way", state="detached")
    page.wait_for_selector(".pill.st-ACTIVE")
    assert page.input_value("[name=reason]") == "typed meanwhile"
    assert "it is active now" in page.inner_text("#notices")
    assert "Activated" in page.inner_text("#latest")
    assert page.evaluate("document.body.dataset.kept") == "yes", "the page was not loaded anew"


def _think_better_of_terminating(page: "Page") -> None:
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("button:has-text('Terminate')")
    assert asked == ["Terminate Night shift for good? It cannot be brought back."]
    page.reload()
    assert page.locator(".pill.st-ACTIVE").count()
    page.on("dialog", lambda dialog: dialog.accept())


def _write_and_roll_back(page: "Page") -> None:
    page.click(".sections a:has-text('Contexts')")
    page.fill("[name=name]", "plan")
    page.click("button:has-text('Open or make it')")
    for number, text in enumerate(('{"step": "one", "kept": true}', '{"step": "two", "kept": true}'), start=1):
        type_json(page, text)
        page.fill("#change_description", f"step {number}")
        page.click("button:has-text('Save as a new version')")
        page.wait_for_selector(f".versions b:has-text('Version {number}')")
    page.click("button:has-text('Compare the two')")
    page.wait_for_selector("#compared .diff")
    assert "$.step" in page.inner_text("#compared .diff")
    assert "$.kept" not in page.inner_text("#compared .diff")
    assert page.locator("#compared .diff-lines tr.changed").count() == 1
    page.click(".versions a:has-text('Version 1')")
    page.fill("#rollback [name=reason]", "it was better")
    page.click("button:has-text('Go back to version 1')")
    page.wait_for_selector(".pill:has-text('rolled back to version 1')")


def _keep_and_restore(page: "Page") -> None:
    page.click(".sections a:has-text('State')")
    page.click("summary:has-text('Write another state')")
    type_json(page, '{"step": 1}')
    page.click("button:has-text('Save the state')")
    page.click("button:has-text('Keep a checkpoint')")
    page.wait_for_selector("a:has-text('Checkpoint 1')")
    page.click("summary:has-text('Write another state')")
    type_json(page, '{"step": 2}')
    page.click("button:has-text('Save the state')")
    page.click("a:has-text('Checkpoint 1')")
    page.wait_for_selector(".diff:has-text('$.step')")
    page.click("button:has-text('Restore')")
    page.wait_for_url("**/state")
    assert '"step": 1' in page.inner_text("pre.data-block")


def test_two_people_write_the_same_context_and_nothing_is_lost(page: "Page", program: Program) -> None:
    agent_id = program.scripted("shared-desk")
    context = program.call("POST", f"/agents/{agent_id}/contexts", {"name": "desk", "data": {"by": "nobody"}})
    page.goto(f"/agents/{agent_id}/contexts/{context['id']}")
    type_json(page, '{"by": "me"}')
    program.call("PUT", f"/contexts/{context['id']}", {"data": {"by": "another"}})
    page.click("button:has-text('Save as a new version')")
    page.wait_for_selector("[role=alert]:has-text('Somebody has written version 2')")
    assert "another" in page.inner_text(".diff")
    assert '"me"' in page.input_value("textarea#data")
    page.click("button:has-text('Save as a new version')")
    page.wait_for_selector(".versions b:has-text('Version 3')")
    assert program.call("GET", f"/contexts/{context['id']}")["data"] == {"by": "me"}


def test_without_scripts_an_agent_is_made_and_steered(
    browser: "Browser", program: Program, signed_in: dict[str, object]
) -> None:
    context = browser.new_context(
        base_url=program.address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto("/agents/new")
    page.select_option("#origin", "definition:slow")
    page.click("#choose")
    page.fill("#name", "By hand")
    page.fill("[name='config-seconds']", "2")
    page.click("button:has-text('Make the agent')")
    assert "It is being started" in page.inner_text("#under-way")
    agent_id = page.url.rpartition("/")[2]
    wait_for(lambda: program.call("GET", f"/agents/{agent_id}")["state_detail"] == "ACTIVE", 15, "it is active")
    page.click("text=See how far it is")
    assert page.locator(".pill.st-ACTIVE").count()
    page.click("button:has-text('Pause')")
    assert "state paused" in page.inner_text("#agent .meta")
    page.goto(f"/agents/{agent_id}/state")
    page.click("summary:has-text('Write another state')")
    page.fill("textarea#data", '{"typed": "by hand"}')
    page.click("button:has-text('Save the state')")
    assert "by hand" in page.inner_text("pre.data-block")
    context.close()
