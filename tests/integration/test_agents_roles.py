"""Who may read and change agents over HTTP."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from agents.policies import BUILTIN_SLUGS, OPERATOR_VERBS
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, fresh, moves_of, use_usual_registry
from workspaces.models import AuditEntry, Project
from workspaces.selectors import access_of_user
from workspaces.services import create_project
from workspaces.states import Role

API = "/api/v1/agents"


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)


WRITES = [
    ("patch", "", {"name": "x"}),
    ("put", "", {"name": "x"}),
    ("delete", "", {}),
    ("post", "/status", {"status": "PAUSED"}),
    ("post", "/maintenance", {}),
    *[("post", f"/{verb}", {}) for verb in OPERATOR_VERBS],
]
READS = [("get", "", {}), ("get", "/status", {}), ("get", "/history", {})]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_readers_read_and_change_nothing(make: Make, project: Project, role: Role) -> None:
    agent = make.agent(project)
    client = client_of(make, project, role)
    for method, path, body in READS:
        assert getattr(client, method)(f"{API}/{agent.id}{path}", body).status_code == 200
    for method, path, body in WRITES:
        error_of(getattr(client, method)(f"{API}/{agent.id}{path}", body), 403)
    error_of(client.post(API, {"definition": "recorder"}), 403)
    assert moves_of(agent) == []
    assert not AuditEntry.objects.filter(object_type="agent").exists()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN, Role.OWNER])
def test_operators_and_stronger_change_agents(make: Make, project: Project, role: Role) -> None:
    agent = make.agent(project)
    assert client_of(make, project, role).post(f"{API}/{agent.id}/pause").status_code == 200
    assert fresh(agent).state_detail == "PAUSED"


def test_another_workspaces_agent_is_a_404_on_every_route(make: Make, project: Project) -> None:
    agent = make.agent()
    client = client_of(make, project, Role.OWNER)
    for method, path, body in [*READS, *WRITES]:
        for agent_id in (agent.id, uuid4()):
            error_of(getattr(client, method)(f"{API}/{agent_id}{path}", body), 404)
    assert fresh(agent).state_detail == "ACTIVE"


def test_nobody_in_particular_is_turned_away(make: Make) -> None:
    agent = make.agent()
    for path in ("", f"/{agent.id}", "/discover?capability=x"):
        assert APIClient().get(API + path).status_code == 401


def test_a_new_projects_agents_are_there_at_once(make: Make, project: Project) -> None:
    owner = make.member(project.workspace, Role.OWNER)
    new = create_project(access=access_of_user(owner), name="Second", workspace_id=project.workspace_id)
    client = client_of(make, project, Role.VIEWER)
    rows = client.get(API, {"project": new.id, "status": "ACTIVE"}).json()["results"]
    assert sorted(row["definition"] for row in rows) == sorted(BUILTIN_SLUGS)
