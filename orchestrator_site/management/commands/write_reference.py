"""`manage.py write_reference`: bring the generated parts of docs/reference up to date with the code."""

from typing import Any

from django.core.management.base import BaseCommand

from orchestrator_site.reference.pages import BLOCKS, PAGES, present_page


class Command(BaseCommand):
    """Writes only the blocks between the markers; the prose around them is written by people."""

    help = "Write the generated parts of docs/reference"
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        for file, _render in BLOCKS.values():
            text = present_page(file)
            if (PAGES / file).read_text() != text:
                (PAGES / file).write_text(text)
                self.stdout.write(f"Wrote {file}")
