"""Another database than the one of the settings, for as long as a command needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator_site import env

ALIAS = "given"


@contextmanager
def database_at(url: str, *, init_command: str = "") -> Iterator[BaseDatabaseWrapper]:
    """A connection to the database at `url`, known to Django as `given` until the block ends.

    `init_command` replaces what an SQLite connection begins with. Raises: ImproperlyConfigured when the address cannot
    be read, without repeating it: it may hold a password.
    """
    entry = _entry(url)
    if "init_command" in entry["OPTIONS"] and init_command:
        entry["OPTIONS"]["init_command"] = init_command
    connections.settings[ALIAS] = connections.configure_settings({DEFAULT_DB_ALIAS: {}, ALIAS: entry})[ALIAS]
    try:
        yield connections[ALIAS]
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]


def _entry(url: str) -> dict[str, Any]:
    try:
        env.read("DATABASE_URL", {"DATABASE_URL": url})
        return env.database(url, Path(settings.DATA_DIR))
    except (ImproperlyConfigured, ValueError):
        raise ImproperlyConfigured(
            "This address of a database cannot be read. Write sqlite:///PATH or "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME, with %XX for the special characters of a password."
        ) from None
