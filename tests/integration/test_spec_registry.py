"""The registry operations of the spec "Agent Core Services", by the names they have here.

| there | here |
| --- | --- |
| `AgentRegistry.register(class, slug, description)` | the same, in a module that `AGENT_REGISTRY_MODULES` names |
| `load_definitions()` | `GET /definitions`, rows synced from the classes |
| `spawn_instance(definition, …)` | `POST /definitions/{slug}/spawn`, or `POST /agents` |
| `update_instance_status(id, status)` | `POST /agents/{id}/status`, with the spec's words |
| `list_instances(workspace, project)` | `GET /agents?workspace=&project=`, `GET /definitions/{slug}/agents` |
"""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Agent, AgentDefinition
from agents.registry import AgentRegistry, build_registry
from agents.services import sync_definitions
from tests.make import Make
from tests.unit.agents.worlds import (
    RecordingAgent,
    client_of,
    error_of,
    fresh,
    use_registry,
    use_usual_registry,
    work_off,
)
from workspaces.models import Project, Workspace
from workspaces.states import Role

API = "/api/v1"


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_usual_registry(monkeypatch)


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project)


def spawn(client: APIClient, slug: str = "recorder", **body: Any) -> Any:
    return client.post(f"{API}/definitions/{slug}/spawn", body)


