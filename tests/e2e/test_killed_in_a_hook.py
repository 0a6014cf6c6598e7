"""A worker process is killed in the middle of an agent's `initialize`, and another one finishes it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_service
from tests.e2e.test_placed_agent import worker
from tests.e2e.test_production_processes import REDIS_URL, Processes, answers, call, database
from tests.running import Site, wait_for

AGENTS = {"AGENT_REGISTRY_MODULES": "tests.e2e.slow_starting_agent", "AGENT_HOOK_TIMEOUT_SECONDS": "120"}
WORKERS_DIE_WITHIN = 30  # seconds; a claim lasts 8, and a machine under load may be slow to start a worker


class Story:
    """One agent, made and brought up over HTTP, whose workers can be told by the marks it leaves."""

    def __init__(self, address: str, key: str, folder: Path) -> None:
        self.address, self.key, self.marks = f"{address}/api/v1/agents", key, folder / "marks"
        self.marks.mkdir()
        body = {"definition": "slow-starting", "configuration": {"marks": str(self.marks)}}
        self.url = f"{self.address}/{call(self.address, key, body)['id']}"
        call(f"{self.url}/checkpoint", key, {"state_data": {"page": 7}})

    def get(self, path: str = "") -> Any:
        return call(f"{self.url}{path}", self.key)

    def pids(self) -> set[int]:
        return {int(mark.name) for mark in self.marks.iterdir()}

    def bring_up(self) -> int:
        """The process in which `initialize` runs, and will not end."""
        asked = call(f"{self.url}/status", self.key, {"status": "ACTIVE"})
        assert asked["pending_command"]["verbs"] == ["initialize", "activate"]
        [pid] = wait_for(self.pids, WORKERS_DIE_WITHIN, "a worker is in initialize")
        return int(pid)

    def is_finished_by_another(self, victim: int) -> None:
        wait_for(lambda: self.get()["state_detail"] == "ACTIVE", WORKERS_DIE_WITHIN, "another worker finishes it")
        [other] = self.pids() - {victim}
        assert json.loads((self.marks / str(other)).read_text()) == {"page": 7}
        assert self.get("/state")["state"] == {"page": 7, "initialized_by": other}
        [command] = self.get("/commands")["results"]
        assert (command["outcome"], command["attempt"]) == ("DONE", 2)
        history = self.get("/history?ordering=timestamp")["results"]
        assert [row["new_state_detail"] for row in history] == ["CREATED", "INITIALIZING", "READY", "ACTIVE"]
        assert history[2]["reason"] == "resumed from checkpoint 1"


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    site = Site(tmp_path, AGENTS)
    key = str(site.seed(sessions=0)["key"])
    yield site.start(), key
    site.stop()


def test_on_one_machine_the_next_worker_finishes_it(own_site: tuple[Site, str], tmp_path: Path) -> None:
    site, key = own_site
    story = Story(site.address, key, tmp_path)
    victim = story.bring_up()
    assert victim == site.children()["worker"]
    os.kill(victim, signal.SIGKILL)
    story.is_finished_by_another(victim)


def test_a_worker_that_is_stopped_hands_the_command_over(own_site: tuple[Site, str], tmp_path: Path) -> None:
    site, key = own_site
    story = Story(site.address, key, tmp_path)
    victim = story.bring_up()
    os.kill(victim, signal.SIGTERM)
    wait_for(lambda: story.get()["state_detail"] == "ACTIVE", WORKERS_DIE_WITHIN, "another worker finishes it")
    [command] = story.get("/commands")["results"]
    assert (command["outcome"], command["attempt"]) == ("DONE", 1)


@pytest.mark.postgres
@pytest.mark.redis
def test_in_production_another_worker_takes_it_over(tmp_path: Path) -> None:
    need_service("PostgreSQL", 5432)
    need_service("Redis", 6379)
    with database() as url:
        site = Site(tmp_path, {"DATABASE_URL": url, "REDIS_URL": REDIS_URL, **AGENTS})
        key = str(site.seed(sessions=0)["key"])
        processes = Processes(site)
        try:
            with worker(site, "-c", "2"):
                address = f"http://127.0.0.1:{processes.port}"
                wait_for(lambda: answers(address), 40, "daphne answers")
                story = Story(address, key, tmp_path)
                victim = story.bring_up()
                os.kill(victim, signal.SIGKILL)
                killed_at = time.monotonic()
                story.is_finished_by_another(victim)
                assert time.monotonic() - killed_at < 20
        finally:
            for process in processes.running:
                process.kill()
                process.wait()
            processes.output.close()
