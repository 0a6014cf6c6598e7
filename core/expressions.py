"""Database expressions that Django lacks, for SQLite and PostgreSQL alike."""

from typing import Any

from django.db.models import BooleanField, CharField, Func, Value


class ListHas(Func):
    """`filter(ListHas("capabilities", "search"))`: the JSON list in the column has this word as an element."""

    arity = 2
    output_field = BooleanField()

    def __init__(self, column: str, word: str, **extra: Any) -> None:
        super().__init__(column, Value(word, output_field=CharField()), **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXISTS (SELECT 1 FROM json_each(%(expressions)s))"
        return super().as_sql(compiler, connection, template=template, arg_joiner=") WHERE value = (", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" ? ", **context)
