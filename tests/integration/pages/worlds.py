"""A workspace seen through a browser, and a session that has something to tell."""

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.models import Agent, AgentContext
from agents.services import open_context, write_context
from documents.models import Document
from documents.services import upload_documents
from sessions.models import AgentMessage, AgentSession, SessionEvent
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.states import Role

HOSTILE = "<script>alert('x')</script>"


class World:
    """A workspace with a member who is logged in."""

    def __init__(self, make: Make, role: Role = Role.MEMBER) -> None:
        self.make = make
        self.workspace = make.workspace()
        self.project = make.project(self.workspace)
        self.user = make.member(self.workspace, role)
        self.client = Client()
        self.client.force_login(self.user)

    def document(self, text: str, name: str = "notes.txt") -> Document:
        file = SimpleUploadedFile(name, text.encode())
        return upload_documents(project=self.project, files=[file], actor="test")[0]

    def finished_session(self, **fields: Any) -> AgentSession:
        return self.make.session(self.project, status="COMPLETED", **fields)


def told_session(world: World, *, said: str = "here are three findings") -> tuple[AgentSession, Document]:
    document = world.document("The lamp was lit in 1871 by the keeper.")
    agent = world.make.agent(world.project)
    cite = {"document_id": str(document.id), "title": f"notes {said}", "start": 4, "end": 20, "quote": said}
    other = {**cite, "start": 25, "end": 30}
    result = {
        "answer": "It was lit in 1871.",
        "sentences": [
            {"text": "It was lit in 1871.", "citations": [cite, other]},
            {"text": f"By the keeper {said}.", "citations": [cite]},
        ],
        "claims": [
            {
                "text": "Lit in 1872",
                "verdict": "contradiction_suspected",
                "cue": "the numbers differ",
                "evidence": [cite],
            }
        ],
    }
    session = world.finished_session(result=result, tasks=2, agent=agent)
    session.last_seq = 1
    session.save()
    frame = {"seq": 1, "type": "task.created", "at": "2026-01-01T00:00:00", "task": None, "data": {"text": said}}
    SessionEvent.objects.create(
        session=session,
        seq=1,
        type="task.created",
        payload=json.dumps(frame),
        hash="0" * 64,
        created_at=session.created_at,
    )
    AgentMessage.objects.create(
        workspace=world.workspace, session=session, from_agent=agent, to_agent=agent, content={"summary": said}
    )
    return session, document


def configurable_agent(world: World) -> Agent:
    schema = {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3}}}
    world.make.definition("digger", config_schema=schema)
    return world.make.agent(world.project, "digger")


def context_of(agent: Agent, *values: dict[str, Any], name: str = "plan") -> AgentContext:
    """A context of an agent with these versions, written by ada."""
    access = access_to(agent.project)
    context, _ = open_context(access=access, agent_id=agent.id, name=name)
    for number, data in enumerate(values, start=1):
        write_context(access=access, context_id=context.id, data=data, change_description=f"change {number}")
    return AgentContext.objects.get(id=context.id)
