"""`manage.py verify_schema`: says of a sound database that it is sound, and names each thing that is not."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from orchestrator_site.database import database_at
from tests.scratch import scratch_database


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database as `migrate` leaves it."""
    with django_db_blocker.unblock(), scratch_database(tmp_path_factory.mktemp("sound")) as url:
        with database_at(url):
            call_command("migrate", database="given", verbosity=0)
        yield url


@pytest.fixture
def copy(sound: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), scratch_database(tmp_path, copy_of=sound) as url:
        yield url


def execute(url: str, *statements: str) -> None:
    with database_at(url) as database, database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rewrite(url: str, table: str, old: str, new: str) -> None:
    """The stored text of an SQLite table, which has no ALTER for its constraints."""
    with database_at(url) as database, database.cursor() as cursor:
        cursor.execute("PRAGMA writable_schema=ON")
        cursor.execute("UPDATE sqlite_master SET sql = replace(sql, %s, %s) WHERE name = %s", [old, new, table])
        assert cursor.rowcount == 1


def verify(url: str, *options: str) -> tuple[int, str, str]:
    """Exit code, output and the closing sentence."""
    out = StringIO()
    try:
        call_command("verify_schema", *options, f"--database-url={url}", stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def faults(url: str) -> list[str]:
    code, out, sentence = verify(url)
    assert code == 1
    assert "put back" in sentence
    return [line.strip() for line in out.splitlines() if line.startswith("  ")]


def test_a_migrated_database_is_as_the_models_say(sound: str) -> None:
    code, out, _ = verify(sound)
    assert code == 0, out
    assert out.endswith("tables are as the models say.\n")
    assert "Also there" not in out
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["agent_checkpoint"].endswith(" ok")
    assert "2 unique" in lines["agent_checkpoint"]


@pytest.mark.django_db
def test_the_database_of_the_settings_is_looked_at_without_an_address() -> None:
    out = StringIO()
    call_command("verify_schema", stdout=out)
    assert "are as the models say" in out.getvalue()


def test_the_answer_as_json_has_the_same_facts(copy: str) -> None:
    code, out, _ = verify(copy, "--json")
    told = json.loads(out)
    assert (code, told["ok"], told["database"], told["extra"]) == (0, True, connection.vendor, [])
    agent = told["tables"]["agent"]
    assert agent["primary_key"] == ["id"]
    assert agent["columns"]["type"] == "varchar(20)"
    assert "check agent_type_check" in agent["constraints"]
    assert any(text.startswith("foreign key (workspace_id, project_id)") for text in agent["constraints"])
    execute(copy, "DROP INDEX agent_status_workspace_idx")
    code, out, _ = verify(copy, "--json")
    told = json.loads(out)
    assert (code, told["ok"]) == (1, False)
    assert told["tables"]["agent"]["faults"][0]["kind"] == "missing"


DAMAGE: dict[str, tuple[list[str], list[str]]] = {
    "a table": (
        ["DROP TABLE checkpoint_schedule"],
        ["missing    the table"],
    ),
    "a column": (
        ["ALTER TABLE agent DROP COLUMN last_error"],
        ["missing    column last_error (text)"],
    ),
    "an index": (
        ["DROP INDEX agent_state_history_time_idx"],
        [
            "missing    index agent_state_history_time_idx (timestamp)",
            "missing    an index that begins with (timestamp)",
        ],
    ),
    "an index on other columns": (
        [
            "DROP INDEX agent_definition_name_idx",
            "CREATE INDEX agent_definition_name_idx ON agent_definition (description)",
        ],
        [
            "different  index agent_definition_name_idx (name): it is index agent_definition_name_idx (description)",
            "missing    an index that begins with (name)",
        ],
    ),
    "a partial unique constraint": (
        ["DROP INDEX agent_checkpoint_one_latest"],
        ["missing    unique agent_checkpoint_one_latest (agent_id) where …"],
    ),
    "the condition of a partial unique constraint": (
        [
            "DROP INDEX agent_checkpoint_one_latest",
            "CREATE UNIQUE INDEX agent_checkpoint_one_latest ON agent_checkpoint (agent_id) WHERE is_recoverable",
        ],
        ["different  unique agent_checkpoint_one_latest (agent_id) where …: its condition is another"],
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_gone_or_changed_is_named(copy: str, what: str) -> None:
    statements, named = DAMAGE[what]
    execute(copy, *statements)
    assert faults(copy) == named


RULES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a word more in a check": (
        {
            "sqlite": ("agent", "'CUSTOM')", "'CUSTOM', 'BOSS')"),
            "postgresql": [
                "ALTER TABLE agent DROP CONSTRAINT agent_type_check",
                "ALTER TABLE agent ADD CONSTRAINT agent_type_check CHECK (type IN ('COORDINATOR', 'ASSISTANT', "
                "'RESEARCHER', 'DEVELOPER', 'DESIGNER', 'SPECIALIST', 'AUDITOR', 'CUSTOM', 'BOSS'))",
            ],
        },
        ["different  check agent_type_check: it also names BOSS"],
    ),
    "a word less in a check": (
        {
            "sqlite": ("agent_checkpoint", "'MANUAL', 'SCHEDULED'", "'MANUAL'"),
            "postgresql": [
                "ALTER TABLE agent_checkpoint DROP CONSTRAINT agent_checkpoint_source_check",
                "ALTER TABLE agent_checkpoint ADD CONSTRAINT agent_checkpoint_source_check CHECK (source = 'MANUAL')",
            ],
        },
        ["different  check agent_checkpoint_source_check: it does not name SCHEDULED"],
    ),
    "a check": (
        {
            "sqlite": ("agent_checkpoint", "agent_checkpoint_source_check", "another_check"),
            "postgresql": ["ALTER TABLE agent_checkpoint DROP CONSTRAINT agent_checkpoint_source_check"],
        },
        ["missing    check agent_checkpoint_source_check"],
    ),
    "a composite foreign key": (
        {
            "sqlite": (
                "agent_context",
                ', CONSTRAINT "agent_context_project_in_workspace" FOREIGN KEY (workspace_id, project_id) '
                "REFERENCES project (workspace_id, id) DEFERRABLE INITIALLY DEFERRED",
                "",
            ),
            "postgresql": ["ALTER TABLE agent_context DROP CONSTRAINT agent_context_project_in_workspace"],
        },
        ["missing    foreign key (workspace_id, project_id) to project (workspace_id, id)"],
    ),
    "a column that may be empty": (
        {
            "sqlite": ("agent_checkpoint", '"sequence_number" integer unsigned NOT NULL', '"sequence_number" integer'),
            "postgresql": ["ALTER TABLE agent_checkpoint ALTER sequence_number DROP NOT NULL"],
        },
        ["different  column sequence_number: integer null instead of integer"],
    ),
    "a trigger": (
        {
            "sqlite": ["DROP TRIGGER agent_context_version_append_only"],
            "postgresql": ["DROP TRIGGER agent_context_version_append_only ON agent_context_version"],
        },
        ["missing    trigger agent_context_version_append_only (refuses every update)"],
    ),
    "a trigger that does nothing": (
        {
            "sqlite": [
                "DROP TRIGGER agent_context_version_append_only",
                "CREATE TRIGGER agent_context_version_append_only BEFORE UPDATE ON agent_context_version "
                "BEGIN SELECT 1; END",
            ],
            "postgresql": [
                "CREATE OR REPLACE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN NEW; END $$"
            ],
        },
        ["different  trigger agent_context_version_append_only: it does something else"],
    ),
}


@pytest.mark.parametrize("what", RULES)
def test_rules_that_are_gone_or_changed_are_named(copy: str, what: str) -> None:
    damage, named = RULES[what]
    statements = damage[connection.vendor]
    if isinstance(statements, tuple):
        rewrite(copy, *statements)
    else:
        execute(copy, *statements)
    said = [line.replace("integer unsigned", "integer") for line in faults(copy)]
    assert set(named) <= set(said)
    assert all("append_only" in line for line in set(said) - set(named))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (
            ["ALTER TABLE agent_state_history DISABLE TRIGGER agent_state_history_append_only"],
            "different  trigger agent_state_history_append_only: it is switched off",
        ),
        (
            [
                "ALTER TABLE agent DROP CONSTRAINT agent_project_in_workspace",
                "ALTER TABLE agent ADD CONSTRAINT agent_project_in_workspace FOREIGN KEY (workspace_id, project_id) "
                "REFERENCES project (workspace_id, id) NOT VALID",
            ],
            "different  constraint agent_project_in_workspace: it is NOT VALID, older rows were never checked",
        ),
    ],
)
def test_rules_that_are_switched_off_count_as_broken(copy: str, damage: list[str], named: str) -> None:
    if connection.vendor == "postgresql":  # SQLite can switch neither off
        execute(copy, *damage)
        assert faults(copy) == [named]


