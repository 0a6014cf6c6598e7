"""`manage.py prune_sessions`: what housekeeping does for the retention, now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clock import SYSTEM_CLOCK
from sessions.selectors.retention import due_sessions, half_pruned, pruning_workspaces
from sessions.services import prune_sessions
from workspaces.models import Workspace


class Command(BaseCommand):
    help = (
        "Deletes finished sessions past the retention of their workspace, each exported before where the workspace "
        "wants it. The worker does the same by itself every minute. Exit code 1 when an export cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", default="", metavar="SLUG", help="only the sessions of this workspace")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")

    def handle(self, **options: Any) -> None:
        slug = options["workspace"]
        if slug and not Workspace.objects.filter(slug=slug).exists():
            raise CommandError(f"There is no workspace {slug}.")
        if options["dry_run"]:
            self._foretell(slug)
            return
        report = prune_sessions(workspace_slug=slug)
        for name, count in sorted(report.sessions.items()):
            self.stdout.write(f"{name}: {count} sessions deleted")
        if report.failure:
            raise CommandError(report.failure)
        self.stdout.write(f"{report.sessions.total()} sessions, {report.rows} rows")

    def _foretell(self, slug: str) -> None:
        now, unfinished = SYSTEM_CLOCK.now(), half_pruned().count()
        workspaces = list(pruning_workspaces(slug))
        if not workspaces:
            self.stdout.write(f"{slug or 'Every workspace'} keeps its sessions for ever (Settings, Retention)")
        for workspace in workspaces:
            rows, exported = due_sessions(workspace, now), workspace.export_before_pruning
            how = "exported and deleted" if exported else "deleted without an export"
            self.stdout.write(f"{workspace.slug}: {rows.count()} sessions older than {workspace.retention_days} days")
            for session in rows[:20]:
                self.stdout.write(f"  {session.id}  ended {session.completed_at:%Y-%m-%d}, would be {how}")
        if unfinished:
            self.stdout.write(f"{unfinished} sessions are half deleted; the next run goes on with them")
