"""What the database itself refuses, also from raw SQL: foreign projects, changed history."""

from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from agents.models import Agent, AgentContext, AgentContextVersion
from orchestrator_site.schema.expected import own_models
from sessions.models import AgentSession
from templates_app.models import AgentTemplate, AgentTemplateVersion
from tests.make import Make
from workspaces.models import Project

PLACED = ("agent", "agent_session", "agent_context")
"""The tables whose rows name both a workspace and a project."""


def run(sql: str, *values: Any) -> None:
    """In a transaction of its own, at whose end foreign keys are looked at."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [native(value) for value in values])
        connection.check_constraints()
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def native(value: Any) -> Any:
    return value.hex if isinstance(value, UUID) else value


@pytest.fixture
def agent(make: Make) -> Agent:
    """One row in each of the tables, all in one project."""
    agent = make.agent()
    make.session(agent.project)
    AgentContext.objects.create(workspace=agent.workspace, project=agent.project, agent=agent, name="notes")
    return agent


def test_every_table_with_a_workspace_and_a_project_is_among_those_tested() -> None:
    columns = {model._meta.db_table: {field.column for field in model._meta.local_fields} for model in own_models()}
    assert {table for table, names in columns.items() if {"workspace_id", "project_id"} <= names} == set(PLACED)


@pytest.mark.parametrize("table", PLACED)
def test_a_row_cannot_point_at_a_project_of_another_workspace(make: Make, agent: Agent, table: str) -> None:
    foreign = make.project()
    for column, value in (("project_id", foreign.id), ("workspace_id", foreign.workspace_id)):
        with pytest.raises(IntegrityError):
            run(f"UPDATE {table} SET {column} = %s", value)
    run(f"UPDATE {table} SET project_id = %s, workspace_id = %s", foreign.id, foreign.workspace_id)


@pytest.mark.parametrize("table", PLACED)
def test_a_row_cannot_be_inserted_into_a_project_of_another_workspace(make: Make, agent: Agent, table: str) -> None:
    foreign = make.project()
    insert(table, project_id=agent.project_id, workspace_id=agent.workspace_id)
    for place in (
        {"project_id": foreign.id, "workspace_id": agent.workspace_id},
        {"project_id": agent.project_id, "workspace_id": foreign.workspace_id},
        {"project_id": uuid4(), "workspace_id": agent.workspace_id},
    ):
        with pytest.raises(IntegrityError):
            insert(table, **place)


def insert(table: str, **changes: Any) -> None:
    """A copy of the first row of a table, with an id of its own and other values."""
    model = next(model for model in own_models() if model._meta.db_table == table)
    columns = [str(field.column) for field in model._meta.local_fields]
    fresh = {"id": uuid4(), **({"name": uuid4().hex} if "name" in columns else {}), **changes}
    names = ", ".join(f'"{column}"' for column in columns)
    key = "%s::uuid" if connection.vendor == "postgresql" else "%s"
    marks = {column: "%s" if column == "name" else key for column in fresh}
    values = ", ".join(marks.get(column, f'"{column}"') for column in columns)
    run(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} LIMIT 1",
        *(fresh[column] for column in columns if column in fresh),
    )


def test_a_project_with_rows_in_it_cannot_be_moved_to_another_workspace(make: Make, agent: Agent) -> None:
    elsewhere = make.workspace()
    with pytest.raises(IntegrityError):
        run(
            "UPDATE project SET workspace_id = %s, is_default = %s WHERE id = %s", elsewhere.id, False, agent.project_id
        )
    empty = Project.objects.create(workspace=agent.workspace, name="Empty", slug="empty")
    run("UPDATE project SET workspace_id = %s WHERE id = %s", elsewhere.id, empty.id)


@pytest.mark.parametrize("whole", [False, True], ids=["a project", "a workspace"])
def test_deleting_the_place_deletes_what_is_in_it(make: Make, agent: Agent, whole: bool) -> None:
    other = make.agent()
    agent.state_history.create(new_status="ACTIVE", new_state_detail="ACTIVE")
    AgentContextVersion.objects.create(context=agent.contexts.get(), version=1, data={})
    (agent.workspace if whole else agent.project).delete()
    connection.check_constraints()
    assert [row.pk for row in Agent.objects.all()] == [other.pk]
    assert not AgentContext.objects.exists()
    assert not AgentSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_foreign_keys_are_looked_at_in_the_connection_of_every_thread() -> None:
    if connection.vendor == "sqlite":
        seen: list[int] = []

        def look() -> None:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA foreign_keys")
                seen.append(cursor.fetchone()[0])
            connection.close()

        threads = [Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        look()
        assert seen == [1, 1, 1, 1]


@pytest.mark.parametrize("table", ["agent_state_history", "agent_context_version", "agent_template_version"])
def test_history_is_written_once(make: Make, table: str) -> None:
    agent = make.agent()
    agent.state_history.create(new_status="ACTIVE", new_state_detail="ACTIVE")
    context = AgentContext.objects.create(
        workspace=agent.workspace, project=agent.project, agent=agent, name="notes", current_version=1, last_version=1
    )
    AgentContextVersion.objects.create(context=context, version=1, data={})
    template = AgentTemplate.objects.create(slug="one", name="One", agent_type="CUSTOM")
    AgentTemplateVersion.objects.create(template=template, version=1, snapshot={})
    with pytest.raises(IntegrityError, match="never changed"):
        run(f"UPDATE {table} SET id = id")
    run(f"DELETE FROM {table}")
