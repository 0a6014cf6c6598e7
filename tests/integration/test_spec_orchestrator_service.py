"""Every endpoint of the spec "Agent Orchestrator Service", called as it stands there (under `/api/`, no version).

One class a section, one test an endpoint, each named for it. `ENDPOINTS` holds the list of the spec; the last tests
compare it with the routes of the site and with the tests above.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from agents.models import Agent
from tests.engine import running_engine
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, error_of, fresh, use_usual_registry, work_off
from workspaces.models import Project
from workspaces.states import Role

ENDPOINTS = {
    "Agents": [
        "POST /api/agents",
        "GET /api/agents",
        "GET /api/agents/{agent_id}",
        "PUT /api/agents/{agent_id}",
        "DELETE /api/agents/{agent_id}",
        "POST /api/agents/{agent_id}/execute",
    ],
    "Lifecycle": [
        "POST /api/agents/{agent_id}/status",
        "POST /api/agents/{agent_id}/initialize",
        "POST /api/agents/{agent_id}/activate",
        "POST /api/agents/{agent_id}/pause",
        "POST /api/agents/{agent_id}/terminate",
        "GET /api/agents/{agent_id}/history",
    ],
    "State": [
        "GET /api/agents/{agent_id}/state",
        "PUT /api/agents/{agent_id}/state",
        "POST /api/agents/{agent_id}/checkpoint",
        "DELETE /api/agents/{agent_id}/checkpoint",
        "POST /api/agents/{agent_id}/schedule-checkpoint",
    ],
    "Templates": [
        "POST /api/templates",
        "GET /api/templates",
        "GET /api/templates/{template_id}",
        "PUT /api/templates/{template_id}",
        "DELETE /api/templates/{template_id}",
    ],
    "Communications": [
        "POST /api/agents/{agent_id}/send",
        "POST /api/communications/{communication_id}/delivered",
        "GET /api/agents/{agent_id}/communications",
        "GET /api/communications/{communication_id}",
    ],
}


class Caller:
    """An operator of one workspace, and the agent that most calls are about."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.project: Project = make.project()
        self.http = Client()
        self.http.force_login(make.member(self.project.workspace, Role.OPERATOR))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return getattr(self.http, method)(f"/api/{path}", **sent, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.call("get", path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def post(self, path: str, body: Any = None, *, expect: int, **headers: str) -> Any:
        answer = self.call("post", path, body or {}, **headers)
        assert answer.status_code == expect, answer.content
        return answer.json()

    def agent(self, **fields: Any) -> Agent:
        """An ACTIVE one, as its services would leave it."""
        return self.make.agent(self.project, definition="recorder", **fields)


@pytest.fixture(autouse=True)
def recorder(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hooks that were called, in order."""
    use_usual_registry(monkeypatch)
    RecordingAgent.calls.clear()
    yield RecordingAgent.calls
    RecordingAgent.calls.clear()


@pytest.fixture
def caller(make: Make) -> Caller:
    return Caller(make)


class TestAgents:
    def test_post_agents_creates_an_agent(self, caller: Caller) -> None:
        body = {"name": "Reader", "definition": "recorder", "description": "Reads.", "configuration": {"depth": 3}}
        made = caller.post("agents", body, expect=201)
        assert made["id"] == made["agent_id"]
        assert {name: made[name] for name in body} == body
        assert (made["status"], made["state_detail"]) == ("INACTIVE", "CREATED")
        assert made["project_id"] == str(caller.project.id)

    @pytest.mark.parametrize(("word", "kind"), [("planner", "COORDINATOR"), ("Reviewer", "AUDITOR")])
    def test_post_agents_takes_the_older_type_words(self, caller: Caller, word: str, kind: str) -> None:
        assert caller.post("agents", {"type": word}, expect=201)["type"] == kind

    def test_get_agents_lists_agents(self, caller: Caller) -> None:
        names = {caller.agent(name=name).name for name in ("a", "b", "c")}
        page = caller.get("agents?page_size=2&ordering=name")
        assert (page["count"], [row["name"] for row in page["results"]]) == (3, ["a", "b"])
        assert page["next"]
        assert {row["name"] for row in caller.get("agents?status=ACTIVE")["results"]} == names

    def test_get_agents_id_gets_details(self, caller: Caller) -> None:
        agent = caller.agent(name="Reader")
        shown = caller.get(f"agents/{agent.id}")
        assert (shown["id"], shown["name"], shown["definition"]) == (str(agent.id), "Reader", "recorder")
        assert {"capabilities", "configuration", "allowed_transitions", "last_error", "running"} <= set(shown)

    def test_put_agents_id_updates_the_agent(self, caller: Caller) -> None:
        agent = caller.agent(name="Reader", description="Old", weight=3)
        answer = caller.call("put", f"agents/{agent.id}", {"name": "Writer", "configuration": {"depth": 2}})
        shown = answer.json()
        assert answer.status_code == 200, shown
        assert (shown["name"], shown["configuration"]) == ("Writer", {"depth": 2})
        assert (shown["description"], shown["weight"]) == ("", 1), "what is left out returns to its default"

    def test_delete_agents_id_archives_the_agent(self, caller: Caller) -> None:
        agent = caller.agent()
        assert caller.call("delete", f"agents/{agent.id}").status_code == 204
        work_off()
        assert fresh(agent).state_detail == "TERMINATED"
        assert caller.get("agents")["count"] == 0
        assert caller.get(f"agents/{agent.id}/history")["count"] >= 1

    @pytest.mark.django_db(transaction=True)
    def test_post_execute_executes_the_agent_on_a_task(self, caller: Caller) -> None:
        agent = caller.make.agent(caller.project, definition="scripted")
        with running_engine():
            body = {"task_description": "Say it", "input_data": {"say": "hello"}}
            ended = caller.post(f"agents/{agent.id}/execute", body, expect=200, Prefer="wait=30")
        (task,) = ended["tasks"]
        assert (ended["status"], task["agent"]["id"]) == ("COMPLETED", str(agent.id))
        assert task["result"]["said"] == "hello"

    def test_post_execute_answers_at_once_without_a_preference(self, caller: Caller) -> None:
        agent = caller.make.agent(caller.project, definition="scripted")
        accepted = caller.post(f"agents/{agent.id}/execute", {"task_description": "Say it"}, expect=202)
        assert set(accepted["links"]) == {"self", "events", "stream", "websocket", "page"}


class TestLifecycle:
    def test_post_status_changes_the_status(self, caller: Caller) -> None:
        agent = caller.agent(state_detail="CREATED", status="INACTIVE")
        asked = caller.post(f"agents/{agent.id}/status", {"status": "ACTIVE", "reason": "go"}, expect=202)
        assert asked["state_detail"] == "INITIALIZING"
        work_off()
        assert caller.get(f"agents/{agent.id}/status")["status"] == "ACTIVE"

    def test_post_status_says_what_is_allowed_when_no_way_leads_there(self, caller: Caller) -> None:
        agent = caller.agent()
        error = error_of(caller.call("post", f"agents/{agent.id}/status", {"status": "ERROR"}), 409)
        assert error["details"]["allowed"]
        assert fresh(agent).state_detail == "ACTIVE"

    def test_post_initialize_initializes_the_agent(self, caller: Caller, recorder: list[str]) -> None:
        agent = caller.agent(state_detail="CREATED", status="INACTIVE")
        caller.post(f"agents/{agent.id}/initialize", expect=202)
        work_off()
        assert (fresh(agent).state_detail, recorder) == ("READY", ["initialize"])

    def test_post_initialize_ends_in_error_when_the_hook_fails(self, caller: Caller) -> None:
        agent = caller.agent(state_detail="CREATED", status="INACTIVE", configuration={"initialize": "fail"})
        caller.post(f"agents/{agent.id}/initialize", expect=202)
        work_off()
        shown = caller.get(f"agents/{agent.id}")
        assert (shown["status"], shown["state_detail"]) == ("ERROR", "ERROR")
        assert "the model file is missing" in shown["last_error"]

    def test_post_activate_activates_the_agent(self, caller: Caller, recorder: list[str]) -> None:
        agent = caller.agent(state_detail="READY", status="INACTIVE")
        caller.post(f"agents/{agent.id}/activate", expect=202)
        work_off()
        assert (fresh(agent).state_detail, fresh(agent).status) == ("ACTIVE", "ACTIVE")
        assert recorder[-1] == "activate"

    def test_post_pause_pauses_the_agent(self, caller: Caller) -> None:
        agent = caller.agent()
        caller.post(f"agents/{agent.id}/pause", {"reason": "lunch"}, expect=200)
        assert (fresh(agent).state_detail, fresh(agent).status) == ("PAUSED", "INACTIVE")

    def test_post_terminate_terminates_the_agent(self, caller: Caller) -> None:
        agent = caller.agent()
        caller.post(f"agents/{agent.id}/terminate", expect=202)
        work_off()
        assert fresh(agent).state_detail == "TERMINATED"
        error = error_of(caller.call("post", f"agents/{agent.id}/activate", {}), 409)
        assert error["details"]["allowed"] == []

    @pytest.mark.parametrize("verb", ["activate", "pause"])
    def test_a_verb_out_of_order_is_a_conflict(self, caller: Caller, verb: str) -> None:
        agent = caller.agent(state_detail="CREATED", status="INACTIVE")
        error = error_of(caller.call("post", f"agents/{agent.id}/{verb}", {}), 409)
        assert error["details"]["allowed"] == ["initialize", "terminate"]

    def test_get_history_gets_the_state_history(self, caller: Caller) -> None:
        agent_id = caller.post("agents", {"definition": "recorder"}, expect=201)["id"]
        caller.post(f"agents/{agent_id}/initialize", {"reason": "first time"}, expect=202)
        work_off()
        rows = caller.get(f"agents/{agent_id}/history")["results"]
        moves = [(row["previous_state_detail"], row["new_state_detail"]) for row in reversed(rows)]
        assert moves == [(None, "CREATED"), ("CREATED", "INITIALIZING"), ("INITIALIZING", "READY")]
        assert all(row["timestamp"] and row["actor"] for row in rows)
        assert "first time" in {row["reason"] for row in rows}


class TestState:
    def test_get_state_gets_the_state(self, caller: Caller) -> None:
        agent = caller.agent(state={"step": 3}, state_version=7)
        answer = caller.call("get", f"agents/{agent.id}/state")
        assert answer.status_code == 200
        assert (answer.json()["state"], answer.json()["version"], answer["ETag"]) == ({"step": 3}, 7, '"7"')

    def test_put_state_updates_the_state(self, caller: Caller) -> None:
        agent = caller.agent(state={"step": 3, "old": True})
        answer = caller.call("put", f"agents/{agent.id}/state", {"state": {"step": 4}})
        assert (answer.status_code, answer.json()["state"]) == (200, {"step": 4})
        assert fresh(agent).state == {"step": 4}

    def test_put_state_that_comes_too_late_is_refused(self, caller: Caller) -> None:
        agent = caller.agent(state_version=2)
        late = caller.call("put", f"agents/{agent.id}/state", {"state": {"step": 4}}, **{"If-Match": '"1"'})
        error_of(late, 412)
        assert fresh(agent).state == {}

    def test_post_checkpoint_creates_a_checkpoint(self, caller: Caller) -> None:
        agent = caller.agent(state={"step": 3})
        for number in (1, 2):
            made = caller.post(f"agents/{agent.id}/checkpoint", expect=201)
            assert (made["sequence_number"], made["is_latest"], made["is_recoverable"]) == (number, True, True)
        assert made["state_data"] == {"step": 3}
        latest = agent.checkpoints.filter(is_latest=True).values_list("sequence_number", flat=True)
        assert list(latest) == [2]

    def test_delete_checkpoint_deletes_the_latest(self, caller: Caller) -> None:
        agent = caller.agent(state={"step": 3})
        for _ in range(2):
            caller.post(f"agents/{agent.id}/checkpoint", expect=201)
        assert caller.call("delete", f"agents/{agent.id}/checkpoint").status_code == 204
        assert [(row.sequence_number, row.is_latest) for row in agent.checkpoints.all()] == [(1, True)]
        assert caller.call("delete", f"agents/{agent.id}/checkpoint").status_code == 204
        error_of(caller.call("delete", f"agents/{agent.id}/checkpoint"), 404)

    def test_post_schedule_checkpoint_schedules_checkpoints(self, caller: Caller) -> None:
        agent = caller.agent()
        answer = caller.call("post", f"agents/{agent.id}/schedule-checkpoint", {"interval_seconds": 60})
        assert answer.status_code == 201, answer.content
        shown = caller.get(f"agents/{agent.id}/schedule-checkpoint")
        assert shown["interval_seconds"] == 60
        assert shown["next_at"] > agent.created_at.isoformat()
        error_of(caller.call("post", f"agents/{agent.id}/schedule-checkpoint", {"interval_seconds": 0}), 400)


TEMPLATE = {
    "name": "Careful reader",
    "agent_type": "CUSTOM",
    "definition": "recorder",
    "configuration_schema": {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1}}},
    "default_configuration": {"depth": 2},
}


class TestTemplates:
    def test_post_templates_creates_a_template(self, caller: Caller) -> None:
        made = caller.post("templates", TEMPLATE, expect=201)
        assert (made["id"], made["version"], made["is_enabled"]) == ("careful-reader", 1, True)
        assert {name: made[name] for name in TEMPLATE} == TEMPLATE

    def test_post_templates_refuses_defaults_that_break_the_schema_and_names_the_place(self, caller: Caller) -> None:
        answer = caller.call("post", "templates", {**TEMPLATE, "default_configuration": {"depth": 0}})
        assert "$.depth" in str(error_of(answer, 400)["details"])

    def test_get_templates_lists_templates(self, caller: Caller) -> None:
        caller.post("templates", TEMPLATE, expect=201)
        page = caller.get("templates?built_in=false")
        assert (page["count"], page["results"][0]["id"]) == (1, "careful-reader")
        assert set(page) == {"count", "next", "previous", "results"}

    def test_get_templates_id_gets_details(self, caller: Caller) -> None:
        made = caller.post("templates", TEMPLATE, expect=201)
        for word in (made["id"], made["uid"]):
            assert caller.get(f"templates/{word}") == made
        error_of(caller.call("get", "templates/nothing"), 404)

    def test_put_templates_id_updates_the_template_as_a_new_version(self, caller: Caller) -> None:
        caller.post("templates", TEMPLATE, expect=201)
        changed = {**TEMPLATE, "default_configuration": {"depth": 5}, "change_description": "Deeper"}
        answer = caller.call("put", "templates/careful-reader", changed, **{"If-Match": '"1"'})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["version"], answer.json()["default_configuration"]) == (2, {"depth": 5})
        versions = caller.get("templates/careful-reader/versions")["results"]
        assert (versions[0]["version"], versions[0]["change_description"]) == (2, "Deeper")
        error_of(caller.call("put", "templates/careful-reader", changed, **{"If-Match": '"1"'}), 412)

    def test_delete_templates_id_deletes_the_template(self, caller: Caller) -> None:
        caller.post("templates", TEMPLATE, expect=201)
        assert caller.call("delete", "templates/careful-reader").status_code == 204
        error_of(caller.call("get", "templates/careful-reader"), 404)

    def test_delete_templates_id_refuses_one_in_use(self, caller: Caller) -> None:
        caller.post("templates", TEMPLATE, expect=201)
        caller.post("templates/careful-reader/apply", {"name": "Ada"}, expect=201)
        error_of(caller.call("delete", "templates/careful-reader"), 409)
        assert caller.get("templates/careful-reader")["is_enabled"]


class TestCommunications:
    def sent(self, caller: Caller, **fields: Any) -> Any:
        ada, bob = caller.agent(name="ada"), caller.agent(name="bob")
        body = {"to_agent": str(bob.id), "content": {"text": "hello"}, "message_type": "REQUEST", **fields}
        return caller.post(f"agents/{ada.id}/send", body, expect=201)

    def test_post_send_sends_a_communication(self, caller: Caller) -> None:
        message = self.sent(caller, topic="greeting")
        assert (message["from_agent"]["name"], message["to_agent"]["name"]) == ("ada", "bob")
        assert (message["content"], message["delivery_status"]) == ({"text": "hello"}, "PENDING")

    def test_post_delivered_marks_it_as_delivered(self, caller: Caller) -> None:
        message = self.sent(caller)
        marked = caller.post(f"communications/{message['id']}/delivered", expect=200)
        assert marked["delivery_status"] == "DELIVERED"
        assert marked["delivered_at"] >= message["created_at"]

    def test_get_communications_gets_those_of_the_agent(self, caller: Caller) -> None:
        message = self.sent(caller)
        for agent in (message["from_agent"], message["to_agent"]):
            page = caller.get(f"agents/{agent['id']}/communications")
            assert [row["id"] for row in page["results"]] == [message["id"]]
        other = caller.agent(name="other")
        assert caller.get(f"agents/{other.id}/communications")["count"] == 0

    def test_get_communications_id_gets_details(self, caller: Caller) -> None:
        message = self.sent(caller)
        assert caller.get(f"communications/{message['id']}") == message


# The list itself

ID = "01890000-0000-7000-8000-000000000000"
ALL = [(section, endpoint) for section, endpoints in ENDPOINTS.items() for endpoint in endpoints]


@pytest.mark.parametrize(("section", "endpoint"), ALL, ids=[endpoint for _, endpoint in ALL])
def test_every_endpoint_has_a_route_and_a_test(section: str, endpoint: str) -> None:
    method, path = endpoint.split()
    view: Any = resolve(
        path.replace("{template_id}", "reader").replace("{agent_id}", ID).replace("{communication_id}", ID)
    )
    assert hasattr(view.func.cls, method.lower()), f"{path} takes no {method}"
    words = [part for part in path.removeprefix("/api/").split("/") if not part.startswith("{")]
    ends_in_id = path.endswith("}")
    named = f"test_{method.lower()}_{words[-1].replace('-', '_')}{'_id' if ends_in_id else ''}_"
    tests = [name for name in vars(globals()[f"Test{section}"]) if name.startswith(named)]
    assert tests, f"no test in Test{section} is named {named}…"


@pytest.mark.parametrize(("section", "endpoint"), ALL, ids=[endpoint for _, endpoint in ALL])
def test_every_endpoint_asks_who_is_there(db: None, section: str, endpoint: str) -> None:
    method, path = endpoint.split()
    path = path.replace("{template_id}", "reader").replace("{agent_id}", ID).replace("{communication_id}", ID)
    error_of(getattr(Client(), method.lower())(path), 401)
