"""A worker is killed while its agents count in one context: the count is right to the last."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Site, wait_for

TASKS = 40


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, {"AGENT_REGISTRY_MODULES": "examples.notebook_agent", "AGENT_CONTEXT_HISTORY_LIMIT": "1000"})
    site.seed(sessions=0)
    yield site.start()
    site.stop()


def call(site: Site, key: str, path: str, body: Any) -> Any:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.address}/api/v1/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def versions(site: Site) -> list[int]:
    return [row[0] for row in site.query("SELECT version FROM agent_context_version ORDER BY version")]


def test_a_worker_killed_among_writes_neither_loses_nor_repeats_one(site: Site) -> None:
    key = site.seed(sessions=0)["key"]
    agent = call(site, key, "agents", {"definition": "notebook", "name": "notebook", "max_concurrent_tasks": 100})
    call(site, key, f"agents/{agent['id']}/status", {"status": "ACTIVE"})
    wait_for(lambda: site.query("SELECT 1 FROM agent WHERE name = 'notebook' AND status = 'ACTIVE'"), 20, "it is up")
    tasks = [{"name": f"t{n}", "agent": "notebook", "input_data": {"name": "Ada"}} for n in range(TASKS)]
    body = {"task_description": "Count", "tasks": tasks, "execution_mode": "dag"}
    session_id = call(site, key, "agents/execute", body)["session_id"]
    for share in (TASKS // 4, TASKS // 2):
        wait_for(lambda share=share: len(versions(site)) >= share, 40, f"{share} are counted")  # type: ignore[misc]
        os.kill(site.children()["worker"], signal.SIGKILL)
        wait_for(lambda: "worker" in site.children(), 20, "another worker is there")
    wait_for(lambda: site.status(session_id) in ("COMPLETED", "FAILED"), 60, "the session ends")
    assert site.status(session_id) == "COMPLETED"
    assert versions(site) == list(range(1, TASKS + 1))
    [(data,)] = site.query("SELECT data FROM agent_context_version ORDER BY version DESC LIMIT 1")
    assert json.loads(data) == {"Ada": TASKS}
    assert len(site.query("SELECT 1 FROM agent_execution WHERE error_code = 'worker_lost'")) > 0
