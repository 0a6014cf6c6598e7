"""The tables as the models describe them, for the kind of database at hand."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from core.constraints import AppendOnly, SameWorkspace
from orchestrator_site.schema.shape import REFUSES, Check, Column, ForeignKey, Index, Table, rule_of

SEARCH_INDEX = {
    "sqlite": Table(
        "passage_search",
        {name: Column("", True) for name in ("passage_id", "title", "body", "labels", "rank", "passage_search")},
    ),
    "postgresql": Table("passage", {"search": Column("tsvector", True)}, indexes=[Index(("search",))]),
}
"""The full-text index, made by a migration of the documents without a model."""

LEADING_COLUMNS = {
    "agent": ["workspace_id", "project_id", "definition_id", "status", "workspace_id project_id"],
    "agent_checkpoint": ["agent_id"],
    "agent_context": ["workspace_id", "project_id", "agent_id", "workspace_id project_id", "agent_id name"],
    "agent_context_version": ["context_id", "context_id version"],
    "agent_definition": ["name", "slug", "agent_type", "is_enabled"],
    "agent_execution": ["agent_id", "task_id"],
    "agent_message": ["session_id"],
    "agent_session": ["user_id", "status"],
    "agent_state_history": ["agent_id", "timestamp"],
    "agent_task": ["session_id", "status"],
    "execution_state_history": ["execution_id", "timestamp"],
}
"""What the specifications want found quickly, by table: an index begins with these columns, whatever its name."""


def own_models() -> Iterator[type[models.Model]]:
    """The models of this product's apps, not those of Django and others."""
    for config in apps.get_app_configs():
        if config.path == str(settings.BASE_DIR / config.name):
            yield from (model for model in config.get_models(include_auto_created=True) if model._meta.managed)


def expected_tables(connection: BaseDatabaseWrapper) -> dict[str, Table]:
    """Every table of the product, by name."""
    editor = connection.schema_editor()
    tables = {model._meta.db_table: _table(model, connection, editor) for model in own_models()}
    search = SEARCH_INDEX[connection.vendor]
    home = tables.setdefault(search.name, Table(search.name))
    home.columns.update(search.columns)
    home.indexes.extend(search.indexes)
    return tables


def _table(model: type[models.Model], connection: BaseDatabaseWrapper, editor: Any) -> Table:
    table = Table(model._meta.db_table)
    for field in model._meta.local_concrete_fields:
        _add_field(table, field, connection)
    for index in model._meta.indexes:
        condition = index._get_condition_sql(model, editor)
        columns = tuple(_ordered(model, name, order) for name, order in index.fields_orders)
        table.indexes.append(_index(table, columns, condition, index.name))
    for constraint in model._meta.constraints:
        _add_constraint(table, constraint, model, editor)
    return table


def _add_field(table: Table, field: Any, connection: BaseDatabaseWrapper) -> None:
    column = field.column
    parameters = field.db_parameters(connection)
    table.columns[column] = Column(parameters["type"], field.null)
    if parameters["check"]:
        table.checks.append(Check(rule_of(parameters["check"], {column})))
    if field.primary_key:
        table.primary_key = (column,)
    elif field.unique:
        table.indexes.append(Index((column,), unique=True))
    elif field.db_index:
        table.indexes.append(Index((column,)))
    if field.remote_field and field.db_constraint:
        target = field.target_field
        table.foreign_keys.add(ForeignKey((column,), target.model._meta.db_table, (target.column,)))


def _add_constraint(table: Table, constraint: Any, model: type[models.Model], editor: Any) -> None:
    match constraint:
        case models.CheckConstraint():
            rule = rule_of(constraint._get_check_sql(model, editor), table.columns)  # type: ignore[attr-defined]
            table.checks.append(Check(rule, constraint.name))
        case models.UniqueConstraint():
            columns = tuple(_ordered(model, name) for name in constraint.fields)
            condition = constraint._get_condition_sql(model, editor)  # type: ignore[attr-defined]
            table.indexes.append(_index(table, columns, condition, constraint.name, unique=True))
        case SameWorkspace():
            table.foreign_keys.add(ForeignKey(("workspace_id", "project_id"), "project", ("workspace_id", "id")))
        case AppendOnly():
            table.triggers[constraint.name] = REFUSES
        case _:
            raise TypeError(f"verify_schema does not know constraints of the kind {type(constraint).__name__}.")


def _index(table: Table, columns: tuple[str, ...], condition: str | None, name: str, *, unique: bool = False) -> Index:
    return Index(columns, unique, rule_of(condition, table.columns) if condition else None, name)


def _ordered(model: type[models.Model], field: str, order: str = "") -> str:
    return f"{'-' if order == 'DESC' else ''}{model._meta.get_field(field).column}"  # type: ignore[union-attr]
