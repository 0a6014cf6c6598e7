"""The store's statements on SQLite: in-process, so a row costs microseconds and a round trip nothing."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django.db import transaction

from core.canonical import compact_json
from sessions.engine.store.statements import Insert, Other, Stale, Statement, Update
from sessions.engine.store.tables import Columns, Row, Table


class SqliteDialect:
    skip_locked = ""
    per_workspace = (
        "SELECT {columns} FROM workspace v CROSS JOIN agent_session s WHERE s.id IN "
        "(SELECT s.id FROM agent_session s WHERE s.workspace_id = v.id AND {ready} ORDER BY {order} LIMIT %s)"
    )
    now = "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now')"
    statement_now = now

    def prepare(self, connection: Any) -> None:
        """The busy timeout of the connection does it."""

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        """A transaction that writes is alone anyway."""

    def lease_end(self) -> str:
        return "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now', '+' || %s || ' seconds')"

    def value(self, kind: str, value: Any) -> Any:
        convert = _CONVERSIONS.get(kind)
        return convert(value) if convert and value is not None else value

    def write(self, connection: Any, statements: Sequence[Statement]) -> None:
        """Through the driver itself: Django's cursor rewrites and wraps every statement, which costs more than it."""
        with transaction.atomic(using=connection.alias), connection.wrap_database_errors:
            for statement in statements:
                self._carry_out(connection.connection, statement)

    def _carry_out(self, driver: Any, statement: Statement) -> None:
        match statement:
            case Insert(table, rows, on_conflict):
                driver.executemany(_insert_sql(table, on_conflict), _adapted(table.columns, rows))
            case Update(table, key, rows):
                done = driver.executemany(_update_sql(table, key), _adapted((*table.columns, *key), rows))
                if done.rowcount != len(rows):
                    raise Stale(f"{len(rows) - done.rowcount} rows of {table.name} were not in the expected state")
            case Other(sql, values):
                driver.execute(sql.replace("%s", "?"), [self.value(kind, value) for kind, value in values])


@cache
def _insert_sql(table: Table, on_conflict: str) -> str:
    names = ", ".join(f'"{name}"' for name, _ in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks}){conflict}'


@cache
def _update_sql(table: Table, key: Columns) -> str:
    sets = ", ".join(f'"{name}" = ?' for name, _ in table.columns)
    where = " AND ".join(f'"{name}" = ?' for name, _ in key)
    return f'UPDATE "{table.name}" SET {sets} WHERE {where}'


def _adapted(columns: Columns, rows: Iterable[Row]) -> Iterable[list[Any]]:
    conversions = _conversions(columns)
    for row in rows:
        values = list(row)
        for place, convert in conversions:
            if values[place] is not None:
                values[place] = convert(values[place])
        yield values


@cache
def _conversions(columns: Columns) -> list[tuple[int, Callable[[Any], Any]]]:
    """Those columns whose values the driver does not take as they are."""
    return [(place, _CONVERSIONS[kind]) for place, (_, kind) in enumerate(columns) if kind in _CONVERSIONS]


@lru_cache(maxsize=512)
def _time(value: datetime) -> str:
    """The rows of a batch share their instant."""
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds")


def _id(value: Any) -> str:
    return str(value).replace("-", "")


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"uuid": _id, "json": compact_json, "time": _time}
