"""`manage.py export_session ID`: a session as one file that can be checked anywhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentSession
from sessions.selectors.bundle import write_bundle


class Command(BaseCommand):
    help = "Writes a session with its whole log into a zip that examples/verify_bundle.py can check."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("session", type=UUID, metavar="ID")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: session-ID.zip, here")

    def handle(self, **options: Any) -> None:
        session = AgentSession.objects.kept().filter(pk=options["session"]).first()
        if session is None:
            raise CommandError(f"There is no session {options['session']}.")
        path: Path = options["output"] or Path(f"session-{session.pk}.zip")
        try:
            manifest = self._write(session, path)
        except FileExistsError as error:
            raise CommandError(f"{path} is there already: give another name with -o.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        counts = ", ".join(f"{count} {name}" for name, count in manifest["counts"].items() if name != "session")
        self.stdout.write(f"{path}: {counts}; last hash {manifest['last_hash']}")

    def _write(self, session: AgentSession, path: Path) -> dict[str, Any]:
        """Raises: OSError, and what else may happen; with no half of a bundle left behind."""
        with path.open("xb") as file:
            try:
                return write_bundle(session, file, now=SYSTEM_CLOCK.now())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
