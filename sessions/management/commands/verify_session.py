"""`manage.py verify_session ID…`: is the history whole, and if not, where does it break?"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from core.errors import OrchestratorError
from sessions.models import AgentSession
from sessions.selectors import Verification, verify_session


def an_instant(text: str) -> datetime:
    """A date or a time, UTC where no zone is given. Raises: ValueError."""
    day = parse_date(text)
    found = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Checks the history of sessions: the hash chain of the log, its end, and the rows against what the log says. "
        "Exit codes: 0 all whole, 1 at least one is not, 2 there is nothing to check."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sessions", nargs="*", type=UUID, metavar="ID")
        parser.add_argument("--all", action="store_true", help="every session of the installation")
        parser.add_argument("--workspace", default="", metavar="SLUG", help="every session of this workspace")
        parser.add_argument("--since", type=an_instant, metavar="DATE", help="made since then (2026-11-20, or a time)")

    def handle(self, **options: Any) -> None:
        checked = broken = 0
        for session_id in self._chosen(options):
            try:
                found = verify_session(session_id)
            except OrchestratorError as error:
                raise CommandError(f"{session_id}: {error.message}", returncode=2) from error
            checked += 1
            broken += not found.is_whole
            self._report(found, quiet=options["verbosity"] < 1)
        if not checked:
            raise CommandError("No session matches. Give ids, --all, --workspace SLUG or --since DATE.", returncode=2)
        self.stdout.write(f"{checked - broken} of {checked} whole")
        sys.exit(1 if broken else 0)

    def _chosen(self, options: dict[str, Any]) -> Iterable[UUID]:
        if options["sessions"]:
            return list(options["sessions"])
        if not (options["all"] or options["workspace"] or options["since"]):
            return []
        rows = AgentSession.objects.kept().order_by("id")
        if options["workspace"]:
            rows = rows.filter(workspace__slug=options["workspace"])
        if options["since"]:
            rows = rows.filter(created_at__gte=options["since"])
        return rows.values_list("id", flat=True).iterator()

    def _report(self, found: Verification, *, quiet: bool) -> None:
        if found.is_whole and not quiet:
            note = "" if found.is_compared else "  (rows not compared: it moves on)"
            self.stdout.write(f"whole   {found.session_id}  {found.events} events, last hash {found.last_hash}{note}")
        for problem in found.problems:
            self.stdout.write(f"BROKEN  {found.session_id}  at event {problem.seq}: {problem.message} [{problem.code}]")
