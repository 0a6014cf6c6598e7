"""Runtime states may be a megabyte each: nothing that lists agents, or what they did, reads them along."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, AgentContext
from agents.selectors import assignable_agents, visible_in_project
from core.clock import SYSTEM_CLOCK
from sessions.engine.store.sql import SqlStore
from sessions.models import AgentExecution, AgentMessage, AgentSession
from sessions.selectors.bundle import write_bundle
from sessions.selectors.past import past_of
from sessions.selectors.requesting import agent_pool
from tests.make import Make
from workspaces.states import Role

STATE_OF_AN_AGENT = re.compile(r'("agent"|\bT\d+)\."state"')


@pytest.fixture
def session(db: None, make: Make) -> AgentSession:
    session = make.session(tasks=2)
    agent = Agent.objects.get()
    AgentExecution.objects.create(task=session.tasks.first(), agent=agent, attempt=1)
    AgentMessage.objects.create(
        workspace=session.workspace, session=session, from_agent=agent, to_agent=agent, content={}
    )
    AgentContext.objects.create(workspace=session.workspace, project=session.project, agent=agent, name="notes")
    return session


def unread(captured: CaptureQueriesContext) -> bool:
    assert len(captured) > 0
    return not [query["sql"] for query in captured if STATE_OF_AN_AGENT.search(query["sql"])]


@pytest.mark.parametrize(
    "route",
    [
        "/api/v1/agents",
        "/api/v1/agents/discover?capability=scripted",
        "/api/v1/agents/{agent}",
        "/api/v1/agents/{agent}/history",
        "/api/v1/agents/{agent}/contexts",
        "/api/v1/agents/{agent}/checkpoints",
        "/api/v1/tasks",
        "/api/v1/sessions/{session}",
        "/api/v1/sessions/{session}/tasks",
        "/api/v1/sessions/{session}/executions",
        "/api/v1/sessions/{session}/messages",
        "/",
        "/agents",
        "/sessions/{session}",
        "/admin/agents/agent/",
        "/admin/agents/agentstatehistory/",
        "/admin/agent_sessions/agentsession/{session}/change/",
    ],
)
def test_a_list_reads_no_state(session: AgentSession, make: Make, route: str) -> None:
    user = make.member(session.workspace, Role.OWNER)
    type(user).objects.filter(id=user.id).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    address = route.format(agent=Agent.objects.get().id, session=session.id)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
        assert answer.status_code == 200
        b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert unread(captured)


def test_the_engine_new_sessions_and_exports_read_no_state(session: AgentSession) -> None:
    reads: list[Any] = [
        lambda: SqlStore().roster(str(session.project_id)),
        lambda: agent_pool(session.project_id),
        lambda: past_of(session),
        lambda: write_bundle(session, BytesIO(), now=SYSTEM_CLOCK.now()),
        lambda: list(assignable_agents(session.project_id)),
        lambda: list(visible_in_project(session.project_id)),
    ]
    for read in reads:
        with CaptureQueriesContext(connection) as captured:
            assert read()
        assert unread(captured)


def test_who_asks_an_agent_for_its_state_gets_it(session: AgentSession) -> None:
    Agent.objects.update(state={"page": 8})
    agent = visible_in_project(session.project_id).get()
    with CaptureQueriesContext(connection) as captured:
        assert agent.state == {"page": 8}
    assert not unread(captured)
    with pytest.raises(AttributeError):
        agent.state_detail = "ERROR"
