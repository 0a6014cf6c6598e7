"""A world with one project and its member."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from agents.models import Agent
from documents.models import Document
from sessions.request import SessionRequest
from sessions.services import creating
from tests.make import Make
from tests.unit.sessions.earlier import Earlier
from workspaces.access import Access
from workspaces.models import Project
from workspaces.selectors import access_of_user
from workspaces.states import Role


@dataclass
class World:
    """One project, the access of its member, and what rang."""

    make: Make
    project: Project
    access: Access
    rung: list[UUID]

    def agents(self, *definitions: str) -> list[Agent]:
        return [self.make.agent(self.project, name, name=f"The {name}") for name in definitions]

    def document(self, status: str = "READY", **fields: Any) -> Document:
        values = {"project": self.project, "title": "A document", "status": status, **fields}
        return Document.objects.create(**values)

    def start(self, goal: str = "Goal", **fields: Any) -> creating.Submission:
        return creating.submit_session(access=self.access, project=self.project, request=SessionRequest(goal, **fields))

    def access_as(self, role: Role) -> Access:
        return access_of_user(self.make.member(self.project.workspace, role))


@pytest.fixture
def world(make: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    rung: list[UUID] = []
    monkeypatch.setattr("sessions.services.creating.ring_session", rung.append)
    monkeypatch.setattr("sessions.services.commanding.ring_session", rung.append)
    monkeypatch.setattr("sessions.services.repeating.ring_session", rung.append)
    project = make.project()
    return World(make, project, access_of_user(make.member(project.workspace)), rung)


@pytest.fixture
def failed(world: World) -> Earlier:
    """a is done, b failed, c was never begun."""
    return Earlier(world, {"a": "COMPLETED", "b": "FAILED", "c": "SKIPPED"})


@pytest.fixture
def good(world: World) -> Earlier:
    return Earlier(world, {"a": "COMPLETED", "b": "COMPLETED", "c": "COMPLETED"}, status="COMPLETED")
