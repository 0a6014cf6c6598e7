"""Keeps a few child processes running and stops them with itself. Standard library only: it must not fail with them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

STOP_SECONDS = 12.0  # from the polite signal to SIGKILL
SETTLED_SECONDS = 10.0  # a child that lived this long is restarted at once
LONGEST_BACKOFF_SECONDS = 15.0
_LEASH = "orchestrator_site.leash"


@dataclass(frozen=True, slots=True)
class Program:
    """A Python module with its arguments, run as a child process; `fds` stay open in it.

    `quiet` are the beginnings of Python warnings that tell nothing here; `environment` is the child's instead of ours.
    """

    name: str
    module: str
    arguments: Sequence[str]
    fds: Sequence[int] = ()
    quiet: Sequence[str] = ()
    environment: Mapping[str, str] | None = None


@dataclass(slots=True)
class Child:
    """One program and its present process."""

    program: Program
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = 0.0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=6))


class Supervisor:
    """Runs programs until SIGINT or SIGTERM; restarts those that die, with a growing pause when they die at once.

    A child also ends when the supervisor itself is killed: it holds the reading end of a pipe (see `leash`).
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        say: Callable[[str], None],
        is_noise: Callable[[str], bool] = lambda line: False,
    ) -> None:
        self._children = [Child(program) for program in programs]
        self._say = say
        self._is_noise = is_noise
        self._stopping = False
        self._relays: list[threading.Thread] = []
        self._leash_out, self._leash_in = os.pipe()

    def run(self, each_tick: Callable[[], None] = lambda: None) -> int:
        """Returns the exit code when everything has stopped: 0. Call it from the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            while not self._stopping:
                for child in self._children:
                    self._look_after(child)
                each_tick()
                time.sleep(0.1)
        finally:
            self._stop_all()
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _look_after(self, child: Child) -> None:
        if child.process is not None and child.process.poll() is None:
            return
        if child.process is not None:
            self._bury(child)
        if time.monotonic() >= child.restart_at and not self._stopping:
            self._start(child)

    def _start(self, child: Child) -> None:
        program = child.program
        silence = [part for start in program.quiet for part in ("-W", f"ignore:{start}")]
        command = [sys.executable, *silence, "-m", _LEASH, str(self._leash_out), program.module, *program.arguments]
        child.process = subprocess.Popen(  # noqa: S603  (our own programs)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=program.environment,
            pass_fds=[self._leash_out, *program.fds],
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in our way
        )
        child.started_at = time.monotonic()
        relay = threading.Thread(target=self._relay, args=(child, child.process), daemon=True)
        self._relays = [*(old for old in self._relays if old.is_alive()), relay]
        relay.start()

    def _relay(self, child: Child, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                text = line.rstrip()
                if text and not self._is_noise(text):
                    child.last_lines.append(text)
                    self._say(f"{child.program.name:>6} │ {text}")

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.returncode
        lived = time.monotonic() - child.started_at
        child.process = None
        child.failures = 0 if lived >= SETTLED_SECONDS else child.failures + 1
        pause = min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** (child.failures - 1)) if child.failures else 0.0
        child.restart_at = time.monotonic() + pause
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        when = "now" if pause < 1 else f"in {pause:.0f} s"
        why = f" Its last words: {child.last_lines[-1]}" if child.failures > 1 and child.last_lines else ""
        self._say(f"The {child.program.name} process ended ({how}); it is started again {when}.{why}")

    def _stop_all(self) -> None:
        living = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in living:
            process.terminate()
        ends_at = time.monotonic() + STOP_SECONDS
        for process in living:
            try:
                process.wait(max(0.1, ends_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._leash_in)
        os.close(self._leash_out)
        for relay in self._relays:
            relay.join(2)


def bind(host: str, port: int) -> socket.socket:
    """The listening socket of the web process. It stays open over restarts, so clients wait instead of being refused.

    Raises: OSError when the address is not free or not ours.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock
