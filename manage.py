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
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # a setting that cannot be read: its name and what is wrong with it, not a traceback


if __name__ == "__main__":
    main()