class TestRegister:
    def test_register_makes_a_class_known_under_its_slug(self) -> None:
        registry = AgentRegistry()
        registry.register(RecordingAgent, "builder", "Code builder agent")
        entry = registry.get("builder")
        assert (entry.agent_class, entry.description) == (RecordingAgent, "Code builder agent")

    def test_modules_are_loaded_from_the_settings_several_with_commas(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.AGENT_REGISTRY_MODULES = ["examples.word_count_agent", "examples.survey_agent"]
        registry = build_registry(settings.AGENT_REGISTRY_MODULES)
        assert {"word_count", "survey"} <= set(registry.entries)
        assert not registry.failures


class TestLoadDefinitions:
    def test_registered_classes_are_rows_and_listed(self, client: APIClient) -> None:
        found = {row["slug"]: row for row in client.get(f"{API}/definitions").json()["results"]}
        shown = found["recorder"]
        assert {"id", "slug", "name", "agent_type", "description", "capabilities", "config_schema", "metadata"} <= set(
            shown
        )
        assert (shown["is_enabled"], shown["capabilities"]) == (True, ["record", "listen"])

    def test_definitions_are_filtered_by_capability(self, client: APIClient) -> None:
        for wanted, slugs in (("record", ["recorder"]), ("record,listen", ["recorder"]), ("record,fly", [])):
            answer = client.get(f"{API}/definitions?capability={wanted}").json()
            assert [row["slug"] for row in answer["results"]] == slugs

    def test_the_list_is_paged_in_a_fixed_number_of_queries(self, client: APIClient) -> None:
        counts = []
        for size in (1, 200):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                page = client.get(f"{API}/definitions?page_size={size}").json()
            counts.append(len(queries))
        assert page["count"] == AgentDefinition.objects.count() > 1
        assert counts[0] == counts[1] <= 4

    def test_a_class_that_disappeared_is_disabled_and_says_why(
        self, client: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_registry(monkeypatch)
        shown = client.get(f"{API}/definitions/recorder").json()
        assert not shown["is_enabled"]
        assert shown["disabled_because"].startswith("no class is registered for it any more")
        enabled = client.get(f"{API}/definitions?is_enabled=true").json()["results"]
        assert "recorder" not in {row["slug"] for row in enabled}


class TestSpawnInstance:
    def test_an_instance_is_spawned_of_a_definition(self, client: APIClient, project: Project) -> None:
        answer = spawn(client, name="one", configuration={"depth": 2})
        body = answer.json()
        assert answer.status_code == 201, body
        assert (body["definition"], body["name"], body["state_detail"]) == ("recorder", "one", "CREATED")
        agent = Agent.objects.get(id=body["id"])
        assert (agent.workspace_id, agent.project_id) == (project.workspace_id, project.id)
        assert agent.configuration == {"depth": 2}

    def test_it_is_started_when_asked(self, client: APIClient) -> None:
        body = spawn(client, start=True).json()
        assert body["state_detail"] == "INITIALIZING"
        work_off()
        assert fresh(body["id"]).state_detail == "ACTIVE"

    def test_in_a_project_of_the_callers(self, client: APIClient, project: Project, make: Make) -> None:
        second = Project.objects.create(workspace=project.workspace, name="Second", slug="second")
        assert spawn(client, project_id=str(second.id)).json()["project_id"] == str(second.id)
        error_of(spawn(client, project_id=str(make.project().id)), 404)

    def test_the_same_call_with_an_idempotency_key_spawns_one(self, client: APIClient) -> None:
        path, headers = f"{API}/definitions/recorder/spawn", {"Idempotency-Key": "one"}
        first, again = (client.post(path, {}, headers=headers) for _ in range(2))
        assert first.json() == again.json()
        assert Agent.objects.filter(definition__slug="recorder").count() == 1

    def test_a_configuration_that_breaks_the_schema_is_refused(self, client: APIClient) -> None:
        error = error_of(spawn(client, configuration={"depth": 0}), 400)
        assert error["code"] == "invalid_configuration"

    def test_an_unknown_definition_is_404_and_a_disabled_one_says_why(
        self, client: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error_of(spawn(client, "nothing"), 404)
        use_registry(monkeypatch)
        assert "no class is registered for it any more" in error_of(spawn(client), 400)["message"]
        assert not Agent.objects.filter(definition__slug="recorder").exists()

    @pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
    def test_it_needs_an_operator(self, make: Make, project: Project, role: Role) -> None:
        error_of(spawn(client_of(make, project, role)), 403)


class TestUpdateInstanceStatus:
    def test_the_words_of_the_spec_are_understood(self, client: APIClient) -> None:
        agent_id = spawn(client, start=True).json()["id"]
        work_off()
        for word, status in (("idle", "INACTIVE"), ("active", "ACTIVE")):
            answer = client.post(f"{API}/agents/{agent_id}/status", {"status": word})
            assert answer.status_code in (200, 202), answer.json()
            work_off()
            assert client.get(f"{API}/agents/{agent_id}/status").json()["status"] == status

    def test_what_cannot_be_asked_for_is_409_and_no_word_400(self, client: APIClient) -> None:
        agent_id = spawn(client).json()["id"]
        for word in ("busy", "offline"):
            error_of(client.post(f"{API}/agents/{agent_id}/status", {"status": word}), 409)
        error_of(client.post(f"{API}/agents/{agent_id}/status", {"status": "sleepy"}), 400)


class TestListInstances:
    def test_by_workspace_and_by_project(self, client: APIClient, project: Project, make: Make) -> None:
        second = Project.objects.create(workspace=project.workspace, name="Second", slug="second")
        one = spawn(client).json()["id"]
        two = spawn(client, project_id=str(second.id)).json()["id"]
        make.agent(definition="recorder")

        def ids(query: str) -> set[str]:
            return {row["id"] for row in client.get(f"{API}/agents?definition=recorder&{query}").json()["results"]}

        assert ids(f"workspace={project.workspace_id}") == {one, two}
        assert ids(f"project={second.id}") == {two}
        assert ids(f"workspace={uuid4()}") == set()

    def test_by_definition(self, client: APIClient, make: Make) -> None:
        agent_id = spawn(client).json()["id"]
        make.agent(definition="recorder")
        found = client.get(f"{API}/definitions/recorder/agents").json()
        assert [row["id"] for row in found["results"]] == [agent_id]
        assert client.get(f"{API}/definitions/recorder/agents?status=BUSY").json()["count"] == 0
        error_of(client.get(f"{API}/definitions/nothing/agents"), 404)

    def test_by_capability_those_that_can_work_now(self, client: APIClient) -> None:
        agent_id = spawn(client, start=True).json()["id"]
        path = f"{API}/agents/discover?capability=record"
        assert client.get(path).json()["count"] == 0
        work_off()
        assert [row["id"] for row in client.get(path).json()["results"]] == [agent_id]

    def test_in_a_number_of_queries_that_does_not_grow(self, client: APIClient, make: Make, project: Project) -> None:
        counts = []
        for more in (1, 9):
            for _ in range(more):
                make.agent(project, definition="recorder")
            with CaptureQueriesContext(connection) as queries:
                page = client.get(f"{API}/definitions/recorder/agents").json()
            counts.append(len(queries))
        assert page["count"] == 10
        assert counts[0] == counts[1]

    def test_an_agent_says_why_it_is_given_no_work(
        self, client: APIClient, make: Make, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent = make.agent(project, definition="recorder")
        assert client.get(f"{API}/agents/{agent.id}").json()["obstacle"] == ""
        use_registry(monkeypatch)
        shown = client.get(f"{API}/agents/{agent.id}").json()
        assert shown["obstacle"].startswith('has a definition, "recorder", that is disabled: no class')
        page = client.get(f"/agents/{agent.id}").content.decode()
        assert "Its definition is disabled" in page
        assert "no class is registered for it any more" in page
        assert "registered for it any more" in client.get("/agents").content.decode()


class TestSettings:
    def test_a_new_workspace_may_run_as_many_agents_as_the_setting_says(self, client: APIClient, settings: Any) -> None:
        settings.AGENT_MAX_CONCURRENCY = 7
        body = client.post(f"{API}/workspaces", {"name": "Seven"}).json()
        assert body["max_concurrent_executions"] == 7
        assert Workspace.objects.get(id=body["id"]).max_concurrent_executions == 7

    def test_a_registry_without_the_module_leaves_the_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = AgentDefinition.objects.get(slug="recorder").id
        report = sync_definitions(registry=use_registry(monkeypatch))
        assert report.created == ()
        assert AgentDefinition.objects.get(slug="recorder").id == before
