"""Steps of migrations that Django has none for."""

from typing import Any

from django.db.migrations.operations.base import Operation


class ForeignKeysWithoutIndex(Operation):
    """Foreign keys that begin another index give up their own: `ForeignKeysWithoutIndex(agent=["workspace"])`.

    The same as `AlterField` with `db_index=False`, but nothing is done to the tables: that one copies them on SQLite,
    and on PostgreSQL takes unique constraints with a condition on the same column along (Django 5.2).
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, **fields: list[str]) -> None:
        self.fields = fields

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], dict(self.fields)

    def describe(self) -> str:
        return f"Drop the own indexes of foreign keys of {', '.join(self.fields)}"

    def state_forwards(self, app_label: str, state: Any) -> None:
        for model, names in self.fields.items():
            fields = state.models[app_label, model].fields
            for name in names:
                fields[name] = fields[name].clone()
                fields[name].db_index = False
        state.reload_models({(app_label, model) for model in self.fields}, delay=True)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table, column in self._columns(app_label, to_state):
            name = schema_editor._create_index_name(table, [column])
            schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(name)}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table, column in self._columns(app_label, to_state):
            quoted = [schema_editor.quote_name(name) for name in (table, column)]
            name = schema_editor.quote_name(schema_editor._create_index_name(table, [column]))
            schema_editor.execute(f"CREATE INDEX {name} ON {quoted[0]} ({quoted[1]})")

    def _columns(self, app_label: str, state: Any) -> list[tuple[str, str]]:
        return [
            (state.models[app_label, model].options["db_table"], f"{name}_id")
            for model, names in self.fields.items()
            for name in names
        ]
