"""A database of an earlier version comes up to date: its rows stay, the rules are added, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, models
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from agents.models import Agent, AgentContextVersion, AgentStateHistory
from core.ids import new_id
from orchestrator_site.database import database_at
from orchestrator_site.schema.verifying import verify
from tests.scratch import scratch_database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = [
    ("workspaces", "0002_limits_and_retention"),
    ("documents", "0002_search_index"),
    ("agents", "0002_placement"),
    ("agent_sessions", "0002_engine_at_full_strength"),
]


class Old:
    """A database at the versions before the agents service, with two projects."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.apps = MigrationExecutor(database).loader.project_state(EARLIER).apps
        self.projects = [self._project("one"), self._project("two")]

    def make(self, label: str, **fields: Any) -> Any:
        return self.apps.get_model(label).objects.using("given").create(**fields)

    def _project(self, word: str) -> Any:
        workspace = self.make("workspaces.Workspace", name=word, slug=word)
        return self.make("workspaces.Project", workspace=workspace, name=word, slug=word, is_default=True)

    def agent(self, **fields: Any) -> Any:
        definition = self.make("agents.AgentDefinition", slug=new_id().hex, name="x", agent_type="CUSTOM")
        home = self.projects[0]
        values = {"workspace_id": home.workspace_id, "project": home, "name": new_id().hex, "type": "CUSTOM", **fields}
        return self.make("agents.Agent", definition=definition, **values)

    def session(self, agent: Any, **fields: Any) -> Any:
        """One with a task, an execution and its history, a message and an event."""
        values = {"workspace_id": agent.workspace_id, "project": agent.project, "title": "Old", **fields}
        session = self.make("agent_sessions.AgentSession", task_description="Do it", **values)
        task = self.make("agent_sessions.AgentTask", session=session, agent=agent, name="one", task_type="x")
        run = self.make("agent_sessions.AgentExecution", task=task, agent=agent, attempt=1)
        self.make("agent_sessions.ExecutionStateHistory", execution=run, new_state="QUEUED", timestamp=NOW)
        self.make(
            "agent_sessions.AgentMessage",
            workspace_id=agent.workspace_id,
            session=session,
            from_agent=agent,
            content={},
        )
        return session

    def rows(self) -> dict[str, set[Any]]:
        """The keys of all rows, by table."""
        kept: dict[str, set[Any]] = {}
        for model in self.apps.get_models():
            if model._meta.app_label in {app for app, _name in EARLIER} and not model._meta.auto_created:
                kept[model._meta.db_table] = set(model.objects.using("given").values_list("pk", flat=True))
        return kept


def _of_django(executor: MigrationExecutor) -> list[tuple[str, str]]:
    own = {"workspaces", "documents", "agents", "agent_sessions", "templates_app"}
    return [node for node in executor.loader.graph.leaf_nodes() if node[0] not in own]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), scratch_database(tmp_path_factory.mktemp("earlier")) as url:
        with database_at(url) as database:
            executor = MigrationExecutor(database)
            executor.migrate([*EARLIER, *_of_django(executor)])
        yield url


@pytest.fixture
def old(earlier: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Old]:
    with (
        django_db_blocker.unblock(),
        scratch_database(tmp_path, copy_of=earlier) as url,
        database_at(url) as database,
    ):
        yield Old(database)


def migrate() -> None:
    call_command("migrate", database="given", verbosity=0, stdout=StringIO())


def test_the_rows_stay_and_the_rules_are_there(old: Old) -> None:
    agent = old.agent(status="ACTIVE", state_detail="ACTIVE", configuration={"depth": 2})
    old.make("agents.AgentStateHistory", agent=agent, new_status="ACTIVE", new_state_detail="ACTIVE")
    session = old.session(agent)
    collection = old.make("documents.Collection", project=old.projects[0], name="Shelf")
    document = old.make("documents.Document", project=old.projects[0], collection=collection, title="Paper", text="abc")
    old.make("documents.Passage", document=document, ordinal=0, start=0, end=3, text="abc")
    before = old.rows()
    assert all(before[table] for table in ("agent", "agent_task", "agent_message", "passage", "agent_state_history"))

    migrate()

    assert old.rows() == before
    report = verify(old.database)
    assert report.is_clean, (report.faults, report.behind)
    with old.database.cursor() as cursor:
        cursor.execute("SELECT status, protocol FROM agent")
        assert cursor.fetchall() == [("ACTIVE", "")]
        cursor.execute("SELECT status FROM agent_session")
        assert cursor.fetchall() == [(session.status,)]
        with pytest.raises(IntegrityError, match="never changed"):
            cursor.execute("UPDATE agent_state_history SET reason = 'another'")
    with pytest.raises(IntegrityError), old.database.cursor() as cursor:
        cursor.execute("UPDATE agent SET project_id = %s", [_key(old, old.projects[1].id)])

    change_and_change_back(old.database, AgentStateHistory, "actor")
    change_and_change_back(old.database, AgentContextVersion, "created_by")
    change_and_change_back(old.database, Agent, "protocol")
    assert verify(old.database).is_clean, "a later change of a column has lost a rule"


@pytest.mark.parametrize("table", ["agent", "agent_session"])
def test_a_row_in_a_foreign_project_stops_the_upgrade_with_a_sentence(old: Old, table: str) -> None:
    """Which of the two it belongs to only a person can say: moving it would show it to other people."""
    one, two = old.projects
    broken = {"workspace_id": one.workspace_id, "project": two}
    agent = old.agent()
    row = old.agent(**broken) if table == "agent" else old.session(agent, **broken)
    before = old.rows()
    with pytest.raises(CommandError, match=f"The table {table} has 1 row") as refusal:
        migrate()
    assert row.id.hex in str(refusal.value).replace("-", "")
    assert old.rows() == before


def change_and_change_back(database: Any, model: type[models.Model], name: str) -> None:
    """A column gets longer and short again: on SQLite the table is made anew for each."""
    field = model._meta.get_field(name)
    longer = models.CharField(max_length=200, blank=True)
    longer.set_attributes_from_name(name)
    longer.model = model
    with database.schema_editor() as editor:
        editor.alter_field(model, field, longer)
        editor.alter_field(model, longer, field)


def _key(old: Old, value: UUID) -> Any:
    return value.hex if old.database.vendor == "sqlite" else value
