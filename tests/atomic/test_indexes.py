"""The indexes the specifications ask for are there, by their columns; none is there twice."""

import pytest
from django.db import connection

from orchestrator_site.schema.expected import LEADING_COLUMNS, own_models
from orchestrator_site.schema.verifying import READERS

SPECIFIED = [
    ("agent_state_history", "agent_id"),
    ("agent_state_history", "timestamp"),
    ("agent_checkpoint", "agent_id"),
    ("agent_execution", "agent_id"),
    ("agent_execution", "task_id"),
    ("execution_state_history", "execution_id"),
    ("execution_state_history", "timestamp"),
    ("agent_definition", "name"),
    ("agent_definition", "slug"),
    ("agent_definition", "agent_type"),
    ("agent_definition", "is_enabled"),
    ("agent", "workspace_id"),
    ("agent", "project_id"),
    ("agent", "definition_id"),
    ("agent", "status"),
    ("agent", "workspace_id, project_id"),
    ("agent_context", "workspace_id"),
    ("agent_context", "project_id"),
    ("agent_context", "agent_id"),
    ("agent_context", "agent_id, name"),
    ("agent_context", "workspace_id, project_id"),
    ("agent_context_version", "context_id"),
    ("agent_context_version", "context_id, version"),
    ("agent_session", "user_id"),
    ("agent_session", "status"),
    ("agent_task", "session_id"),
    ("agent_task", "status"),
    ("agent_message", "session_id"),
]
"""Of the texts on standardization (seven), the core services, and the framework (the last five)."""

KEPT = {"idx_agent_tasks_session_id"}
"""Begins like the unique (session, name), and the framework's text asks for it by this name."""


def whole_indexes(table: str) -> list[tuple[tuple[str, ...], str]]:
    """Columns and name of the indexes and unique constraints that hold all rows of a table, as the database says."""
    with connection.cursor() as cursor:
        found = READERS[connection.vendor](cursor)[table]
    return [(index.columns, index.name) for index in found.indexes if index.condition is None]


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "columns"), SPECIFIED)
def test_an_index_begins_with_what_the_specifications_want_found_quickly(table: str, columns: str) -> None:
    wanted = tuple(columns.split(", "))
    assert any(found[: len(wanted)] == wanted for found, _name in whole_indexes(table))


def test_verify_schema_looks_for_the_same_indexes() -> None:
    told = {(table, ", ".join(words.split())) for table, lists in LEADING_COLUMNS.items() for words in lists}
    assert told == set(SPECIFIED)


@pytest.mark.django_db
@pytest.mark.parametrize("table", sorted(model._meta.db_table for model in own_models()))
def test_no_index_only_repeats_the_beginning_of_another(table: str) -> None:
    """Each would cost every write. (Django gives each foreign key one of its own: `db_index=False` where it does.)"""
    indexes = whole_indexes(table)
    with connection.cursor() as cursor:
        unique = {index.name for index in READERS[connection.vendor](cursor)[table].indexes if index.unique}
    repeated = [
        (name, columns)
        for columns, name in indexes
        if name not in unique | KEPT
        and any(other != name and longer[: len(columns)] == columns for longer, other in indexes)
    ]
    assert repeated == []
