"""The history of a session in a browser: verified on the spot, downloaded and checked, and deleted after its time."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.browser import Program
from tests.running import ROOT, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
CHECK = [sys.executable, "-I", str(ROOT / "examples" / "verify_bundle.py")]


@pytest.fixture
def session_id(program: Program) -> str:
    """A finished session of its own."""
    program.scripted("historian", say="it happened")
    made = program.execute("Write it down", agents=["historian"])
    wait_for(lambda: program.session(made)["status"] == "COMPLETED", 20, "the session ends")
    return made


def test_the_verdict_appears_beside_the_link(page: "Page", session_id: str) -> None:
    page.goto(f"/sessions/{session_id}")
    page.click("a[data-verify]")
    page.wait_for_selector("[data-verdict]:has-text('history verified')")
    assert page.url.endswith(session_id)


def test_a_bundle_that_was_downloaded_is_whole(page: "Page", program: Program, session_id: str, tmp_path: Path) -> None:
    page.goto(f"/sessions/{session_id}/history")
    page.wait_for_selector(".alert.success:has-text('History verified')")
    with page.expect_download() as download:
        page.click("text=Download bundle")
    download.value.save_as(tmp_path / "bundle.zip")
    assert download.value.suggested_filename == f"session-{session_id}.zip"
    last_hash = program.call("GET", f"/sessions/{session_id}/verify")["last_hash"]
    assert subprocess.run([*CHECK, str(tmp_path / "bundle.zip"), last_hash], check=False).returncode == 0


def test_a_session_past_its_retention_leaves_its_export(
    page: "Page", program: Program, session_id: str, tmp_path: Path
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/settings/retention")
    page.fill("[name=days]", "1")
    page.click("text=Save")
    page.wait_for_selector("text=finished sessions are kept for 1 day, then exported and deleted")
    with closing(sqlite3.connect(program.site.folder / "orchestrator.sqlite3", timeout=20)) as connection, connection:
        sql = "UPDATE agent_session SET completed_at = '2026-01-01 00:00:00' WHERE id = ?"
        connection.execute(sql, [UUID(session_id).hex])
    command = [sys.executable, str(ROOT / "manage.py"), "prune_sessions"]
    subprocess.run(command, cwd=ROOT, env=program.site.variables(), check=True, capture_output=True)
    answer = page.goto(f"/sessions/{session_id}")
    assert answer is not None
    assert answer.status == 410
    with page.expect_download() as download:
        page.click("text=Download its export")
    download.value.save_as(tmp_path / "bundle.zip")
    assert subprocess.run([*CHECK, str(tmp_path / "bundle.zip")], check=False).returncode == 0
    page.goto("/settings/retention")
    page.wait_for_selector(f"tr:has-text('{session_id}') >> text=Bundle")
    page.fill("[name=days]", "")
    page.click("text=Save")
    page.wait_for_selector("text=finished sessions are kept for ever")
