"""An agent on a worker of a queue of its own, with real processes: its engine dies, then its worker."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_service
from tests.e2e.test_production_processes import REDIS_URL, Processes, answers, call, database
from tests.running import ROOT, Site, wait_for

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
CELERY = [sys.executable, "-m", "celery", "-A", "orchestrator_site", "--quiet", "worker", "-P", "threads", "-l", "INFO"]
QUEUE = ["-Q", "gpu", "-c", "2"]


@contextmanager
def worker(site: Site, *options: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (site.folder / "placed").open("ab") as output:
        process = subprocess.Popen(
            [*CELERY, *options], cwd=ROOT, env=site.variables() | variables, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Processes, str]]:
    need_service("PostgreSQL", 5432)
    need_service("Redis", 6379)
    modules = {"AGENT_REGISTRY_MODULES": "tests.unit.engine.odd_agents"}
    with database() as url:
        site = Site(tmp_path, {"DATABASE_URL": url, "REDIS_URL": REDIS_URL, "LOG_LEVEL": "INFO", **modules})
        key = str(site.seed(sessions=0)["key"])
        processes = Processes(site)
        try:
            yield processes, key
        finally:
            for process in processes.running:
                process.kill()
                process.wait()
            processes.output.close()


class Api:
    """The calls of this story."""

    def __init__(self, processes: Processes, key: str) -> None:
        self.address, self.key = f"http://127.0.0.1:{processes.port}/api/v1", key

    def make_agent(self) -> None:
        made = call(f"{self.address}/agents", self.key, {"definition": "placed", "name": "far"})
        call(f"{self.address}/agents/{made['id']}/status", self.key, {"status": "ACTIVE"}, prefer="wait=30")

    def start(self, **orders: Any) -> str:
        body = {"task_description": "far away", "tasks": [{"name": "far", "agent": "far", "input_data": orders}]}
        return str(call(f"{self.address}/agents/execute", self.key, body)["session_id"])

    def session(self, session_id: str) -> dict[str, Any]:
        return call(f"{self.address}/sessions/{session_id}", self.key)

    def words(self, session_id: str) -> list[str]:
        return [event["type"] for event in call(f"{self.address}/sessions/{session_id}/events", self.key)["results"]]

    def finish(self, session_id: str) -> dict[str, Any]:
        wait_for(lambda: self.session(session_id)["completed_at"], 60, "the session ends")
        return self.session(session_id)


def test_a_placed_agent_outlives_its_engine_and_is_retried_when_its_worker_dies(site: tuple[Processes, str]) -> None:
    processes, key = site
    api = Api(processes, key)
    wait_for(lambda: answers(f"http://127.0.0.1:{processes.port}"), 40, "daphne answers")
    api.make_agent()
    engine = processes.running[1]
    with worker(processes.site, *QUEUE, ENGINE_ENABLED="false") as first:
        outlives = api.start(hang=12)
        wait_for(lambda: "step.completed" in api.words(outlives), 40, "the agent works on the queue's worker")
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        with worker(processes.site, "-c", "2"):
            ended = api.finish(outlives)
            assert (ended["status"], ended["tasks"][0]["attempt"]) == ("COMPLETED", 1)
            assert api.words(outlives).count("execution.placed") == 1

            dies = api.start(hang_first=300)
            wait_for(lambda: "step.completed" in api.words(dies), 40, "the agent has paid")
            first.send_signal(signal.SIGKILL)
            first.wait()
            with worker(processes.site, *QUEUE, ENGINE_ENABLED="false"):
                ended = api.finish(dies)
    assert (ended["status"], ended["tasks"][0]["attempt"]) == ("COMPLETED", 2)
    assert api.words(dies).count("step.reused") == 1
