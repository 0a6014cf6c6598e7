"""What differs between the databases: how values are passed, how many rows are written at once, which clock counts."""

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from core.canonical import compact_json
from sessions.engine.store.tables import Row, Table

CASTS = {
    "uuid": "uuid",
    "text": "text",
    "json": "jsonb",
    "time": "timestamptz",
    "number": "bigint",
    "float": "double precision",
}


class Dialect(Protocol):
    """One database product."""

    skip_locked: str
    now: str
    statement_now: str  # of the statement's beginning: an index can be searched with it
    per_workspace: str
    json_mark: str
    time_mark: str

    def insert(self, cursor: Any, table: Table, rows: Iterable[Row]) -> None:
        """Insert all rows."""
        ...

    def update(
        self, cursor: Any, table: Table, key: Sequence[tuple[str, str]], rows: Sequence[tuple[Row, Row]]
    ) -> set[str]:
        """Update (key values, new values) rows; the first key column (an id) of each row that was found."""
        ...

    def prepare(self, connection: Any) -> None:
        """Bound how long this thread's connection waits, and lets others wait. To be called outside any transaction."""
        ...

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        """Hold the locks of these numbers, which are in order, until the end of the transaction."""
        ...

    def value(self, kind: str, value: Any) -> Any:
        """A Python value as this database's driver takes it."""
        ...

    def lease_end(self) -> str:
        """SQL for the instant `%s` seconds from the database's now."""
        ...


def as_json(value: Any) -> str | None:
    return None if value is None else compact_json(value)


class SqliteDialect:
    """In-process: one statement a row costs microseconds."""

    skip_locked = ""
    per_workspace = (
        "SELECT {columns} FROM workspace v CROSS JOIN agent_session s WHERE s.id IN "
        "(SELECT s.id FROM agent_session s WHERE s.workspace_id = v.id AND {ready} ORDER BY {order} LIMIT %s)"
    )
    json_mark = time_mark = "%s"
    now = "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now')"
    statement_now = now

    def prepare(self, connection: Any) -> None:
        """The busy timeout of the connection does it."""

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        """A transaction that writes is alone anyway."""

    def lease_end(self) -> str:
        return "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now', '+' || %s || ' seconds')"

    def insert(self, cursor: Any, table: Table, rows: Iterable[Row]) -> None:
        names = ", ".join(f'"{name}"' for name, _ in table.columns)
        marks = ", ".join("%s" for _ in table.columns)
        cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', self._adapt(table.columns, rows))

    def update(
        self, cursor: Any, table: Table, key: Sequence[tuple[str, str]], rows: Sequence[tuple[Row, Row]]
    ) -> set[str]:
        sets = ", ".join(f'"{name}" = %s' for name, _ in table.columns)
        where = " AND ".join(f'"{name}" = %s' for name, _ in key)
        sql = f'UPDATE "{table.name}" SET {sets} WHERE {where}'
        found = set()
        for keys, values in rows:
            cursor.execute(sql, [*self._row(table.columns, values), *self._row(key, keys)])
            if cursor.rowcount:
                found.add(keys[0])
        return found

    def _adapt(self, columns: Sequence[tuple[str, str]], rows: Iterable[Row]) -> list[list[Any]]:
        return [self._row(columns, row) for row in rows]

    def _row(self, columns: Sequence[tuple[str, str]], row: Row) -> list[Any]:
        return [self.value(kind, value) for (_, kind), value in zip(columns, row, strict=True)]

    def value(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        convert = _SQLITE.get(kind)
        return convert(value) if convert else value


class PostgresDialect:
    """Over a socket: all rows of a table in one statement."""

    skip_locked = "FOR UPDATE OF s SKIP LOCKED"
    per_workspace = (
        "SELECT s.* FROM workspace v CROSS JOIN LATERAL (SELECT {columns} FROM agent_session s "
        "WHERE s.workspace_id = v.id AND {ready} ORDER BY {order} LIMIT %s) s"
    )
    now = "clock_timestamp()"
    statement_now = "statement_timestamp()"
    json_mark, time_mark = "%s::jsonb", "%s::timestamptz"

    def __init__(self) -> None:
        self._prepared = threading.local()

    def prepare(self, connection: Any) -> None:
        """Once a connection. A host that vanishes within a transaction must not keep its locks for hours."""
        connection.ensure_connection()
        if getattr(self._prepared, "connection", None) is not connection.connection:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '10s'")
            self._prepared.connection = connection.connection

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])

    def lease_end(self) -> str:
        return "clock_timestamp() + make_interval(secs => %s)"

    def insert(self, cursor: Any, table: Table, rows: Iterable[Row]) -> None:
        names = ", ".join(f'"{name}"' for name, _ in table.columns)
        self._values(cursor, f'INSERT INTO "{table.name}" ({names}) VALUES %s', self._adapt(table.columns, rows))

    def update(
        self, cursor: Any, table: Table, key: Sequence[tuple[str, str]], rows: Sequence[tuple[Row, Row]]
    ) -> set[str]:
        columns = [(f"k{number}", kind) for number, (_, kind) in enumerate(key)] + list(table.columns)
        sets = ", ".join(f'"{name}" = v."{name}"' for name, _ in table.columns)
        where = " AND ".join(f't."{name}" = v.k{number}' for number, (name, _) in enumerate(key))
        names = ", ".join(f'"{name}"' for name, _ in columns)
        template = "(" + ", ".join(f"%s::{CASTS[kind]}" for _, kind in columns) + ")"
        sql = f'UPDATE "{table.name}" t SET {sets} FROM (VALUES %s) v({names}) WHERE {where} RETURNING v.k0'
        values = self._adapt(columns, [(*keys, *new) for keys, new in rows])
        return {str(row[0]) for row in self._values(cursor, sql, values, template=template, fetch=True) or ()}

    def _values(self, cursor: Any, sql: str, rows: Sequence[Any], **options: Any) -> Any:
        from psycopg2.extras import execute_values

        return execute_values(cursor.cursor, sql, rows, page_size=500, **options)

    def _adapt(self, columns: Sequence[tuple[str, str]], rows: Iterable[Row]) -> list[list[Any]]:
        return [[self.value(kind, value) for (_, kind), value in zip(columns, row, strict=True)] for row in rows]

    def value(self, kind: str, value: Any) -> Any:
        return as_json(value) if kind == "json" else value


def _sqlite_time(value: datetime) -> str:
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds")


_SQLITE: dict[str, Callable[[Any], Any]] = {
    "uuid": lambda value: str(value).replace("-", ""),
    "json": as_json,
    "time": _sqlite_time,
}


def id_of(value: Any) -> str:
    """A key as read from any of the databases, in the engine's form (hyphenated text)."""
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)))
