"""Where a process runs."""

import os
import socket
import subprocess
import sys

import pytest

from core import machine


def test_two_processes_of_one_machine_agree_on_where_they_are() -> None:
    code = "from core.machine import this_machine; print(this_machine())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == machine.this_machine()
    assert machine.this_machine().startswith(socket.gethostname())


def test_a_machine_that_does_not_tell_more_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_marks", lambda: iter(()))
    assert machine.this_machine() == socket.gethostname()


def test_a_process_that_has_ended_is_not_alive() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert machine.is_alive(os.getpid())
    assert not machine.is_alive(ended.pid)
