"""The whole site from one command. Standard library and `env` only: this process lives as long as the site, and Django
in it would cost as much memory as the web process.
"""

import argparse
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_site import env
from orchestrator_site.occupancy import Occupied, occupy
from orchestrator_site.setup.tables import are_tables_there
from orchestrator_site.supervisor import Program, Supervisor, bind

DESCRIPTION = "Runs the web process and the worker; restarts either when it dies; Ctrl-C stops both."
NOISE = (
    "Warm shutdown",
    "Cold shutdown",
    "MainProcess",
    "Killed by signal",
    "Received SIGTERM",
)
QUIET = ("You're running the worker with superuser", "No directory at")
LEAN = {
    "MALLOC_ARENA_MAX": "2",  # glibc gives each thread an arena of its own otherwise, and keeps what was freed in it
    "AUTOBAHN_USE_NVX": "0",  # native code for large incoming WebSocket messages; ours are sent
}
WORKER = {
    "CELERY_SKIP_CHECKS": "1",  # Django's checks load every page and form: 20 MiB in a process that shows none
}
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Site:
    """What of the environment the processes are chosen by."""

    data_dir: Path
    redis_url: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=env.read("SERVICE_HOST"), help="SERVICE_HOST unless given")
    parser.add_argument(
        "--port", type=int, default=env.read("SERVICE_PORT"), help="SERVICE_PORT unless given; 0: any free one"
    )


def try_to_serve(arguments: Sequence[str]) -> int | None:
    """The exit code of `manage.py serve` with these arguments; None when Django's options are among them.

    Raises: ImproperlyConfigured, naming the variable that cannot be read.
    """
    parser = argparse.ArgumentParser(prog="manage.py serve", add_help=False, allow_abbrev=False, exit_on_error=False)
    add_arguments(parser)
    try:
        options, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return None
    if unknown:
        return None
    for name in env.VARIABLES:
        env.read(name)  # the programs would fail over it again and again
    return serve(options.host, options.port, say=_say, complain=_complain)


def serve(host: str, port: int, *, say: Say, complain: Say) -> int:
    """Runs the site until it is told to stop; the exit code. 2: it could not begin, and `complain` heard why."""
    site = Site(env.writable_folder("DATA_DIR"), env.read("REDIS_URL"))
    try:
        occupied = occupy(site.data_dir)
    except Occupied as error:
        complain(str(error))
        return 2
    with occupied:
        if not are_tables_there(env.database(env.read("DATABASE_URL"), site.data_dir)):
            complain("The database is not set up: run `manage.py setup_site` (or `make run`) first.")
            return 2
        try:
            listening = bind(host, port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            complain(f"Cannot listen on {host}:{port}: {reason}. Give another --port, or stop what uses this one.")
            return 2
        return _run(site, host, listening, say)


def _run(site: Site, host: str, listening: socket.socket, say: Say) -> int:
    address = web_address(host, listening.getsockname()[1])
    supervisor = Supervisor(programs(site, listening), say=say, is_noise=is_noise)
    threading.Thread(target=_announce, args=(address, say), daemon=True).start()
    code = supervisor.run()
    say("Stopped.")
    return code


def _announce(address: str, say: Say) -> None:
    while not answers(address):
        time.sleep(0.2)
    say(f"Agent Orchestrator is ready: {address}/  (Ctrl-C stops it)")


def programs(site: Site, listening: socket.socket) -> list[Program]:
    """The web process and the worker; with Redis also the scheduler (without it the worker has a timer)."""
    worker = Program(
        "worker", "orchestrator_site.worker", [], quiet=QUIET, environment=env.with_defaults(LEAN | WORKER)
    )
    found = [web_program(listening), worker]
    if site.redis_url:
        schedule = str(site.data_dir / "beat-schedule")
        beat = ["-A", "orchestrator_site", "--quiet", "beat", "-l", "WARNING", "-s", schedule, "--pidfile="]
        found.append(Program("beat", "celery", beat, quiet=QUIET, environment=env.with_defaults(LEAN)))
    return found


def web_program(listening: socket.socket) -> Program:
    quiet = ["-v", "0", "--no-server-name", "orchestrator_site.asgi:application"]
    if listening.family == socket.AF_INET:
        place, descriptors = ["--fd", str(listening.fileno())], [listening.fileno()]
    else:
        host, port = listening.getsockname()[:2]
        listening.close()  # Daphne adopts sockets of IPv4 only
        place, descriptors = ["-b", host, "-p", str(port)], []
    return Program(
        "web",
        "orchestrator_site.web",
        [*place, *quiet],
        fds=descriptors,
        quiet=QUIET,
        environment=env.with_defaults(LEAN),
    )


def web_address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"


def answers(address: str) -> bool:
    """Whether a web server answers `/health` there at all, whatever it says (by hand: an HTTP library weighs 7 MiB)."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    request = f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2) as connection:
            connection.sendall(request.encode())
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def is_noise(line: str) -> bool:
    return any(part in line for part in NOISE)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
