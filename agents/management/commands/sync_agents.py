"""`manage.py sync_agents`: bring the agent definitions in line with the code, and say what changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.services import sync_definitions


class Command(BaseCommand):
    help = "Bring the agent definitions in line with the registered classes. Exit code 1 when a module fails to load."

    def handle(self, *args: Any, **options: Any) -> None:
        report = sync_definitions()
        for word, slugs in (("new", report.created), ("changed", report.updated), ("disabled", report.disabled)):
            if slugs:
                self.stdout.write(f"{word}: {', '.join(slugs)}")
        if not (report.created or report.updated or report.disabled):
            self.stdout.write("nothing changed")
        if report.failures:
            lines = [f"{module}: {reason}" for module, reason in report.failures.items()]
            raise CommandError("these modules could not be loaded:\n" + "\n".join(lines))
