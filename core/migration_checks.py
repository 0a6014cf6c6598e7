"""What a migration looks at before it asks more of the rows than an earlier version did."""

from typing import Any

from django.core.management.base import CommandError
from django.db.migrations.operations import RunPython


def rows_are_in_their_workspace(table: str) -> RunPython:
    """Stops the migration, before it changes anything, where a row's project belongs to another workspace.

    Nobody but the operator can say which of the two is right: moving a row would show it to other people.
    """

    def check(apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row.id FROM {table} AS row JOIN project ON project.id = row.project_id "  # noqa: S608
                "WHERE project.workspace_id <> row.workspace_id ORDER BY row.id"
            )
            found = [str(row_id) for (row_id,) in cursor.fetchall()]
        if found:
            raise CommandError(_sentence(table, found))

    return RunPython(check, RunPython.noop, elidable=True)


def _sentence(table: str, found: list[str]) -> str:
    some = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
    return (
        f"The table {table} has {len(found)} row(s) whose project belongs to another workspace: {some}. "
        "From this version on the database refuses that. This migration has changed nothing. "
        "Decide where each belongs, set its workspace_id or its project_id so that they agree, then migrate again."
    )
