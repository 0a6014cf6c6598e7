"""Copies of a finished session, made for measuring."""

import pytest
from django.db import connection

from bench.engine.history import Copier, tables_of, write_copies
from sessions.models import AgentSession, AgentTask, TaskDependency
from sessions.request import SessionRequest, TaskRequest
from sessions.services import create_session
from sessions.streaming.verify import ChainRow, verify_chain
from tests.make import Make
from workspaces.models import AuditEntry
from workspaces.selectors import access_of_user
from workspaces.states import Role


@pytest.fixture
def original(make: Make) -> AgentSession:
    project = make.project()
    make.agent(project, "scripted", name="worker")
    tasks = [TaskRequest(name="one", agent="worker"), TaskRequest(name="two", agent="worker", depends_on=["one"])]
    access = access_of_user(make.member(project.workspace, Role.MEMBER))
    return create_session(access=access, project=project, request=SessionRequest(task_description="Do it", tasks=tasks))


def test_a_copy_has_rows_of_its_own_and_a_log_that_verifies(original: AgentSession) -> None:
    write_copies(Copier(tables_of(original.id)), 2)

    connection.check_constraints()
    assert AgentSession.objects.count() == 3
    assert AgentTask.objects.values("session").distinct().count() == 3
    assert AuditEntry.objects.filter(object_type="session").values("object_id").distinct().count() == 3
    for session in AgentSession.objects.exclude(id=original.id):
        rows = [ChainRow(event.seq, event.payload, event.hash) for event in session.events.order_by("seq")]
        verdict = verify_chain(rows)
        assert (verdict.is_whole, verdict.last_hash) == (True, session.last_hash)
        names = {str(task.id): task.name for task in session.tasks.all()}
        assert all(row.payload.count(key) for row, key in zip(rows[1:3], names, strict=True))
        edge = TaskDependency.objects.get(task__session=session)
        assert (edge.task.name, edge.depends_on.name, edge.depends_on.session_id) == ("two", "one", session.id)
