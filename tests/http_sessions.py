"""A member at the API of sessions, without an engine."""

import json
from typing import Any

from django.test import Client

from sessions.models import AgentExecution, AgentMessage, AgentSession, SessionCommand
from tests.make import Make

EXECUTE = "/api/v1/agents/execute"
SESSIONS = "/api/v1/sessions"
TASKS = "/api/v1/tasks"


def goal(**fields: Any) -> dict[str, Any]:
    return {"task_description": "Say it", "tasks": [{"name": "t", "agent": "Alpha"}], **fields}


class World:
    """A member with two scripted agents."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.project = make.project()
        self.agent = make.agent(self.project, name="Alpha")
        self.user = make.member(self.project.workspace)
        self.client = Client()
        self.client.force_login(self.user)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(path, json.dumps(body or {}), content_type="application/json", headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, query)
        assert answer.status_code == 200, answer.content[:500]
        return answer.json()

    def session(self, **fields: Any) -> AgentSession:
        return self.make.session(self.project, **fields)

    def worked(self) -> AgentSession:
        """A session with a task, two attempts, a message and a command."""
        session = self.session(status="RUNNING")
        task = self.make.task(session, name="t", agent=self.agent, status="RUNNING")
        for attempt, state in ((1, "FAILED"), (2, "RUNNING")):
            AgentExecution.objects.create(task=task, agent=self.agent, attempt=attempt, state=state)
        AgentMessage.objects.create(
            workspace=session.workspace, session=session, from_agent=self.agent, content={"hello": 1}
        )
        SessionCommand.objects.create(session=session, kind="pause", payload={"reason": "lunch"}, actor="me")
        return session
