"""Whether the database has its tables, asked before Django is loaded."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

TABLE = "agent_session"
_MISSING = 3


def are_tables_there(database: Mapping[str, Any]) -> bool:
    """`database` as in Django's DATABASES. One that does not answer counts as set up: the programs wait for it."""
    if database["ENGINE"].endswith("sqlite3"):
        return _are_in_file(Path(database["NAME"]))
    command = [sys.executable, "-m", "orchestrator_site.setup.tables"]
    return subprocess.run(command, check=False).returncode != _MISSING  # noqa: S603  (our own module)


def _are_in_file(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [TABLE])
            return found.fetchone() is not None
    except sqlite3.Error:
        return True


def main() -> None:
    """A process of its own for a database that needs a driver."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
    from django.db import OperationalError, connection  # here: the caller above must stay without Django

    try:
        sys.exit(0 if TABLE in connection.introspection.table_names() else _MISSING)
    except OperationalError:
        sys.exit(0)


if __name__ == "__main__":
    main()
