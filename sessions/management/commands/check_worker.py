"""`manage.py check_worker`: whether this machine's engine is alive, for the health checks of containers."""

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.conf import agents_enabled
from core.machine import this_machine
from sessions.selectors.workers import live_worker_on


class Command(BaseCommand):
    help = "Exit 0 when an engine on this machine holds its lease (or agents are switched off), 1 when none does"
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        if not agents_enabled():
            self.stdout.write("Agents are switched off (AGENTS_ENABLED=false), so no engine runs.")
            return
        worker = live_worker_on(this_machine())
        host = socket.gethostname()
        if worker is None:
            raise CommandError(
                f"No engine on {host} holds a lease. Start a worker here, or read why its log says it cannot."
            )
        self.stdout.write(f"The engine of process {worker.pid} on {host} is alive.")
