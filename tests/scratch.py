"""Databases of a test's own beside the one all tests share: empty, or a copy of another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import getpid
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from psycopg2 import connect
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

_numbers = count(1)


@contextmanager
def scratch_database(folder: Path, *, copy_of: str = "") -> Iterator[str]:
    """The address of a database of the kind the tests run on; gone afterwards."""
    name = f"orchestrator_scratch_{getpid()}_{next(_numbers)}"
    if connection.vendor == "sqlite":
        path = folder / f"{name}.sqlite3"
        if copy_of:
            shutil.copy(copy_of.removeprefix("sqlite:///"), path)
        yield f"sqlite:///{path}"
        return
    template = f" TEMPLATE {copy_of.rpartition('/')[2]}" if copy_of else ""
    _on_the_server(f"CREATE DATABASE {name}{template}")
    try:
        entry = settings.DATABASES["default"]
        owner = quote(entry["USER"]) + (f":{quote(entry['PASSWORD'])}" if entry["PASSWORD"] else "")
        yield f"postgresql://{owner}@{entry['HOST']}:{entry['PORT'] or 5432}/{name}"
    finally:
        _on_the_server(f"DROP DATABASE {name}")


def _on_the_server(sql: str) -> None:
    entry = settings.DATABASES["default"]
    server = connect(
        dbname="postgres",
        user=entry["USER"],
        password=entry["PASSWORD"] or None,
        host=entry["HOST"],
        port=entry["PORT"] or None,
    )
    try:
        server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with server.cursor() as cursor:
            cursor.execute(sql)
    finally:
        server.close()
