"""`manage.py run_session`: exit codes, the cited answer, exactly one JSON document, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections

from agents.services import sync_definitions
from documents.models import Collection, Document
from sessions.management.terminal import asking
from sessions.management.terminal.following import worker_is_alive
from sessions.models import AgentSession, AgentTask, EngineWorker
from sessions.states import TaskStatus
from tests.make import Make
from workspaces.models import Project
from workspaces.services import create_workspace

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "When was Orm Tower built?"


@pytest.fixture
def project(make: Make, transactional_db: None) -> Iterator[Project]:
    sync_definitions()
    owner = User.objects.create_superuser("boss", password="secret-enough-1")
    yield create_workspace(name="Desk", owner=owner).projects.get()
    connections.close_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tower.txt").write_text("Orm Tower is a brick tower in Nes. Orm Tower was built in 1612 by Aud Berg.")
    (tmp_path / "bridge.md").write_text("# Lia Bridge\n\nLia Bridge crosses the Lia river and was opened in 1904.")
    return tmp_path


def run(*words: Any, **options: Any) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("run_session", *[str(word) for word in words], stdout=out, stderr=err, **options)
    return int(exit_.value.code or 0), out.getvalue(), err.getvalue()


def test_a_question_about_files_is_answered_with_its_sources(project: Project, folder: Path) -> None:
    code, out, err = run(QUESTION, "--documents", folder)
    assert code == 0, err
    assert "1612" in out
    assert "[1]" in out.split("Sources")[0]
    assert "tower" in out.split("Sources")[1].lower()
    assert "completed" in err


def test_running_twice_reuses_the_documents(project: Project, folder: Path) -> None:
    for _ in range(2):
        assert run(QUESTION, "--documents", folder, "--agents", "research", "synthesis")[0] == 0
    assert Document.objects.count() == 2
    assert Collection.objects.count() == 1


def test_json_prints_one_document_and_nothing_else(project: Project, folder: Path) -> None:
    code, out, err = run(QUESTION, "--documents", folder / "tower.txt", "--json")
    assert (code, err) == (0, "")
    session = json.loads(out)
    assert session["status"] == "COMPLETED"
    assert session["result"]["sentences"][0]["citations"]
    assert len(session["tasks"]) >= 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([QUESTION, "--documents", "/no/such/file"], "/no/such/file"),
        ([QUESTION, "--agents", "nobody"], "nobody"),
        ([QUESTION, "--project", "elsewhere"], "elsewhere"),
        ([QUESTION, "--user", "stranger"], "stranger"),
        ([QUESTION, "--timeout", "-3"], "timeout"),
        (["  "], "task_description"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(project: Project, words: list[str], sentence: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not AgentSession.objects.exists()


def test_bad_input_is_one_json_document_too(project: Project) -> None:
    code, out, err = run(QUESTION, "--agents", "nobody", "--json")
    assert (code, err) == (2, "")
    assert set(json.loads(out)["error"]) == {"code", "message", "details"}


def test_files_that_cannot_be_read_are_named_and_alone_are_bad_input(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    code, _, err = run(QUESTION, "--documents", tmp_path / "empty.txt")
    assert code == 2
    assert "empty" in err


def test_more_files_than_a_session_may_name_are_refused_before_any_is_read(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_DOCUMENTS", 2)
    for name in ("a.txt", "b.txt", ".hidden.txt", ".git/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Whales sing.")
    assert len(asking.files_of([tmp_path])) == 2
    (tmp_path / "d.txt").write_text("Whales sing.")
    code, _, err = run(QUESTION, "--documents", tmp_path)
    assert code == 2
    assert "more than 2 files" in err
    assert not Document.objects.exists()


def test_an_empty_path_is_not_this_whole_folder(project: Project) -> None:
    with pytest.raises(CommandError, match="no file or folder"):
        call_command("run_session", QUESTION, "--documents", "")


def test_ctrl_c_before_there_is_a_session_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import django.core.management as management\n"
        "def interrupted(words):\n    raise KeyboardInterrupt\n"
        "management.execute_from_command_line = interrupted\n"
    )
    outcome = subprocess.run(
        [sys.executable, "manage.py", "run_session", "x"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (130, "")


def test_a_failed_session_ends_with_1_and_its_reason(project: Project, make: Make) -> None:
    make.agent(project, name="broken", configuration={"fail_times": 9, "permanent": True, "error": "out of luck"})
    code, out, err = run(QUESTION, "--agents", "broken")
    assert (code, out) == (1, "")
    assert "out of luck" in err


def test_ctrl_c_cancels_the_session_and_ends_with_130(project: Project, make: Make) -> None:
    make.agent(project, name="sleeper", configuration={"sleep": 60})

    def interrupt() -> None:
        ends_at = time.monotonic() + 20
        while not AgentTask.objects.filter(status=TaskStatus.RUNNING).exists() and time.monotonic() < ends_at:
            time.sleep(0.05)
        connections.close_all()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code, _, err = run(QUESTION, "--agents", "sleeper")
    thread.join()
    assert code == 130
    assert "cancelled" in err
    assert AgentSession.objects.get().status == "CANCELLED"


def test_the_worker_of_a_dead_process_does_not_count(project: Project) -> None:
    from datetime import timedelta

    from core.clock import SYSTEM_CLOCK
    from core.machine import this_machine

    now = SYSTEM_CLOCK.now()
    values = {"pid": 2**22 + 5, "started_at": now, "expires_at": now + timedelta(seconds=60)}
    row = EngineWorker.objects.create(host=this_machine(), **values)
    assert not worker_is_alive()
    EngineWorker.objects.filter(pk=row.pk).update(host="another-machine")
    assert worker_is_alive()
