#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
    try:
        execute()
    except KeyboardInterrupt:
        sys.exit(130)  # also while modules are still being imported, or files read: no traceback for Ctrl-C


def execute() -> None:
    from django.core.exceptions import ImproperlyConfigured

    try:
        if sys.argv[1:2] == ["serve"]:
            serve_lightly()
        run_command()
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # a setting that cannot be read: its name and what is wrong with it, not a traceback


def serve_lightly() -> None:
    """`serve` lives as long as the site: it runs here, without Django, unless options of Django's are given."""
    from orchestrator_site.serving import try_to_serve

    code = try_to_serve(sys.argv[2:])
    if code is not None:
        sys.exit(code)


def run_command() -> None:
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
