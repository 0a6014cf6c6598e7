"""`manage.py serve` with Django's own options (`--settings`, `--verbosity`, …); without them see `manage.py`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from orchestrator_site import serving


class Command(BaseCommand):
    help = serving.DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        serving.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(serving.serve(options["host"], options["port"], say=self._say, complain=self.stderr.write))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
