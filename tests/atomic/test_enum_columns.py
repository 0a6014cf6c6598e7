"""Every column that holds one of a few words is held to them by the database, also from raw SQL, on both databases."""

from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, models, transaction
from django_fsm import FSMField

from agents import states as agents
from core.enums import AgentStatus, AgentType
from documents.states import DocumentStatus
from orchestrator_site.schema.expected import own_models
from sessions import states as sessions
from workspaces.states import Role


class Words(NamedTuple):
    """What a column may hold: words of `enum` (only `words` of them when given), NULL, the empty text."""

    enum: type[StrEnum]
    null: bool = False
    blank: bool = False
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> list[str]:
        return [*(self.words or map(str, self.enum)), *([""] if self.blank else [])]


ENUM_COLUMNS = {
    ("agent", "type"): Words(AgentType),
    ("agent", "status"): Words(AgentStatus),
    ("agent", "state_detail"): Words(agents.AgentStateDetail),
    ("agent", "protocol"): Words(agents.AgentProtocol, blank=True),
    ("agent_checkpoint", "source"): Words(agents.CheckpointSource),
    ("agent_command", "kind"): Words(agents.AgentCommandKind),
    ("agent_command", "outcome"): Words(agents.AgentCommandOutcome, null=True),
    ("agent_context", "rollback_state"): Words(agents.RollbackState, null=True),
    ("agent_definition", "agent_type"): Words(AgentType),
    ("agent_state_history", "previous_status"): Words(AgentStatus, null=True),
    ("agent_state_history", "new_status"): Words(AgentStatus),
    ("agent_state_history", "previous_state_detail"): Words(agents.AgentStateDetail, null=True),
    ("agent_state_history", "new_state_detail"): Words(agents.AgentStateDetail),
    ("agent_template", "agent_type"): Words(AgentType),
    ("agent_execution", "state"): Words(sessions.ExecutionState),
    ("agent_message", "message_type"): Words(sessions.MessageType),
    ("agent_message", "delivery_status"): Words(sessions.DeliveryStatus),
    ("agent_session", "status"): Words(sessions.SessionStatus),
    ("agent_session", "status_before_pause"): Words(sessions.SessionStatus, blank=True),
    ("agent_session", "execution_mode"): Words(sessions.ExecutionMode),
    ("agent_session", "origin"): Words(sessions.SessionOrigin),
    ("agent_task", "status"): Words(sessions.TaskStatus),
    ("execution_state_history", "previous_state"): Words(sessions.ExecutionState, null=True),
    ("execution_state_history", "new_state"): Words(sessions.ExecutionState),
    ("execution_step", "kind"): Words(sessions.StepKind),
    ("execution_step", "status"): Words(sessions.StepStatus),
    ("pruned_session", "status"): Words(sessions.SessionStatus, words=tuple(sorted(sessions.FINISHED_SESSION))),
    ("session_command", "kind"): Words(sessions.CommandKind),
    ("document", "status"): Words(DocumentStatus),
    ("membership", "role"): Words(Role),
    ("api_key", "role"): Words(Role),
}
FREE_SHORT_COLUMNS = {("api_key", "prefix")}
"""Columns of at most 30 characters that hold no word of an enum."""


def short_columns() -> set[tuple[str, str]]:
    """Columns that look as if they held words: with choices, of a lifecycle, or too short for anything else."""
    return {
        (model._meta.db_table, str(field.column))
        for model in own_models()
        for field in model._meta.local_fields
        if field.choices
        or isinstance(field, FSMField)
        or (isinstance(field, models.CharField) and (field.max_length or 0) <= 30)
    }


def test_the_table_of_this_test_names_every_enum_column_of_the_models() -> None:
    assert short_columns() - FREE_SHORT_COLUMNS == set(ENUM_COLUMNS)


def test_the_choices_of_forms_are_words_of_the_database() -> None:
    for model in own_models():
        for field in model._meta.local_fields:
            if field.choices:
                words = ENUM_COLUMNS[model._meta.db_table, str(field.column)]
                assert [str(value) for value, _label in field.flatchoices] == words.allowed, field


