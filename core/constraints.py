"""Database constraints shared by the apps' models. What they say also holds for rows written by raw SQL."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.ddl_references import Statement, Table
from django.db.models.constraints import BaseConstraint


def one_of(
    field: str, values: type[StrEnum], *, name: str, null: bool = False, blank: bool = False
) -> models.CheckConstraint:
    """The column holds one of the enum's words (or NULL, or "", where allowed), also for rows written by raw SQL."""
    words = ["", *map(str, values)] if blank else [str(value) for value in values]
    condition = models.Q(**{f"{field}__in": words})
    if null:
        condition |= models.Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(condition=condition, name=name)


class SameWorkspace(BaseConstraint):
    """The row's project is one of the row's workspace: `(workspace_id, project_id)` is a foreign key to `project`.

    Both databases know composite foreign keys; Django 5.2 does not. Checked at commit, like Django's own.
    """

    COLUMNS = "FOREIGN KEY (workspace_id, project_id) REFERENCES project (workspace_id, id)"

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        return f"CONSTRAINT {schema_editor.quote_name(self.name)} {self.COLUMNS} DEFERRABLE INITIALLY DEFERRED"

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        definition = self.constraint_sql(model, schema_editor)
        return _statement("ALTER TABLE %(table)s ADD %(definition)s", model, schema_editor, definition=definition)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        name = schema_editor.quote_name(self.name)
        return _statement("ALTER TABLE %(table)s DROP CONSTRAINT %(name)s", model, schema_editor, name=name)

    def validate(
        self,
        model: Any,
        instance: Any,
        exclude: Collection[str] | None = None,
        using: str = "default",
    ) -> None:
        if exclude and {"workspace", "project"} & set(exclude):
            return
        if instance.project_id and instance.project.workspace_id != instance.workspace_id:
            raise ValidationError({"project": "This project belongs to another workspace."})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameWorkspace) and self.name == other.name

    __hash__ = BaseConstraint.__hash__


class AppendOnly(BaseConstraint):
    """Rows of the table are never changed: a trigger refuses the UPDATE. They may be deleted (retention, cascades)."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """Nothing inside CREATE TABLE: deferred, so that the trigger is also there when SQLite has remade it."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return _statement(_ONCE[schema_editor.connection.vendor], model, schema_editor, name=self.name)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        template = "DROP TRIGGER %(name)s"
        template += " ON %(table)s" if schema_editor.connection.vendor == "postgresql" else ""
        return _statement(template, model, schema_editor, name=self.name)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to say of a row that is not written yet."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AppendOnly) and self.name == other.name

    __hash__ = BaseConstraint.__hash__


_ONCE = {
    "sqlite": (
        "CREATE TRIGGER %(name)s BEFORE UPDATE ON %(table)s "
        "BEGIN SELECT RAISE(ABORT, '%(name)s: rows of this table are never changed'); END"
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
        "MESSAGE = TG_NAME || ': rows of this table are never changed'; END $$; "
        "CREATE TRIGGER %(name)s BEFORE UPDATE ON %(table)s FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    ),
}


def _statement(template: str, model: type[models.Model], schema_editor: Any, **parts: Any) -> Statement:
    """A statement whose table Django renames when SQLite remakes it."""
    return Statement(template, table=Table(model._meta.db_table, schema_editor.quote_name), **parts)
