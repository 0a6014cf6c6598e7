"""`manage.py verify_schema`: whether a database has every table, column, constraint and index the models speak of."""

import json
from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator_site.database import database_at
from orchestrator_site.schema.present import as_json, lines, summary
from orchestrator_site.schema.verifying import Report, verify

BROKEN, NO_ANSWER = 1, 2


class Command(BaseCommand):
    """Reads only. Exit code 1 when anything is missing or different, 2 when the database does not answer."""

    help = (
        "Check that the database has the tables, columns, constraints and indexes of the models, and say what it lacks"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database-url", default="", help="another database than the one of DATABASE_URL")
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *, database_url: str, json: bool, **options: Any) -> None:
        report = self._report(database_url)
        self.stdout.write(_text(report) if json else "\n".join(lines(report)))
        if not report.is_clean:
            raise CommandError(summary(report), returncode=BROKEN)
        if not json:
            self.stdout.write(summary(report))

    def _report(self, url: str) -> Report:
        try:
            place = database_at(url, init_command="PRAGMA query_only=ON") if url else nullcontext(connection)
            with place as database:
                _refuse_a_missing_file(database)
                return verify(database)
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=NO_ANSWER) from None
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip() or type(error).__name__
            raise CommandError(f"The database could not be read: {reason}", returncode=NO_ANSWER) from None


def _refuse_a_missing_file(database: BaseDatabaseWrapper) -> None:
    """SQLite would make it."""
    name = str(database.settings_dict["NAME"])
    if database.vendor == "sqlite" and not name.startswith("file:") and not Path(name).exists():
        raise CommandError(f"There is no database at {name}: `manage.py migrate` makes it.", returncode=NO_ANSWER)


def _text(report: Report) -> str:
    return json.dumps(as_json(report), indent=2)
