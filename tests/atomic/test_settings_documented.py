"""Every setting is documented, with its true default; a wrong value stops the start and names the variable."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from orchestrator_site import env

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("core", "workspaces", "documents", "templates_app", "agents", "sessions", "frontend", "orchestrator_site")


def documented() -> dict[str, str]:
    """The variables of .env.example with the defaults shown there."""
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_each_variable_is_documented_and_each_documented_variable_exists() -> None:
    assert set(documented()) == set(env.VARIABLES)


@pytest.mark.parametrize("name", sorted(env.VARIABLES))
def test_the_documented_default_is_the_default(name: str) -> None:
    shown = env.read(name, {name: documented()[name]})
    assert shown == env.read(name, {})


@pytest.mark.parametrize("name", sorted(env.VARIABLES))
def test_each_variable_has_a_comment_above_it(name: str) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    position = lines.index(f"#{name}={documented()[name]}")
    while re.match(r"#[A-Z_]+=", lines[position]):
        position -= 1
    assert len(lines[position]) > 20


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DEBUG", "perhaps"),
        ("DEMO", "2"),
        ("SERVICE_PORT", "http"),
        ("SERVICE_PORT", "0"),
        ("SERVICE_PORT", "70000"),
        ("MAX_UPLOAD_BYTES", "-1"),
        ("AGENT_MAX_CONCURRENCY", "many"),
        ("ENGINE_LEASE_SECONDS", "1.5"),
        ("LOG_LEVEL", "LOUD"),
        ("STATUS_ALLOWED_ADDRESSES", "10.0.0.0/8, office"),
        ("STATUS_ALLOWED_ADDRESSES", "10.0.0.1/8"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_a_value_that_cannot_be_read_stops_the_start_and_names_the_variable(name: str, wrong: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        env.read(name, {name: wrong})


def test_the_command_line_stops_with_one_sentence_that_names_the_variable() -> None:
    outcome = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "SERVICE_PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert outcome.stderr == "The environment variable SERVICE_PORT is 'http': give a port between 1 and 65535.\n"


@pytest.mark.parametrize("below", ["", "below"])
def test_a_data_folder_that_cannot_be_one_is_told_in_a_sentence(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / below))
    with pytest.raises(ImproperlyConfigured, match=r"DATA_DIR is .* nothing can be written"):
        env.writable_folder("DATA_DIR")


def test_a_full_disk_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(env, "TemporaryFile", full)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="No space left"):
        env.writable_folder("DATA_DIR")


def test_an_empty_value_counts_as_absent() -> None:
    assert env.read("SERVICE_PORT", {"SERVICE_PORT": ""}) == 8000


@pytest.mark.parametrize("word", ["1", "true", "Yes", "ON"])
def test_a_flag_is_understood_in_its_usual_spellings(word: str) -> None:
    assert env.read("DEBUG", {"DEBUG": word}) is True


def test_a_list_is_read_between_commas() -> None:
    assert env.read("ALLOWED_HOSTS", {"ALLOWED_HOSTS": " a.example , b.example,"}) == ["a.example", "b.example"]


@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0", "192.168.1.20"])
def test_this_machine_may_always_ask_whatever_names_are_allowed(listening: str) -> None:
    hosts = env.allowed_hosts(["agents.example"], listening)
    assert {"agents.example", "127.0.0.1", "localhost"} <= set(hosts)
    assert "0.0.0.0" not in hosts


def test_the_address_we_listen_on_may_be_used_in_a_browser() -> None:
    assert "192.168.1.20" in env.allowed_hosts([], "192.168.1.20")


def test_a_postgresql_address_of_any_driver_becomes_djangos_settings(tmp_path: Path) -> None:
    entry = env.database("postgresql+asyncpg://ann:se%20cret@db.example:5433/orchestra", tmp_path)
    assert entry["ENGINE"] == "orchestrator_site.postgresql"
    assert (entry["USER"], entry["PASSWORD"], entry["HOST"], entry["PORT"]) == ("ann", "se cret", "db.example", "5433")
    assert entry["OPTIONS"]["connect_timeout"] == 5


def test_what_the_address_of_the_database_says_counts(tmp_path: Path) -> None:
    entry = env.database("postgresql://ann@db/x?connect_timeout=30&sslmode=require", tmp_path)
    assert (entry["OPTIONS"]["connect_timeout"], entry["OPTIONS"]["sslmode"]) == ("30", "require")


def test_without_an_address_the_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    assert env.database("", tmp_path)["NAME"] == str(tmp_path / "orchestrator.sqlite3")


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = env.stored_secret(tmp_path / "new" / "secret_key")
    assert env.stored_secret(tmp_path / "new" / "secret_key") == first
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o077 == 0


def test_no_other_module_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.(environ\b(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE\")|getenv)", path.read_text())
    ]
    assert readers == ["orchestrator_site/env.py"]
