"""What the database itself refuses, also from raw SQL: foreign projects, changed history."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from agents.models import AgentContext, AgentContextVersion
from templates_app.models import AgentTemplate, AgentTemplateVersion
from tests.make import Make


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [getattr(value, "hex", value) for value in values])
        connection.check_constraints()
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize("table", ["agent", "agent_session", "agent_context"])
def test_a_row_cannot_point_at_a_project_of_another_workspace(make: Make, table: str) -> None:
    agent, foreign = make.agent(), make.project()
    make.session(agent.project)
    AgentContext.objects.create(workspace=agent.workspace, project=agent.project, agent=agent, name="notes")
    for column, value in (("project_id", foreign.id), ("workspace_id", foreign.workspace_id)):
        with pytest.raises(IntegrityError):
            run(f"UPDATE {table} SET {column} = %s", value)
    run(f"UPDATE {table} SET project_id = %s, workspace_id = %s", foreign.id, foreign.workspace_id)


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
