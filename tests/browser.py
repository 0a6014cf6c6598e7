"""A browser and the running program, for tests that use it as a person does."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REQUIRE_SERVICES
from tests.running import ROOT, Site, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "browser-enough-1"
REQUIRED = REQUIRE_SERVICES or os.environ.get("CI", "").lower() in ("1", "true")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def absent(reason: str) -> None:
    """Skip where a browser is absent, fail where it is required."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running_browser() -> "Iterator[Browser]":
    """A headless Chromium: the machine's, else the one that `playwright install chromium` has put there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright is not installed: pip install -r requirements-dev.txt")
    if not (ROOT / "node_modules" / "bootstrap").is_dir():
        absent("the browser libraries are not installed: npm ci")
    with sync_playwright() as playwright:
        found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        program = os.environ.get("CHROMIUM") or found or playwright.chromium.executable_path
        if not Path(program).exists():
            absent("no Chromium was found: install one, or run `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Program:
    """The running site with its sample documents, and an administrator's way into its API."""

    site: Site
    token: str = ""
    agents: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.site.address

    def call(self, method: str, path: str, body: Any = None, *, prefer: str = "") -> Any:
        """The JSON answer of the API."""
        headers = {"Content-Type": "application/json", "Prefer": prefer} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def sign_in(self) -> None:
        self.token = self.call("POST", "/auth/token", {"username": "admin", "password": PASSWORD})["access"]

    def scripted(self, name: str, **orders: Any) -> str:
        """An active scripted agent that follows these orders; made once."""
        if name not in self.agents:
            agent = self.call("POST", "/agents", {"name": name, "type": "scripted", "configuration": orders})
            self.call("POST", f"/agents/{agent['id']}/status", {"status": "ACTIVE"}, prefer="wait=30")
            self.agents[name] = agent["id"]
        return self.agents[name]

    def execute(self, goal: str, **request: Any) -> str:
        """The id of a new session."""
        return str(self.call("POST", "/agents/execute", {"task_description": goal, **request})["session_id"])

    def has_example(self) -> bool:
        return bool(self.call("GET", "/sessions?status=COMPLETED")["count"])

    def session(self, session_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/sessions/{session_id}"))


@contextmanager
def running_program(folder: Path, **environment: str) -> Iterator[Program]:
    """Set up as `make run` does it, and served."""
    site = Site(folder, {"ADMIN_PASSWORD": PASSWORD, "DEMO": "1", **environment})
    command = [sys.executable, str(ROOT / "manage.py"), "setup_site", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=site.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    site.start()
    try:
        program = Program(site)
        program.sign_in()
        wait_for(program.has_example, 30, "the example session has its answer")
        yield program
    finally:
        site.stop()


def log_in(context: "BrowserContext", address: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("#username", "admin")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/")
    page.close()


@dataclass
class Complaints:
    """What the browser complained of: errors of scripts, and what the content security policy forbade."""

    texts: list[str] = field(default_factory=list)

    def watch(self, page: "Page") -> None:
        page.on("pageerror", lambda error: self.texts.append(str(error)))
        page.on("console", lambda message: self.note(message.type, message.text))

    def note(self, kind: str, text: str) -> None:
        if kind == "error" and "Content Security Policy" in text:
            self.texts.append(text)


def log_numbers(page: "Page") -> list[int]:
    """The seq of every line of the log that is shown."""
    return [
        int(seq) for seq in page.eval_on_selector_all("#log [data-seq]", "rows => rows.map(row => row.dataset.seq)")
    ]


def chain(*steps: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tasks of which each waits for the one before."""
    tasks = [dict(step) for step in steps]
    for before, task in pairwise(tasks):
        task["depends_on"] = [before["name"]]
    return tasks