COMPANIONS = {
    ("agent_command", "outcome"): {"applied_at": "2026-01-01 00:00:00+00:00"},
    ("agent_message", "message_type"): {"to_agent_id": uuid4().hex},
    ("agent_message", "delivery_status"): {"delivered_at": "2026-01-01 00:00:00+00:00"},
}
"""What other rules of the table ask for beside the word."""

FILLERS: dict[str, Any] = {
    "UUIDField": uuid4(),  # as a foreign key it points nowhere: that shows when a transaction ends; these are undone
    "DateTimeField": datetime(2026, 1, 1, tzinfo=UTC),
    "JSONField": {},
    "BooleanField": False,
    "CharField": "x",
    "SlugField": "x",
    "TextField": "x",
}


def row_of(table: str, **values: Any) -> dict[str, Any]:
    """A complete row by its columns: the defaults of the model, its first words, anything else where it has none."""
    model = next(model for model in own_models() if model._meta.db_table == table)
    row: dict[str, Any] = {}
    for field in model._meta.local_fields:
        if isinstance(field, models.AutoField):
            continue
        column = str(field.column)
        if field.has_default():
            value = field.get_default()
        elif field.null:
            value = None
        elif (table, column) in ENUM_COLUMNS:
            value = ENUM_COLUMNS[table, column].allowed[0]
        else:
            value = FILLERS.get((field.target_field if field.is_relation else field).get_internal_type(), 1)
        row[column] = values.get(column, field.get_db_prep_save(value, connection))
    return row


class _Undone(Exception):
    pass


def insert(table: str, **values: Any) -> None:
    """Raw SQL; what it wrote is taken back."""
    row = row_of(table, **values)
    sql = f"INSERT INTO {table} ({', '.join(map(quoted, row))}) VALUES ({', '.join(['%s'] * len(row))})"
    with suppress(_Undone), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, list(row.values()))
        raise _Undone


def update(table: str, column: str, value: Any) -> None:
    """Raw SQL over a raw row; taken back."""
    row = row_of(table)
    sql = f"INSERT INTO {table} ({', '.join(map(quoted, row))}) VALUES ({', '.join(['%s'] * len(row))})"
    with suppress(_Undone), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, list(row.values()))
            cursor.execute(f"UPDATE {table} SET {quoted(column)} = %s", [value])
        raise _Undone


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def refused(words: Words) -> list[str]:
    """What the column must not take: other words, and its own in another case or with space around them."""
    first = words.allowed[0]
    others = ["UNKNOWN", first.swapcase(), f" {first}", f"{first} ", "NULL"]
    others += [str(word) for word in words.enum if str(word) not in words.allowed]
    return others if words.blank else [*others, ""]


CASES = pytest.mark.parametrize(
    ("table", "column"), [pytest.param(*names, id=".".join(names)) for names in ENUM_COLUMNS]
)


@CASES
@pytest.mark.django_db
def test_another_word_cannot_be_inserted(table: str, column: str) -> None:
    insert(table)
    for word in refused(ENUM_COLUMNS[table, column]):
        with pytest.raises(IntegrityError, match=rf"(?i)check constraint.*{table}"):
            insert(table, **{column: word})


@CASES
@pytest.mark.django_db
def test_a_row_cannot_be_changed_to_another_word(table: str, column: str) -> None:
    written_once = table == "agent_state_history"
    for word in refused(ENUM_COLUMNS[table, column]):
        with pytest.raises(IntegrityError, match="never changed" if written_once else "(?i)check constraint"):
            update(table, column, word)


@CASES
@pytest.mark.django_db
def test_null_stands_only_where_the_model_says_so(table: str, column: str) -> None:
    if ENUM_COLUMNS[table, column].null:
        insert(table, **{column: None})
        return
    with pytest.raises(IntegrityError, match=r"(?i)not.null constraint"):
        insert(table, **{column: None})


@CASES
@pytest.mark.django_db
def test_every_word_of_the_enum_is_taken(table: str, column: str) -> None:
    with_it: dict[str, Any] = dict(COMPANIONS.get((table, column), {}))
    for word in ENUM_COLUMNS[table, column].allowed:
        insert(table, **{column: word}, **with_it)
