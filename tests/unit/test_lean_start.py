"""What each process of the site does without: the supervisor Django, the worker pages, the web process Celery."""

import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator_site.lean import loading, stand_in, without
from orchestrator_site.occupancy import Occupied, occupy
from orchestrator_site.serving import try_to_serve
from orchestrator_site.setup.tables import are_tables_there
from tests.conftest import need_service
from tests.running import ROOT

SUPERVISOR = "import orchestrator_site.serving"
WEB = "import orchestrator_site.web, orchestrator_site.asgi"
WORKER = "import orchestrator_site.worker, django; django.setup(); import sessions.worker, sessions.tasks"
AGENTS = "from agents.registry import get_registry; assert get_registry().get('research')"

DOCUMENT_LIBRARIES = ["lxml", "trafilatura", "docx", "pypdfium2", "markdown_it", "semantic_text_splitter"]
HEAVY = {
    SUPERVISOR: ["django.conf", "celery", "structlog", "ssl", "http.client"],
    WEB: ["celery", "kombu", "cryptography", "psycopg2", "pygments", "rich", "jsonschema", *DOCUMENT_LIBRARIES],
    f"{WORKER}; {AGENTS}": [
        "celery.bin",
        "rest_framework.views",
        "orchestrator_site.urls",
        "unfold.admin",
        "twisted",
        "psycopg2",
        "rich",
        "jsonschema",
        *DOCUMENT_LIBRARIES,
    ],
}


@pytest.mark.parametrize("program", HEAVY, ids=["supervisor", "web", "worker"])
def test_a_process_does_not_load_what_only_others_need(program: str, tmp_path: Path) -> None:
    code = f"{program}\nimport sys, json\nprint(json.dumps([name for name in {HEAVY[program]} if name in sys.modules]))"
    own = {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "orchestrator_site.settings", "AUTOBAHN_USE_NVX": "0"}
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env={**kept, **own}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_what_was_loaded_is_no_longer_searched_for_garbage() -> None:
    try:
        with loading():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()


def test_a_package_kept_out_can_be_imported_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bulky_library.py").write_text("weight = 20")
    monkeypatch.syspath_prepend(tmp_path)
    with without("bulky_library"), pytest.raises(ImportError):
        importlib.import_module("bulky_library")
    assert importlib.import_module("bulky_library").weight == 20


def test_a_package_that_is_loaded_already_is_not_kept_out() -> None:
    with without("json"):
        import json as again
    assert again is json


def test_a_stand_in_is_gone_afterwards() -> None:
    with stand_in("no_such_library", answer=42):
        from no_such_library import answer  # type: ignore[import-not-found]
    assert answer == 42
    assert "no_such_library" not in sys.modules


def test_a_stand_in_leaves_what_is_loaded_already() -> None:
    with stand_in("json", dumps=None):
        assert isinstance(sys.modules["json"], ModuleType)
        assert sys.modules["json"] is json


def test_a_folder_has_one_server_and_the_second_hears_whose_it_is(tmp_path: Path) -> None:
    first = occupy(tmp_path)
    with pytest.raises(Occupied) as refused:
        occupy(tmp_path)
    assert f"process {os.getpid()}" in str(refused.value)
    assert "DATA_DIR=" in str(refused.value)
    first.close()
    occupy(tmp_path).close()


def test_the_name_of_a_former_server_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "serve.lock").write_text("999999999")
    occupy(tmp_path).close()
    assert (tmp_path / "serve.lock").read_text() == str(os.getpid())


@pytest.mark.parametrize("arguments", [["--help"], ["--port", "soon"], ["--verbosity", "2"], ["--settings=x"]])
def test_what_only_django_can_answer_is_left_to_it(arguments: list[str]) -> None:
    assert try_to_serve(arguments) is None


def test_a_file_without_our_tables_is_not_set_up(tmp_path: Path) -> None:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.sqlite3")}
    assert not are_tables_there(database)
    assert not (tmp_path / "new.sqlite3").exists()
    (tmp_path / "new.sqlite3").touch()
    assert not are_tables_there(database)
    (tmp_path / "new.sqlite3").write_text("no database at all, and long enough to be looked at" * 9)
    assert are_tables_there(database)


@pytest.mark.postgres
def test_a_database_with_a_driver_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:

    need_service("PostgreSQL", 5432)
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/template1")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
    assert not are_tables_there({"ENGINE": "django.db.backends.postgresql"})
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/template1")
    assert are_tables_there({"ENGINE": "django.db.backends.postgresql"})
