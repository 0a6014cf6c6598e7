"""The store's statements on PostgreSQL: over a socket, so all of a group go in one string, their rows as JSON."""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import DataError, OperationalError, ProgrammingError
from msgspec.json import encode

from core.canonical import compact_json
from sessions.engine.store.statements import Insert, Other, Stale, Statement, Update
from sessions.engine.store.tables import Columns, Table

_CASTS = {
    "uuid": "uuid",
    "text": "text",
    "json": "jsonb",
    "time": "timestamptz",
    "number": "bigint",
    "float": "double precision",
}
_DIVISION_BY_ZERO = "22012"
_PREPARED_BEFORE = "42P05"
_ROWS_BY_KEY = (
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
    "SET plan_cache_mode = force_generic_plan"
)
"""Else a plan made while a table was small would read the whole of it ever after."""


_PREPARED: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()
"""By the driver's connection what is prepared on it. A connection is used by one thread at a time."""


class PostgresDialect:
    skip_locked = "FOR UPDATE OF s SKIP LOCKED"
    per_workspace = (
        "SELECT s.* FROM workspace v CROSS JOIN LATERAL (SELECT {columns} FROM agent_session s "
        "WHERE s.workspace_id = v.id AND {ready} ORDER BY {order} LIMIT %s) s"
    )
    now = "clock_timestamp()"
    statement_now = "statement_timestamp()"

    def prepare(self, connection: Any) -> None:
        """Once a connection. A host that vanishes within a transaction must not keep its locks for hours."""
        connection.ensure_connection()
        if connection.connection not in _PREPARED:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '10s'")
            _PREPARED[connection.connection] = set()

    def lock_keys(self, cursor: Any, keys: Sequence[int]) -> None:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])

    def lease_end(self) -> str:
        return "clock_timestamp() + make_interval(secs => %s)"

    def value(self, kind: str, value: Any) -> Any:
        return compact_json(value) if kind == "json" and value is not None else value

    def write(self, connection: Any, statements: Sequence[Statement]) -> None:
        """One round trip: the server takes several statements in one string as one transaction."""
        calls = [_call(statement) for statement in statements]
        with connection.cursor() as cursor:
            self._prepare_calls(cursor, calls, _PREPARED[connection.connection])
            try:
                cursor.execute("; ".join(call.sql for call in calls), [v for call in calls for v in call.values])
            except DataError as error:
                if getattr(error.__cause__, "pgcode", None) == _DIVISION_BY_ZERO:
                    raise Stale("a row was not in the expected state") from error
                raise

    def _prepare_calls(self, cursor: Any, calls: Sequence["_Call"], prepared: set[str]) -> None:
        """Planning the statements of a small group takes the server longer than carrying them out: once is enough."""
        new = {call.name: call.preparation for call in calls if call.name not in prepared}
        if not new:
            return
        try:
            cursor.execute("; ".join([_ROWS_BY_KEY, *new.values()]))
        except ProgrammingError as error:
            if getattr(error.__cause__, "pgcode", None) != _PREPARED_BEFORE:
                raise
            text = (
                "this connection to PostgreSQL was somebody else's before: a pooler between must give each worker "
                "connections of its own (pool_mode = session), see docs/how-to/scale.md"
            )
            raise OperationalError(text) from error
        prepared.update(new)


class _Call(NamedTuple):
    """A statement prepared under a name of its own, and one execution of it."""

    name: str
    preparation: str
    sql: str
    values: list[Any]


def _call(statement: Statement) -> _Call:
    match statement:
        case Insert(table, rows, on_conflict):
            return _Call(*_prepared(_insert_sql(table, on_conflict), ("jsonb",)), [_as_json(rows)])
        case Update(table, key, rows):
            return _Call(*_prepared(_update_sql(table, key), ("jsonb", "bigint")), [_as_json(rows), len(rows)])
        case Other(sql, pairs):
            marked = sql % tuple(f"${place}" for place, _ in enumerate(pairs, 1))
            values = [_as_json(value) if kind == "json" else value for kind, value in pairs]
            return _Call(*_prepared(marked, tuple(_CASTS[kind] for kind, _ in pairs)), values)


def _as_json(value: Any) -> str:
    return encode(value).decode()


@cache
def _prepared(sql: str, kinds: tuple[str, ...]) -> tuple[str, str, str]:
    name = f"engine_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    marks = ", ".join("%s" for _ in kinds)
    return name, f"PREPARE {name} ({', '.join(kinds)}) AS {sql}", f"EXECUTE {name} ({marks})"


@cache
def _insert_sql(table: Table, on_conflict: str) -> str:
    names = ", ".join(f'"{name}"' for name, _ in table.columns)
    values = ", ".join(_element(place, kind) for place, (_, kind) in enumerate(table.columns))
    conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
    return f'INSERT INTO "{table.name}" ({names}) SELECT {values} FROM jsonb_array_elements($1) row{conflict}'


@cache
def _update_sql(table: Table, key: Columns) -> str:
    """Where fewer rows are found than there should be it divides by zero, which undoes the whole string.

    Only the first column of the key finds the row: `IS NOT DISTINCT FROM` keeps the planner from an index on states.
    """
    sets = ", ".join(f'"{name}" = {_element(place, kind)}' for place, (name, kind) in enumerate(table.columns))
    first = len(table.columns)
    (name, kind), *checks = key
    where = [f't."{name}" = {_element(first, kind)}']
    where += [f't."{n}" IS NOT DISTINCT FROM {_element(place, k)}' for place, (n, k) in enumerate(checks, first + 1)]
    update = (
        f'UPDATE "{table.name}" t SET {sets} FROM jsonb_array_elements($1) row WHERE {" AND ".join(where)} RETURNING 1'
    )
    return f"WITH found AS ({update}) SELECT 1 / (count(*) = $2)::int FROM found"


def _element(place: int, kind: str) -> str:
    if kind == "json":
        return f"NULLIF(row -> {place}, 'null')"
    return f"(row ->> {place})::{_CASTS[kind]}"
