"""One full session on PostgreSQL and Redis, with daphne, a Celery worker and beat as processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest

from tests.conftest import need_service
from tests.running import ROOT, Site, free_port, wait_for
from tests.websocket import WebSocket

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/10")
pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@contextmanager
def database() -> Iterator[str]:
    """The URL of a database of our own."""
    name = f"runtime_{uuid4().hex[:10]}"
    connection = psycopg2.connect(POSTGRES_URL)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.close()


class Processes:
    """The three processes, each started on its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port = free_port()
        celery = ["celery", "-A", "orchestrator_site", "--quiet"]
        beat = ["beat", "-l", "WARNING", "-s", str(site.folder / "beat"), "--pidfile="]
        programs = [
            ["daphne", "-b", "127.0.0.1", "-p", str(self.port), "-v", "0", "orchestrator_site.asgi:application"],
            [*celery, "worker", "-P", "threads", "-c", "2", "-l", "INFO"],
            [*celery, *beat],
        ]
        self.output = (site.folder / "printed").open("wb")
        self.running = [self._start(arguments) for arguments in programs]

    def _start(self, arguments: list[str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.site.variables(), stdout=self.output, stderr=subprocess.STDOUT
        )

    def stop(self) -> list[int]:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(20) for process in self.running]
        self.output.close()
        return codes


@pytest.fixture
def production(tmp_path: Path) -> Iterator[tuple[Processes, dict[str, Any]]]:
    need_service("PostgreSQL", 5432)
    need_service("Redis", 6379)
    with database() as url:
        site = Site(tmp_path, {"DATABASE_URL": url, "REDIS_URL": REDIS_URL, "LOG_LEVEL": "INFO"})
        seeded = site.seed(sessions=0)
        processes = Processes(site)
        try:
            yield processes, seeded
        finally:
            for process in processes.running:
                process.kill()
                process.wait()
            processes.output.close()


def call(address: str, key: str, body: dict[str, Any] | None = None, *, prefer: str = "") -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": key, "Content-Type": "application/json", "Prefer": prefer}
    with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=40) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(f"{address}/health", timeout=1).status == 200
    except OSError:
        return False


def test_a_full_session_on_postgresql_and_redis(production: tuple[Processes, dict[str, Any]]) -> None:
    processes, seeded = production
    key, address = seeded["key"], f"http://127.0.0.1:{processes.port}"
    wait_for(lambda: answers(address), 40, "daphne answers")
    wait_for(lambda: " ready." in processes.site.printed, 40, "the worker hears doorbells")
    names = ["a", "b", "c", "d", "e", "f", "g"]
    tasks = [
        {"name": name, "agent": "seeded", "input_data": {"say": name, "sleep": 0.05}, "depends_on": names[:number][-1:]}
        for number, name in enumerate(names)
    ]
    started = call(f"{address}/api/v1/agents/execute", key, {"task_description": "seven in a row", "tasks": tasks})
    session_id = started["session_id"]
    seen: list[dict[str, Any]] = []
    with WebSocket(address, f"/ws/sessions/{session_id}", timeout=40, X_API_Key=key) as stream:
        while not seen or seen[-1]["type"] != "session.completed":
            seen.append(stream.receive())
    assert [frame["seq"] for frame in seen] == list(range(1, len(seen) + 1))
    assert call(f"{address}/api/v1/sessions/{session_id}/events?limit=1000", key)["results"] == seen
    session = call(f"{address}/api/v1/sessions/{session_id}", key)
    assert session["status"] == "COMPLETED"
    assert [task["result"]["said"] for task in session["tasks"]] == names
    assert all(process.poll() is None for process in processes.running)
    assert set(processes.stop()) <= {0, -signal.SIGTERM}
    printed = processes.site.printed
    assert re.search(r"Task sessions\.tasks\.poke\S* received", printed), "no doorbell rang at the worker"
    assert "Traceback" not in printed