def test_what_else_is_there_is_only_mentioned(copy: str) -> None:
    execute(copy, "ALTER TABLE agent ADD COLUMN nickname text", "CREATE INDEX by_size ON document (size_bytes)")
    code, out, _ = verify(copy)
    assert code == 0
    assert "Also there, and not of the models: agent: column nickname; document: index by_size (size_bytes)" in out


def test_migrations_that_are_not_applied_are_named(copy: str) -> None:
    with database_at(copy):
        call_command("migrate", "agents", "0003", database="given", verbosity=0)
    code, out, sentence = verify(copy)
    assert code == 1
    assert "agents.0004_one_index_for_each_question" in sentence
    assert "run `manage.py migrate`" in sentence
    assert "missing    check agent_protocol_check" in out


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/at/all.sqlite3", "There is no database at /nowhere/at/all.sqlite3"),
        ("postgresql://someone:hush-hush@127.0.0.1:1/nothing", "The database could not be read: connection"),
        ("postgresql+asyncpg://someone:hush-hush@127.0.0.1:1/nothing", "The database could not be read: connection"),
        ("postgresql://someone:hush/hush@127.0.0.1:5432/nothing", "This address of a database cannot be read"),
        ("postgresql://someone:hush-hush@127.0.0.1:1/nothing?nonsense=1", "The database could not be read"),
        ("mysql://someone:hush-hush@127.0.0.1/nothing", "This address of a database cannot be read"),
        ("hush", "This address of a database cannot be read"),
    ],
)
def test_a_database_that_does_not_answer_is_a_sentence_without_its_password(
    url: str, said: str, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        code, out, sentence = verify(url)
    assert (code, out) == (2, "")
    assert sentence.startswith(said)
    assert "hush" not in sentence
    assert "Traceback" not in sentence


def test_the_asynchronous_form_of_an_address_is_taken(copy: str) -> None:
    plain, _, rest = copy.partition("://")
    assert verify(f"{plain}+asyncpg://{rest}" if plain == "postgresql" else copy)[0] == 0


def test_looking_changes_nothing(copy: str) -> None:
    if connection.vendor == "sqlite":
        path = Path(copy.removeprefix("sqlite:///"))
        before = path.read_bytes()
        assert verify(copy)[0] == 0
        assert path.read_bytes() == before
