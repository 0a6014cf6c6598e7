"""`manage.py setup_site`: bring this installation up to date with the code. Twice changes nothing."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from core.errors import OrchestratorError
from orchestrator_site import env
from orchestrator_site.setup.administrator import ensure_administrator
from orchestrator_site.setup.sample_data import add_sample_data
from orchestrator_site.setup.static_files import build_static_files
from workspaces.services import ensure_default_workspace


class Command(BaseCommand):
    """Tables, static files, administrator, default workspace, sample data; each only where it is missing."""

    help = "Migrate the database, collect static files, make the administrator and the sample data where missing"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--static", action="store_true", help="only collect the static files")
        parser.add_argument("--quiet", action="store_true", help="say only what has to be known")

    def handle(self, *, static: bool, quiet: bool, **options: Any) -> None:
        self.quiet = quiet
        try:
            if build_static_files():
                self.note("Collected the static files")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if static:
            return
        call_command("migrate", interactive=False, verbosity=0)
        administrator = ensure_administrator(password=env.read("ADMIN_PASSWORD"), say=self.stdout.write)
        ensure_default_workspace(administrator)
        if env.read("DEMO"):
            self.add_sample_data(administrator)

    def add_sample_data(self, owner: User) -> None:
        try:
            if add_sample_data(owner=owner):
                self.note("Added the sample documents and an example session (DEMO=0 leaves them out)")
        except OrchestratorError as error:
            self.stdout.write(f"The sample data was not added: {error.message}")

    def note(self, sentence: str) -> None:
        if not self.quiet:
            self.stdout.write(sentence)
