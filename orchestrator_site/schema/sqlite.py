"""The tables as an SQLite database has them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from orchestrator_site.schema.shape import REFUSES, Check, Column, ForeignKey, Index, Table, rule_of


def found_tables(cursor: Any) -> dict[str, Table]:
    """Every table of the database, by name."""
    texts = _texts(cursor)
    tables = {name: _table(cursor, name, sql, texts["index"]) for name, (_table_name, sql) in texts["table"].items()}
    for name, (table, sql) in texts["trigger"].items():
        tables[table].triggers[name] = _meaning(sql)
    return tables


def _texts(cursor: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """By kind (table, index, trigger) and name: the table it belongs to, and the SQL it was made with."""
    texts: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    cursor.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
    for kind, name, table, sql in cursor.fetchall():
        texts[kind][name] = (table, sql)
    return texts


def _table(cursor: Any, name: str, sql: str, indexes: dict[str, tuple[str, str]]) -> Table:
    table = Table(name)
    key: dict[int, str] = {}
    for _cid, column, kind, not_null, _default, place, _hidden in _pragma(cursor, "table_xinfo", name):
        table.columns[column] = Column(kind.lower(), not not_null)
        if place:
            key[place] = column
    table.primary_key = tuple(key[place] for place in sorted(key))
    for constraint, condition in checks_of(sql):
        table.checks.append(Check(rule_of(condition, table.columns), constraint))
    for _seq, index, unique, origin, _partial in _pragma(cursor, "index_list", name):
        if origin != "pk":
            table.indexes.append(_index(cursor, table, index, bool(unique), indexes.get(index, ("", ""))[1]))
    table.foreign_keys = set(_foreign_keys(cursor, name))
    return table


def _index(cursor: Any, table: Table, name: str, unique: bool, sql: str) -> Index:
    rows = [row for row in _pragma(cursor, "index_xinfo", name) if row[5]]
    columns = tuple(f"{'-' if descends else ''}{column}" for _no, _cid, column, descends, _collation, _key in rows)
    condition = sql.partition(" WHERE ")[2]
    named = "" if name.startswith("sqlite_autoindex") else name
    return Index(columns, unique, rule_of(condition, table.columns) if condition else None, named)


def _foreign_keys(cursor: Any, name: str) -> Iterator[ForeignKey]:
    parts: dict[int, list[Any]] = defaultdict(list)
    for row in _pragma(cursor, "foreign_key_list", name):
        parts[row[0]].append(row)
    for rows in parts.values():
        rows.sort(key=lambda row: row[1])
        yield ForeignKey(tuple(row[3] for row in rows), rows[0][2], tuple(row[4] for row in rows))


def _pragma(cursor: Any, pragma: str, name: str) -> list[Any]:
    cursor.execute(f'PRAGMA {pragma}("{name}")')
    rows: list[Any] = cursor.fetchall()
    return rows


_CHECK = re.compile(r'(?:CONSTRAINT\s+"?(\w+)"?\s+)?CHECK\s*\(', re.IGNORECASE)
_PIECE = re.compile(r"'(?:[^']|'')*'|[()]")


def checks_of(sql: str) -> Iterator[tuple[str, str]]:
    """Name ("" without one) and condition of each check in the text of a CREATE TABLE."""
    for start in _CHECK.finditer(sql):
        depth = 1
        for piece in _PIECE.finditer(sql, start.end()):
            depth += {"(": 1, ")": -1}.get(piece.group(), 0)
            if not depth:
                yield start.group(1) or "", sql[start.end() : piece.start()]
                break


def _meaning(sql: str) -> str:
    plain = re.search(r"BEFORE UPDATE ON \S+\s+BEGIN SELECT RAISE\(ABORT", sql, re.IGNORECASE)
    return REFUSES if plain else "does something else"
