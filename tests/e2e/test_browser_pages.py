"""How the pages look and feel in a browser: themes, phones, the keyboard, the dashboard."""

from typing import TYPE_CHECKING

import pytest

from tests.browser import PASSWORD, Complaints, Program
from tests.running import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PATHS = (
    "/",
    "/sessions",
    "/sessions/new",
    "/documents",
    "/agents",
    "/agents/new",
    "/settings/members",
    "/settings/projects",
    "/settings/keys",
    "/settings/retention",
)


def background(page: "Page") -> int:
    """How light the page is, from 0 (black) to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return int(colour.split("(")[1].split(",")[0])


def test_the_theme_follows_the_system_and_can_be_chosen(page: "Page") -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert background(page) < 60
    page.emulate_media(color_scheme="light")
    wait_for(lambda: background(page) > 200, 3, "the page follows the system")
    page.click("[data-theme-set=dark]")
    assert background(page) < 60
    page.goto("/sessions")
    assert background(page) < 60, "the choice is kept"
    page.click("[data-theme-set=auto]")
    assert background(page) > 200


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_sticks_out_on_small_screens(
    browser: "Browser", program: Program, signed_in: dict[str, object], width: int
) -> None:
    complaints = Complaints()
    context = browser.new_context(
        base_url=program.address,
        storage_state=signed_in,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    complaints.watch(page)
    for kind in ("collections", "projects"):
        program.call("POST", f"/{kind}", {"name": f"{width} {'nobreak' * 13}"})
    session = program.call("GET", "/sessions?status=COMPLETED")["results"][-1]["id"]
    document = program.call("GET", "/documents")["results"][0]["id"]
    agent = program.call("GET", "/agents")["results"][0]["id"]
    wide = {"nobreak" * 20: "nobreak" * 40, "deep": [[["nobreak" * 30]]]}
    opened = program.call("POST", f"/agents/{agent}/contexts", {"name": f"wide-{width}", "data": {"a": 1}})
    program.call("PUT", f"/contexts/{opened['id']}", {"data": wide, "change_description": "nobreak" * 30})
    program.call("PATCH", f"/agents/{agent}/state", {"state": wide})
    number = program.call("POST", f"/agents/{agent}/checkpoint", {})["sequence_number"]
    program.call("PUT", f"/agents/{agent}/state", {"state": {"now": "nobreak" * 30}})
    too_wide = []
    for path in (
        *PATHS,
        f"/sessions/{session}",
        f"/sessions/{session}/history",
        f"/documents/{document}",
        *(f"/agents/{agent}{section}" for section in ("", "/settings", "/history", "/state", "/contexts")),
        f"/agents/{agent}/checkpoints/{number}",
        f"/agents/{agent}/contexts/{opened['id']}",
        f"/agents/{agent}/contexts/{opened['id']}?from=1&to=2",
        "/agents/new?template=researcher",
    ):
        page.goto(path)
        page.wait_for_timeout(150)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(path)
    context.close()
    assert too_wide == []
    assert complaints.texts == []


def test_the_navigation_opens_and_closes_on_a_phone(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/")
    assert not page.is_visible("#navigation")
    page.click("[data-nav-open]")
    page.wait_for_selector("#navigation a:has-text('Documents')", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector("#navigation", state="hidden")
    page.click("[data-nav-open]")
    page.click("#navigation a:has-text('Documents')")
    page.wait_for_url("**/documents")


def test_the_keyboard_reaches_content_tasks_and_citations(page: "Page", program: Program) -> None:
    session = program.call("GET", "/sessions?status=COMPLETED")["results"][-1]["id"]
    page.goto(f"/sessions/{session}")
    page.wait_for_selector(".node")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.locator(".cite").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#passage-panel.show mark")
    page.keyboard.press("Escape")
    page.wait_for_selector("#passage-panel", state="hidden")
    page.locator(".node").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".task[open]")


FOCUSED = """() => {
  const style = getComputedStyle(document.activeElement);
  const seen = style.outlineStyle !== "none" || style.boxShadow !== "none" || document.activeElement === document.body;
  return seen ? "" : document.activeElement.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("path", ["/templates", "/templates/reviewer", "/agents"])
def test_who_goes_by_keyboard_sees_where(page: "Page", path: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(path)
    for _ in range(45):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == ""


def test_the_dashboard_shows_a_new_session_by_itself(page: "Page", program: Program) -> None:
    program.scripted("sleeper", sleep=120)
    page.goto("/")
    page.wait_for_selector("#stream[data-state=live]")
    session_id = program.execute("Watch me from the dashboard", agents=["sleeper"])
    page.wait_for_selector("#recent a:has-text('Watch me from the dashboard')")
    page.wait_for_selector("#recent tr:has-text('Watch me from the dashboard') .st-RUNNING")
    assert int(page.inner_text("[data-figure=running_sessions]")) >= 1
    program.call("POST", f"/sessions/{session_id}/cancel", {})
    page.wait_for_selector("#recent tr:has-text('Watch me from the dashboard') .st-CANCELLED")


def test_a_wrong_password_is_told_and_a_right_one_leads_on(browser: "Browser", program: Program) -> None:
    context = browser.new_context(base_url=program.address)
    page = context.new_page()
    page.goto("/agents")
    assert "/login?next=/agents" in page.url
    page.fill("#username", "admin")
    page.fill("#password", "not this one")
    page.click("button[type=submit]")
    assert page.inner_text("[role=alert]")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/agents")
    page.click("text=Sign out admin")
    page.wait_for_url("**/login")
    context.close()
