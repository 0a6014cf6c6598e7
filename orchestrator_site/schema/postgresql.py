"""The tables as a PostgreSQL database has them: those its search path finds."""

from typing import Any

from orchestrator_site.schema.shape import REFUSES, Check, Column, ForeignKey, Index, Table, rule_of

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
    SELECT t.relname, k.conname, k.contype, pg_get_constraintdef(k.oid), k.convalidated, other.relname,
      ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY n(num, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.num ORDER BY place),
      ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY n(num, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.num ORDER BY place)
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid LEFT JOIN pg_class other ON other.oid = k.confrelid
    WHERE pg_table_is_visible(t.oid) AND k.contype IN ('c', 'f', 'p')
"""
_INDEXES = """
    SELECT t.relname, i.relname, x.indisunique, x.indisvalid, pg_get_expr(x.indpred, x.indrelid),
      ARRAY(SELECT CASE WHEN x.indoption[n - 1] & 1 = 1 THEN '-' ELSE '' END || coalesce(a.attname::text, '(…)')
            FROM generate_series(1, x.indnkeyatts) n
            LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[n - 1] ORDER BY n)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    WHERE pg_table_is_visible(t.oid) AND NOT x.indisprimary AND NOT EXISTS (
      SELECT FROM pg_opclass o WHERE o.oid = ANY (x.indclass) AND o.opcname LIKE '%%_pattern_ops')
"""
_TRIGGERS = """
    SELECT t.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled::text, p.prosrc
    FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
    WHERE NOT g.tgisinternal AND pg_table_is_visible(t.oid)
"""


def found_tables(cursor: Any) -> dict[str, Table]:
    """Every table of the database, by name. Indexes for LIKE, which Django adds to those of texts, are left out."""
    tables: dict[str, Table] = {}
    for table, column, kind, not_null in _rows(cursor, _COLUMNS):
        tables.setdefault(table, Table(table)).columns[column] = Column(_short(kind), not not_null)
    for table, *constraint in _rows(cursor, _CONSTRAINTS):
        if table in tables:
            _add_constraint(tables[table], *constraint)
    for table, *index in _rows(cursor, _INDEXES):
        if table in tables:
            _add_index(tables[table], *index)
    for table, name, definition, enabled, source in _rows(cursor, _TRIGGERS):
        tables[table].triggers[name] = _meaning(definition, enabled, source)
    return tables


def _rows(cursor: Any, sql: str) -> list[Any]:
    cursor.execute(sql, [])
    rows: list[Any] = cursor.fetchall()
    return rows


def _add_constraint(
    table: Table, name: str, kind: str, sql: str, valid: bool, target: str, columns: list[str], targets: list[str]
) -> None:
    if kind == "p":
        table.primary_key = tuple(columns)
    elif kind == "f":
        table.foreign_keys.add(ForeignKey(tuple(columns), target, tuple(targets)))
    else:
        table.checks.append(Check(rule_of(sql.removesuffix(" NOT VALID"), table.columns), name))
    if not valid:
        table.faults.append(f"constraint {name}: it is NOT VALID, older rows were never checked")


def _add_index(table: Table, name: str, unique: bool, valid: bool, condition: str | None, columns: list[str]) -> None:
    rule = rule_of(condition, table.columns) if condition else None
    table.indexes.append(Index(tuple(columns), unique, rule, name))
    if not valid:
        table.faults.append(f"index {name}: it is invalid, its making was broken off")


def _short(kind: str) -> str:
    return kind.replace("character varying", "varchar")


def _meaning(definition: str, enabled: str, source: str) -> str:
    if enabled == "D":
        return "is switched off"
    plain = " BEFORE UPDATE ON " in definition and " WHEN " not in definition and "RAISE EXCEPTION" in source
    return REFUSES if plain else "does something else"
