"""The supervisor on small programs: what dies is started again, at once or after a pause, with its reason."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator_site import supervisor
from orchestrator_site.serving import Site, answers, is_noise, programs, web_address
from orchestrator_site.supervisor import Program, Supervisor, bind


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder children can import from; the test's signal handlers are put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(supervisor.__file__).parent.parent}")
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(seconds: float, *programs: Program) -> list[str]:
    """What a supervisor says that is asked to stop after a while."""
    said: list[str] = []
    watched = Supervisor(programs, say=said.append)
    ends_at = time.monotonic() + seconds

    def stop_in_time() -> None:
        if time.monotonic() >= ends_at:
            signal.raise_signal(signal.SIGTERM)

    assert watched.run(stop_in_time) == 0
    return said


def test_a_program_that_dies_at_once_is_restarted_with_growing_pauses_and_its_reason(modules: Path) -> None:
    (modules / "dies.py").write_text("import sys\nsys.exit('no database here')")
    said = run(4, Program("web", "dies", []))
    ends = [line for line in said if "started again" in line]
    assert 2 <= len(ends) <= 5
    assert "exit code 1" in ends[0]
    assert "no database here" in ends[1]
    assert any("in 1 s" in line or "in 2 s" in line for line in ends)


def test_a_program_that_ran_for_a_while_is_restarted_at_once(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SETTLED_SECONDS", 0.0)
    (modules / "brief.py").write_text("print('hello', flush=True)")
    said = run(2.5, Program("worker", "brief", []))
    assert sum("hello" in line for line in said) >= 3
    assert all("again now" in line for line in said if "started again" in line)


def test_a_program_that_ignores_the_polite_signal_is_killed(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    code = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(60)"
    )
    (modules / "stubborn.py").write_text(code)
    started = time.monotonic()
    said = run(2, Program("worker", "stubborn", []))
    assert any("here" in line for line in said)
    assert time.monotonic() - started < 10


def test_noise_is_left_out(modules: Path) -> None:
    (modules / "loud.py").write_text(
        "import time\nprint('worker: Warm shutdown')\nprint('news', flush=True)\ntime.sleep(9)"
    )
    said: list[str] = []
    watched = Supervisor([Program("worker", "loud", [])], say=said.append, is_noise=is_noise)
    ends_at = time.monotonic() + 10

    def stop_in_time() -> None:
        if said or time.monotonic() >= ends_at:
            signal.raise_signal(signal.SIGTERM)

    watched.run(stop_in_time)
    assert said == ["worker │ news"]


def test_the_listening_socket_is_bound_once_and_a_taken_port_is_refused() -> None:
    first = bind("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", first.getsockname()[1])
    assert not answers(f"http://127.0.0.1:{first.getsockname()[1]}")
    first.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_address_shown_can_be_typed_into_a_browser(host: str, address: str) -> None:
    assert web_address(host, 80) == address


def test_ipv4_is_handed_over_as_a_socket_and_ipv6_by_name(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as listening:
        assert programs(Site(tmp_path), listening)[0].fds == [listening.fileno()]
    with suppress(OSError), bind("::1", 0) as listening:
        web = programs(Site(tmp_path), listening)[0]
        assert (web.fds, "-b" in web.arguments) == ([], True)


def test_redis_brings_the_scheduler(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as listening:
        found = programs(Site(tmp_path, "redis://127.0.0.1:6379/10"), listening)
        assert [program.name for program in found] == ["web", "worker", "beat"]
