"""Child sessions and spawned tasks as somebody who watches sees them."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Program
from tests.e2e.test_browser_story import wait_for_status

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_children_appear_below_their_parent_while_it_runs_and_lead_back_to_it(page: "Page", program: Program) -> None:
    worker = program.scripted("worker-bee")

    def spec(name: str, *after: str, **orders: Any) -> dict[str, Any]:
        return {"name": name, "agent": "worker-bee", "depends_on": list(after), "input_data": orders}

    children = [{"goal": f"Part {n}", "tasks": [spec("part", sleep=2, steps=1)]} for n in (1, 2)]
    orders = {"spawn_join": [spec("left"), spec("right")], "spawn_session": children}
    session_id = program.execute("Do it in parts", tasks=[{"name": "whole", "agent": worker, "input_data": orders}])
    page.goto(f"/sessions/{session_id}")
    page.wait_for_selector(".node:has-text('left')")
    page.wait_for_selector("#lineage a:has-text('Part 1')")
    page.wait_for_selector("#lineage:has-text('2 sessions')")
    wait_for_status(page, "COMPLETED")
    page.wait_for_selector("#lineage li:has-text('Part 2') .pill.st-COMPLETED")
    assert page.locator(".edge.made").count() == 2
    assert program.session(session_id)["usage"] == {"calls": 2}

    page.click("#lineage a:has-text('Part 1')")
    assert "Do it in parts" in page.inner_text("#lineage")
    page.goto("/sessions")
    assert not page.locator("a.title:has-text('Part 1')").count()
    page.click("a.chip:has-text('2 children')")
    page.wait_for_selector("a.title:has-text('Part 1')")
    assert page.locator("tbody tr").count() == 2
