"""Modules of agents that are no good, with the program really running: it starts, works, and says what is wrong."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import ROOT, Site, wait_for

MODULES = {
    "missing_parts": "import no_such_library",
    "half_written": "def register_agents(registry:",
    "leaving": "raise SystemExit('out of here')",
    "takes_a_slug": (
        "from agents.base import BaseAgent\n"
        "class Mine(BaseAgent):\n"
        "    def run(self, ctx): ...\n"
        "def register_agents(registry): registry.register(Mine, 'research')\n"
    ),
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    code, data = tmp_path / "code", tmp_path / "data"
    code.mkdir()
    data.mkdir()
    for name, text in MODULES.items():
        (code / f"{name}.py").write_text(text)
    names = ",".join([*MODULES, "examples.word_count_agent"])
    environment = {
        "AGENT_REGISTRY_MODULES": names,
        "PYTHONPATH": f"{ROOT}:{code}",
        "STATUS_ALLOWED_ADDRESSES": "127.0.0.1",
    }
    site = Site(data, environment)
    yield site
    site.stop()


def call(site: Site, path: str, key: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{site.address}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": key, "Content-Type": "application/json", "Prefer": "wait=30"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_the_program_starts_works_and_names_each_module_that_is_no_good(site: Site) -> None:
    key = site.seed(sessions=0)["key"]  # migrates, which is where rows follow the classes
    site.start()

    found = wait_for(lambda: healthy_worker(site, key), 20, "the worker is up")["components"]
    assert found["registry"]["status"] == "degraded"
    assert set(found["registry"]["details"]["failures"]) == set(MODULES)
    assert all(name in found["registry"]["message"] for name in MODULES)
    assert {"word_count", "research"} <= set(found["registry"]["details"]["definitions"])
    assert found["workers"]["status"] == found["database"]["status"] == "ok"

    agent = call(site, "/api/v1/definitions/word_count/spawn", key, {"start": True})
    assert agent["state_detail"] == "ACTIVE", "the worker carried the start out"
    assert all(f"agent module {name} could not be loaded" in site.printed for name in MODULES)


def healthy_worker(site: Site, key: str) -> Any:
    found = call(site, "/health/detailed", key)
    return found if found["components"]["workers"]["details"]["live"] else None


def test_commands_run_and_the_one_that_syncs_fails_with_the_reasons(site: Site) -> None:
    site.seed(sessions=0)
    for command, code in (("check", 0), ("sync_agents", 1)):
        done = subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=ROOT,
            env=site.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    words = ("ModuleNotFoundError", "SyntaxError", "SystemExit", "already registered")
    for name, word in zip(MODULES, words, strict=True):
        line = next(line for line in done.stderr.splitlines() if line.startswith(f"{name}: "))
        assert word in line
