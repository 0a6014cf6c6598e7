"""The running program with its processes killed: work goes on, streams resume, nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from orchestrator_site.serving import answers
from tests.running import ROOT, Site, processes, wait_for
from tests.websocket import Closed, WebSocket

FINISHED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An installation that is never started: the others begin as copies of it."""
    site = Site(tmp_path_factory.mktemp("seeded"))
    site.seed(sessions=1, sleep=0.1)
    return site


@pytest.fixture(scope="module")
def site(seeded: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site")).seed_from(seeded)
    yield site.start()
    site.stop()


@pytest.fixture
def own_site(seeded: Site, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path).seed_from(seeded)
    yield site.start()
    site.stop()


def ended(site: Site, session_ids: list[str]) -> bool:
    marks = ",".join("?" * len(FINISHED))
    rows = site.query(f"SELECT id FROM agent_session WHERE status IN ({marks})", *FINISHED)
    return {UUID(session_id).hex for session_id in session_ids} <= {row[0] for row in rows}


def finished_tasks(site: Site, session_id: str) -> dict[str, Any]:
    """Name -> (status, completed_at, number of attempts) of the tasks that are completed."""
    rows = site.query(
        "SELECT t.name, t.completed_at, (SELECT count(*) FROM agent_execution e WHERE e.task_id = t.id)"
        " FROM agent_task t WHERE t.session_id = ? AND t.status = 'COMPLETED'",
        UUID(session_id).hex,
    )
    return {name: (completed_at, attempts) for name, completed_at, attempts in rows}


def event_types(site: Site, session_id: str) -> list[str]:
    rows = site.query("SELECT type FROM session_event WHERE session_id = ? ORDER BY seq", UUID(session_id).hex)
    return [row[0] for row in rows]


def test_a_session_survives_the_kill_of_its_worker_without_repeating_finished_tasks(site: Site) -> None:
    session_id = site.seed(sessions=1, sleep=0.5)["sessions"][0]
    before = wait_for(lambda: finished_tasks(site, session_id), 20, "a first task is finished")
    os.kill(site.children()["worker"], signal.SIGKILL)
    killed_at = time.monotonic()
    wait_for(lambda: ended(site, [session_id]), 30, "the session ends on the new worker")
    assert time.monotonic() - killed_at < 25
    assert site.status(session_id) == "COMPLETED"
    after = finished_tasks(site, session_id)
    assert len(after) == 7
    assert {name: after[name] for name in before} == before
    assert event_types(site, session_id).count("task.completed") == 7
    assert site.chain(session_id).is_whole


def test_a_stream_resumes_over_the_kill_of_the_web_process_and_misses_nothing(site: Site) -> None:
    seeded = site.seed(sessions=1, sleep=0.4)
    session_id, key = seeded["sessions"][0], seeded["key"]
    seen: list[dict[str, Any]] = []

    def follow() -> None:
        while not done():
            try:
                with WebSocket(site.address, f"/ws/sessions/{session_id}?after={len(seen)}", X_API_Key=key) as stream:
                    while not done():
                        frame = stream.receive()
                        if "seq" in frame:
                            seen.append(frame)
            except (Closed, OSError):
                time.sleep(0.1)

    def done() -> bool:
        return bool(seen) and seen[-1]["type"] in ("session.completed", "session.failed")

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    wait_for(lambda: len(seen) >= 5, 20, "the stream has begun")
    os.kill(site.children()["web"], signal.SIGKILL)
    follower.join(40)
    assert done(), [frame["type"] for frame in seen]
    assert [frame["seq"] for frame in seen] == list(range(1, len(seen) + 1))
    assert [frame["type"] for frame in seen] == event_types(site, session_id)


def test_a_hundred_sessions_at_once_all_complete_on_sqlite(site: Site) -> None:
    session_ids = site.seed(sessions=100)["sessions"]
    wait_for(lambda: ended(site, session_ids), 60, "all sessions end")
    assert {site.status(session_id) for session_id in session_ids} == {"COMPLETED"}
    assert all(site.chain(session_id).is_whole for session_id in session_ids)
    assert all(event_types(site, session_id).count("task.completed") == 7 for session_id in session_ids)
    assert "database is locked" not in site.printed


def test_the_site_stops_as_a_whole_on_sigterm_and_leaves_no_process(own_site: Site) -> None:
    site = own_site
    family = [site.pid, *site.children().values()]
    assert len(family) == 3
    started = time.monotonic()
    assert site.signal(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    assert not set(family) & set(processes())
    assert site.query("SELECT count(*) FROM engine_worker WHERE expires_at > datetime('now', '+1 second')") == [(0,)]


def test_nothing_is_left_when_the_supervisor_itself_is_killed(own_site: Site) -> None:
    family = list(own_site.children().values())
    assert len(family) == 2
    own_site.signal(signal.SIGKILL)
    wait_for(lambda: not set(family) & set(processes()), 15, "the children end with their supervisor")


def test_a_database_that_was_never_set_up_is_said_in_one_sentence_with_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=Site(tmp_path).variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "setup_site" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_said_in_one_sentence_with_exit_code_2(seeded: Site, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", port]
        site = Site(tmp_path).seed_from(seeded)
        done = subprocess.run(command, cwd=ROOT, env=site.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"],
    ids=["no boundary", "empty boundary", "no part"],
)
def test_a_form_that_cannot_be_read_is_refused_like_every_other_request(site: Site, content_type: str) -> None:
    key = site.seed(sessions=0)["key"]
    headers = {"X-API-Key": key, "Content-Type": content_type}
    call = urllib.request.Request(f"{site.address}/api/v1/documents", b"garbage", headers)
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(call, timeout=10):
        pass
    assert refused.value.code == 400
    assert set(json.load(refused.value)) == {"code", "message", "details"}


def test_a_second_server_on_the_same_folder_says_whose_it_is_and_leaves_it_alone(site: Site) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=site.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"process {site.pid}" in done.stderr
    assert str(site.folder) in done.stderr
    assert answers(site.address)


def test_a_folder_whose_server_was_killed_can_be_served_again_at_once(own_site: Site) -> None:
    own_site.signal(signal.SIGKILL)
    own_site.start()
    assert answers(own_site.address)


def test_a_client_that_does_not_read_is_dropped_and_slows_nobody(site: Site) -> None:
    """24 MB of events: the server keeps about one for the sleeper, serves the other, and says where to resume."""
    seeded = site.seed(sessions=1)
    session_id, key = seeded["sessions"][0], seeded["key"]
    wait_for(lambda: ended(site, [session_id]), 20, "the session ends")
    count = len(event_types(site, session_id))
    site.append_events(session_id, count=400, size=60_000)
    path = f"/ws/sessions/{session_id}"
    before = site.memory_kib("web")
    with WebSocket(site.address, path, buffer=4096, X_API_Key=key) as sleeper:
        with WebSocket(site.address, path, X_API_Key=key) as reader:
            assert [reader.receive()["seq"] for _ in range(count + 400)] == list(range(1, count + 401))
        assert site.memory_kib("web") - before < 24_000
        time.sleep(11)
        seen = read_until_closed(sleeper)
    assert [frame["seq"] for frame in seen] == list(range(1, len(seen) + 1))
    assert len(seen) < count + 400
    with WebSocket(site.address, f"{path}?after={len(seen)}", X_API_Key=key) as again:
        assert again.receive()["seq"] == len(seen) + 1


def read_until_closed(stream: WebSocket) -> list[dict[str, Any]]:
    """All frames of the log that are still to come."""
    seen: list[dict[str, Any]] = []
    try:
        while True:
            frame = stream.receive()
            if "seq" in frame:
                seen.append(frame)
    except (Closed, OSError):
        return seen


def test_a_worker_runs_sessions_while_redis_is_away_and_stops_when_told(seeded: Site, tmp_path: Path) -> None:
    """Nothing listens on port 1. The database is the queue: a worker that starts now must not wait for the broker."""
    site = Site(tmp_path, {"REDIS_URL": "redis://127.0.0.1:1/0"}).seed_from(seeded)
    command = [sys.executable, "-m", "celery", "-A", "orchestrator_site", "worker", "-P", "threads", "-l", "WARNING"]
    with (tmp_path / "printed").open("wb") as output:
        worker = subprocess.Popen(command, cwd=ROOT, env=site.variables(), stdout=output, stderr=subprocess.STDOUT)
    try:
        session_id = site.seed(sessions=1)["sessions"][0]
        wait_for(lambda: ended(site, [session_id]), 40, "the session ends")
        assert site.status(session_id) == "COMPLETED"
        check = [sys.executable, str(ROOT / "manage.py"), "check_worker"]
        assert subprocess.run(check, cwd=ROOT, env=site.variables(), capture_output=True, check=False).returncode == 0
        worker.terminate()
        assert worker.wait(20) == 0, site.printed
        assert site.query("SELECT count(*) FROM engine_worker") == [(0,)]
    finally:
        worker.kill()
        worker.wait()
