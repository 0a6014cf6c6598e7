"""Health checks of what every app stands on: the database and the disk."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from core.health import Finding, HealthStatus

MEBIBYTE = 1024 * 1024
LITTLE_SPACE_BYTES = 500 * MEBIBYTE
NO_SPACE_BYTES = 20 * MEBIBYTE

_all_applied: set[str] = set()
"""Databases on which no migration of this process's code was missing: they need no second look, which reads files."""


def check_database() -> Finding:
    """Whether it answers, and has the tables this code needs."""
    try:
        version = _server_version()
        missing = _pending_migrations()
    except DatabaseError as error:
        return Finding(HealthStatus.DOWN, f"The database does not answer ({type(error).__name__}).")
    details: dict[str, Any] = {"vendor": connection.vendor, "version": version, "pending_migrations": missing}
    if missing:
        sentence = f"{len(missing)} migrations are missing. Run `manage.py setup_site` of this version."
        return Finding(HealthStatus.DEGRADED, sentence, details)
    return Finding(HealthStatus.OK, f"{connection.display_name} {version} answers; all migrations are in.", details)


def _server_version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 1")
            return sqlite3.sqlite_version
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def _pending_migrations() -> list[str]:
    database = str(connection.settings_dict["NAME"])
    if database in _all_applied:
        return []
    loader = MigrationLoader(connection)
    missing = sorted(f"{app}.{name}" for app, name in set(loader.disk_migrations) - set(loader.applied_migrations))
    if not missing:
        _all_applied.add(database)
    return missing


def check_disk(folder: Path) -> Finding:
    """Whether files (and the database, where it is one) can still grow."""
    space = shutil.disk_usage(folder)
    details = {"free_bytes": space.free, "total_bytes": space.total}
    room = f"{space.free // MEBIBYTE:,} MiB are free in the data folder"
    if space.free < NO_SPACE_BYTES:
        return Finding(HealthStatus.DOWN, f"{room}: nothing can be written. Make room now.", details)
    if space.free < LITTLE_SPACE_BYTES:
        return Finding(HealthStatus.DEGRADED, f"{room}. Make room, or shorten the retention.", details)
    return Finding(HealthStatus.OK, f"{room}.", details)
