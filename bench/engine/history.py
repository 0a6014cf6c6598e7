"""Many finished sessions, fast: `python -m bench.engine.history '{"session": ID, "count": N}'` copies one N times.

Every row that belongs to the session (found by the models' foreign keys) is copied with new keys; ids inside JSON and
inside the events follow, and the events are hashed anew: every copy is a whole session with a log that verifies.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from itertools import islice
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402

from core.ids import new_id  # noqa: E402
from sessions.events import GENESIS_HASH, next_hash  # noqa: E402
from sessions.models import AgentSession, SessionEvent  # noqa: E402
from workspaces.models import AuditEntry  # noqa: E402

Row = dict[str, Any]
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table that belong to the session; a key that the database numbers is left out."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]


def tables_of(session_id: UUID) -> list[Table]:
    """Tables in an order in which their rows can be written."""
    found: dict[type[models.Model], list[Row]] = {AgentSession: _rows(AgentSession, "id", [session_id])}
    candidates = [model for model in apps.get_app_config("agent_sessions").get_models() if model is not AgentSession]
    while new := [(model, rows) for model in candidates if model not in found and (rows := _owned(model, found))]:
        found.update(new)
    found[AuditEntry] = _rows(AuditEntry, "object_id", [str(session_id)])
    return [_table(model, rows) for model, rows in found.items()]


def _owned(model: type[models.Model], found: Mapping[type[models.Model], list[Row]]) -> list[Row]:
    """Rows that point, by a key that is never empty, at rows that were found."""
    for field in model._meta.concrete_fields:
        owner = field.related_model
        if field.is_relation and not field.null and owner in found and owner is not model:
            return _rows(model, field.column, [row[owner._meta.pk.column] for row in found[owner]])
    return []


def _rows(model: type[models.Model], column: str, values: Sequence[Any]) -> list[Row]:
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    prepared = [field.get_db_prep_value(value, connection) for value in values]
    marks = ", ".join(["%s"] * len(prepared))
    order = model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT * FROM "{model._meta.db_table}" WHERE "{column}" IN ({marks}) ORDER BY "{order}"', prepared
        )
        names = [entry[0] for entry in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _table(model: type[models.Model], rows: list[Row]) -> Table:
    numbered = {model._meta.pk.column} if isinstance(model._meta.pk, models.AutoField) else set()
    columns = [field.column for field in model._meta.concrete_fields if field.column not in numbered]
    return Table(model._meta.db_table, columns, rows)


class Copier:
    """Makes one copy after the other of the same rows."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tables
        keys = [row["id"] for table in tables for row in table.rows if "id" in table.columns]
        self._keys = {UUID(str(key)).hex for key in keys}

    def copy(self, number: int) -> Iterator[tuple[Table, list[list[Any]]]]:
        """Each table with the copied values of its rows. Copy `number` was created that many milliseconds earlier."""
        renamed = {key: new_id() for key in self._keys}
        last_hash = GENESIS_HASH
        copies: dict[str, list[Row]] = {}
        for table in self._tables:
            copies[table.name] = [
                {column: _renamed(row[column], renamed) for column in table.columns} for row in table.rows
            ]
        for row in copies[SessionEvent._meta.db_table]:
            row["hash"] = last_hash = next_hash(last_hash, row["payload"])
        for row in copies[AgentSession._meta.db_table]:
            row["last_hash"], row["idempotency_key"] = last_hash, None
            row["created_at"] = _earlier(row["created_at"], number)
        for table in self._tables:
            yield table, [list(row.values()) for row in copies[table.name]]


def _renamed(value: Any, renamed: Mapping[str, UUID]) -> Any:
    if isinstance(value, UUID):
        return renamed.get(value.hex, value)
    return _ID.sub(lambda found: _new_name(found[0], renamed), value) if isinstance(value, str) else value


def _new_name(old: str, renamed: Mapping[str, UUID]) -> str:
    new = renamed.get(old.replace("-", ""))
    if new is None:
        return old
    return str(new) if "-" in old else new.hex


def _earlier(instant: Any, milliseconds: int) -> Any:
    """SQLite's text keeps its instant: what matters is the key's order."""
    return instant if isinstance(instant, str) else instant - timedelta(milliseconds=milliseconds)


def write_copies(copier: Copier, count: int) -> None:
    numbers = iter(range(count))
    while some := list(islice(numbers, _AT_ONCE)):
        gathered: dict[str, tuple[Table, list[list[Any]]]] = {}
        for number in some:
            for table, rows in copier.copy(number):
                gathered.setdefault(table.name, (table, []))[1].extend(rows)
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL session_replication_role = replica")  # no look at every foreign key
            for table, rows in gathered.values():
                _write(cursor, table, rows)


def _write(cursor: Any, table: Table, rows: list[list[Any]]) -> None:
    columns = ", ".join(f'"{column}"' for column in table.columns)
    if connection.vendor == "postgresql":
        lines = "".join("\t".join(map(_copy_text, row)) + "\n" for row in rows)
        cursor.copy_expert(f'COPY "{table.name}" ({columns}) FROM STDIN', StringIO(lines))
    else:
        marks = ", ".join(["%s"] * len(table.columns))
        cursor.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', rows)


def _copy_text(value: Any) -> str:
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def settle() -> None:
    """What the database would do by itself sooner or later is done now and not while something is measured."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def main() -> None:
    order = json.loads(sys.argv[1])
    tables = tables_of(UUID(order["session"]))
    write_copies(Copier(tables), order["count"])
    settle()
    print(json.dumps({"rows_each": {table.name: len(table.rows) for table in tables if table.rows}}))


if __name__ == "__main__":
    main()
