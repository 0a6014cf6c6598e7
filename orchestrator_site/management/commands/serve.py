"""`manage.py serve`: the whole site from one command."""

import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection

from orchestrator_site.supervisor import Program, Supervisor, bind

NOISE = (
    "Warm shutdown",
    "Cold shutdown",
    "MainProcess",
    "Killed by signal",
    "Received SIGTERM",
)


QUIET = ("You're running the worker with superuser", "No directory at")


class Command(BaseCommand):
    help = "Runs the web process and the worker; restarts either when it dies; Ctrl-C stops both."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.SERVICE_HOST, help="SERVICE_HOST unless given")
        parser.add_argument(
            "--port", type=int, default=settings.SERVICE_PORT, help="SERVICE_PORT unless given; 0: any free one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not is_set_up():
            self.stderr.write("The database is not set up: run `manage.py setup_site` (or `make run`) first.")
            sys.exit(2)
        try:
            listening = bind(host, port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            self.stderr.write(
                f"Cannot listen on {host}:{port}: {reason}. Give another --port, or stop what uses this one."
            )
            sys.exit(2)
        address = web_address(host, listening.getsockname()[1])
        supervisor = Supervisor(programs(listening), say=self._say, is_noise=is_noise)
        threading.Thread(target=self._announce, args=(address,), daemon=True).start()
        code = supervisor.run()
        self._say("Stopped.")
        sys.exit(code)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _announce(self, address: str) -> None:
        while not answers(f"{address}/health"):
            time.sleep(0.2)
        self._say(f"Agent Orchestrator is ready: {address}/  (Ctrl-C stops it)")


def is_set_up() -> bool:
    """Whether the tables are there. A database that does not answer counts: the programs wait for it."""
    try:
        return "agent_session" in connection.introspection.table_names()
    except OperationalError:
        return True
    finally:
        connection.close()


def programs(listening: socket.socket) -> list[Program]:
    """The web process and the worker; with Redis also the scheduler (without it the worker has a timer)."""
    worker = ["-A", "orchestrator_site", "--quiet", "worker", "-P", "threads", "-c", "4", "-l", "WARNING"]
    found = [
        web_program(listening),
        Program(
            "worker", "celery", [*worker, "--without-gossip", "--without-mingle", "--without-heartbeat"], quiet=QUIET
        ),
    ]
    if settings.REDIS_URL:
        schedule = str(settings.DATA_DIR / "beat-schedule")
        beat = ["-A", "orchestrator_site", "--quiet", "beat", "-l", "WARNING", "-s", schedule, "--pidfile="]
        found.append(Program("beat", "celery", beat, quiet=QUIET))
    return found


def web_program(listening: socket.socket) -> Program:
    quiet = ["-v", "0", "--no-server-name", "orchestrator_site.asgi:application"]
    if listening.family == socket.AF_INET:
        return Program(
            "web", "daphne", ["--fd", str(listening.fileno()), *quiet], fds=[listening.fileno()], quiet=QUIET
        )
    host, port = listening.getsockname()[:2]
    listening.close()  # Daphne adopts sockets of IPv4 only
    return Program("web", "daphne", ["-b", host, "-p", str(port), *quiet], quiet=QUIET)


def web_address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"


def answers(url: str) -> bool:
    """Whether the web process answers at all, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  (our own address)
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def is_noise(line: str) -> bool:
    return any(part in line for part in NOISE)
