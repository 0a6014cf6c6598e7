"""Who looks at the pages."""

import pytest

from tests.integration.pages.worlds import World
from tests.make import Make
from workspaces.states import Role


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


@pytest.fixture
def operator(make: Make) -> World:
    return World(make, Role.OPERATOR)


@pytest.fixture
def owner(make: Make) -> World:
    return World(make, Role.OWNER)


@pytest.fixture(autouse=True)
def no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.services.creating.ring_session", lambda session_id: None)
    monkeypatch.setattr("sessions.services.commanding.ring_session", lambda session_id: None)
    monkeypatch.setattr("sessions.services.repeating.ring_session", lambda session_id: None)
