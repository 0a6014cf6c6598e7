"""The commands people type first: `make` and the set-up scripts behind it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make")
SHELL = shutil.which("sh") or "/bin/sh"

needs_make = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def run(*command: str, path: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment = {**outside, **({"PATH": path} if path is not None else {}), **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def fake_python(folder: Path, version: tuple[int, int]) -> None:
    """A `python3` that claims a version, and makes an environment that is only a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "python3"
    fits = 0 if version >= (3, 11) else 1
    answers = f'-c) exit {fits};; -m) /bin/mkdir -p "$4";; *) echo "Python {version[0]}.{version[1]}";;'
    script.write_text(f'#!/bin/sh\ncase "$1" in {answers} esac\n')
    script.chmod(0o755)


@needs_make
def test_make_alone_lists_its_targets() -> None:
    listed = re.findall(r"^  make (\w+)", run("make").stdout, re.MULTILINE)
    assert {"run", "test", "check", "bench", "demo"} <= set(listed)


@needs_make
def test_make_run_hands_address_and_folder_to_the_server() -> None:
    recipe = run("make", "-n", "run", "PY=python", "HOST=0.0.0.0", "PORT=9000", "DATA_DIR=/srv/x").stdout
    for given in ('SERVICE_HOST="0.0.0.0"', 'SERVICE_PORT="9000"', 'DATA_DIR="/srv/x"'):
        assert given in recipe


@needs_make
def test_make_run_takes_them_from_the_environment_too() -> None:
    recipe = run("make", "-n", "run", "PY=python", PORT="9001").stdout
    assert 'SERVICE_PORT="9001"' in recipe


@needs_make
def test_a_password_of_odd_characters_and_demo_reach_the_programs_as_they_were_given(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s|%s\\n" "$ADMIN_PASSWORD" "$DEMO"\n')
    python.chmod(0o755)
    odd = """l$amp"o'il $$`x`"""
    assert run("make", "run", f"PY={python}", "DEMO=0", ADMIN_PASSWORD=odd).stdout.splitlines() == [f"{odd}|0"] * 2


def test_a_machine_without_a_new_enough_python_is_told_what_is_missing(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", (3, 9))
    outcome = run(SHELL, "deploy/make-venv", str(tmp_path / "venv"), path=str(tmp_path / "bin"))
    assert outcome.returncode == 1
    assert "Python 3.11 or newer was not found" in outcome.stderr
    assert not (tmp_path / "venv").exists()


def test_any_python_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", (3, 12))
    (tmp_path / "bin" / "touch").symlink_to(shutil.which("touch") or "/bin/touch")
    assert run(SHELL, "deploy/make-venv", str(tmp_path / "venv"), path=str(tmp_path / "bin")).returncode == 0
    assert (tmp_path / "venv" / ".made").exists()


def test_an_installation_that_was_killed_starts_from_an_empty_environment(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", (3, 12))
    fake_python(tmp_path / "venv" / "bin", (3, 12))
    (tmp_path / "venv" / "bin" / "python3").rename(tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / ".installing").touch()
    chosen = str(tmp_path / "bin" / "python3")
    said = run(SHELL, "deploy/pip-install", str(tmp_path / "venv"), "requirements.txt", PYTHON=chosen).stdout
    assert "interrupted: starting again" in said
