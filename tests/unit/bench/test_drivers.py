"""A peer's driver, seen from outside."""

import sys
import time
from pathlib import Path

import pytest

from bench.peers.systems import lines_of

READY = 'print(\'noise\'); print(\'{"ready": true}\', flush=True); print(\'{"name": "one", "values": [1.5]}\')'
HANGS = """
import subprocess, sys, time
print(subprocess.Popen(["sleep", "60"]).pid, file=sys.stderr, flush=True)
time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_first_result_of_a_driver_is_its_cold_start(tmp_path: Path) -> None:
    cold, one = lines_of(python(READY), tmp_path / "log", 20)

    assert (cold["name"], cold["unit"]) == ("cold_start", "s")
    assert 0 < cold["values"][0] < 20
    assert one == {"name": "one", "values": [1.5]}


def test_a_driver_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    told = lines_of(python(f"{READY}; raise SystemExit('no such thing')"), tmp_path / "log", 20)

    with pytest.raises(RuntimeError, match="no such thing"):
        list(told)


def test_a_driver_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with pytest.raises(RuntimeError, match="in time"):
        list(lines_of(python(HANGS), log, 1))

    child = int(log.read_text().split()[0])
    ends_at = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < ends_at:
        time.sleep(0.02)
    assert not is_alive(child)


def is_alive(pid: int) -> bool:
    """A zombie that nobody has buried yet counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
