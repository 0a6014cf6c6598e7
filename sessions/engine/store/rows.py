"""Rows by raw SQL, in the engine's own types: a claim reads nine tables, and Django's objects took most of its time."""

import json
import uuid
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connections

from sessions.engine.store.tables import Columns


@dataclass(frozen=True, slots=True)
class Query:
    """`columns` are (expression, kind) as in `tables`; `source` is what follows them, with `{keys}` for the keys."""

    columns: Columns
    source: str
    row: Callable[..., Any]


def query(columns: str, source: str) -> Query:
    """`columns` are `expression:kind`; a row's attribute is named as what follows the expression's dot."""
    pairs = tuple((name, kind) for name, _, kind in (column.rpartition(":") for column in columns.split()))
    names = [expression.rpartition(".")[2] for expression, _ in pairs]
    return Query(pairs, source, namedtuple("Row", names)._make)  # type: ignore[attr-defined]


class RowReader:
    """Reads on the calling thread's connection."""

    def __init__(self, alias: str = "default") -> None:
        self._alias = alias
        is_sqlite = connections[alias].vendor == "sqlite"
        self._conversions = _SQLITE if is_sqlite else _POSTGRES
        self._key: Callable[[str], Any] = (lambda key: key.replace("-", "")) if is_sqlite else str

    def read(self, wanted: Query, keys: Sequence[str]) -> list[Any]:
        """The rows of these keys."""
        if not keys:
            return []
        marks = ", ".join(["%s"] * len(keys))
        names = ", ".join(name for name, _ in wanted.columns)
        with connections[self._alias].cursor() as cursor:
            cursor.execute(f"SELECT {names} {wanted.source.format(keys=marks)}", [self._key(key) for key in keys])
            found = cursor.fetchall()
        conversions = [
            (place, self._conversions[kind])
            for place, (_, kind) in enumerate(wanted.columns)
            if kind in self._conversions
        ]
        return [wanted.row(_converted(row, conversions)) for row in found]


def _converted(row: Sequence[Any], conversions: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for place, convert in conversions:
        if values[place] is not None:
            values[place] = convert(values[place])
    return values


def _aware(instant: datetime) -> datetime:
    """Django's driver has read the text; that it is UTC only Django knows."""
    return instant.replace(tzinfo=UTC)


_SQLITE: Mapping[str, Callable[[Any], Any]] = {
    "uuid": lambda text: str(uuid.UUID(text)),
    "json": json.loads,
    "time": _aware,
}
_POSTGRES: Mapping[str, Callable[[Any], Any]] = {"uuid": str, "json": json.loads}
