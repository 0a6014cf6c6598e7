"""Agents made of templates, over HTTP: applying, upgrading, who lags behind."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Agent
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of, work_off
from workspaces.models import Project
from workspaces.states import Role

API = "/api/v1/templates"
AGENTS = "/api/v1/agents"
BODY = {
    "name": "Critic",
    "definition": "validation",
    "configuration_schema": {"type": "object", "properties": {"max_claims": {"type": "integer", "maximum": 50}}},
    "default_configuration": {"max_claims": 5, "passages_per_claim": 2},
    "prompt_template": "Criticise {{what}}.",
    "prompt_variables": [{"name": "what", "default": "it"}],
}


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    client = client_of(make, project)
    assert client.post(API, BODY).status_code == 201
    return client


def applied(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/critic/apply", body)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


# POST /templates/{id}/apply


def test_post_apply_makes_an_agent(client: APIClient, project: Project) -> None:
    agent = applied(client, name="Ann", configuration={"max_claims": 9}, variables={"what": "this"})
    assert (agent["name"], agent["project_id"], agent["type"]) == ("Ann", str(project.id), "AUDITOR")
    assert agent["configuration"] == {"max_claims": 9, "passages_per_claim": 2}
    assert (agent["prompt_template"], agent["template_variables"]) == ("Criticise this.", {"what": "this"})
    assert (agent["template_id"], agent["template_version"]) == ("critic", 1)
    assert (agent["latest_template_version"], agent["is_behind"]) == (1, False)
    assert (agent["status"], agent["state_detail"]) == ("INACTIVE", "CREATED")
    assert client.get(f"{AGENTS}/{agent['id']}").json() == agent


def test_post_apply_with_start_brings_it_up(client: APIClient) -> None:
    agent = applied(client, start=True)
    assert agent["pending_command"]["kind"] == "START"
    work_off()
    assert client.get(f"{AGENTS}/{agent['id']}").json()["state_detail"] == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"configuration": {"max_claims": "x"}}, {"configuration": ["$.max_claims: 'x' is not of type 'integer'"]}),
        (
            {"configuration": {"max_claims": 51}},
            {"configuration": ["$.max_claims: 51 is greater than the maximum of 50"]},
        ),
        (
            {"configuration": {"passages_per_claim": 21}},
            {"configuration": ["$.passages_per_claim: 21 is greater than the maximum of 20"]},
        ),
        ({"variables": {"who": "x"}}, {"variables": ["$.who: There is no such variable. Declared: what."]}),
        (
            {"configuration": [1]},
            {"configuration": ['This must be a JSON object, like {"step": 3}, and not of type list.']},
        ),
        ({"name": "x" * 101}, {"name": ["Ensure this field has no more than 100 characters."]}),
    ],
)
def test_post_apply_names_the_path_of_what_does_not_fit(client: APIClient, body: Any, details: Any) -> None:
    assert error_of(client.post(f"{API}/critic/apply", body), 400)["details"] == details
    assert not Agent.objects.filter(template__isnull=False).exists()


def test_post_apply_refuses_large_and_deep_configurations(client: APIClient) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    for configuration, words in (({"a": "x" * 300_000}, "262,144"), ({"a": deep}, "nested more than 50")):
        error = error_of(client.post(f"{API}/critic/apply", {"configuration": configuration}), 400)
        assert words in error["details"]["configuration"][0]
    error_of(client.post(f"{API}/critic/apply", {"configuration": {"a": "x" * (5 << 20)}}), 413)


def test_post_apply_refuses_versions_names_and_projects_that_are_not_there(
    make: Make, client: APIClient, project: Project
) -> None:
    applied(client, name="Ann")
    assert error_of(client.post(f"{API}/critic/apply", {"name": "Ann"}), 409)["code"] == "name_taken"
    error_of(client.post(f"{API}/critic/apply", {"version": 2}), 404)
    error_of(client.post(f"{API}/critic/apply", {"project_id": str(make.project().id)}), 404)
    error_of(client.post(f"{API}/nobody/apply", {}), 404)
    error_of(client.post(f"{API}/critic/apply", {"definition": "research"}), 400)


def test_post_apply_sent_twice_with_one_key_makes_one(client: APIClient) -> None:
    answers = [
        client.post(f"{API}/critic/apply", {"name": "Ann"}, headers={"Idempotency-Key": "k"}).json() for _ in range(2)
    ]
    assert answers[0]["id"] == answers[1]["id"]


# POST /agents with a template_id


def test_post_agents_with_a_template_id_applies_it(client: APIClient, project: Project) -> None:
    body = {
        "name": "Bob",
        "type": "reviewer",
        "template_id": "critic",
        "project_id": str(project.id),
        "configuration": {"max_claims": 7},
        "variables": {"what": "all"},
        "metadata": {"team": "a"},
    }
    answer = client.post(AGENTS, body)
    agent = answer.json()
    assert answer.status_code == 201, agent
    assert (agent["template_id"], agent["type"], agent["metadata"]) == ("critic", "AUDITOR", {"team": "a"})
    assert agent["configuration"] == {"max_claims": 7, "passages_per_claim": 2}
    assert (agent["prompt_template"], agent["description"]) == ("Criticise all.", "")
    own = client.post(AGENTS, {"template_id": "critic", "prompt_template": "Mine.", "description": "Own."}).json()
    assert (own["prompt_template"], own["description"]) == ("Mine.", "Own.")


def test_post_agents_with_a_template_id_refuses_what_the_template_does_not_say(client: APIClient) -> None:
    assert error_of(client.post(AGENTS, {"template_id": "critic", "type": "designer"}), 400)["details"]["type"]
    error_of(client.post(AGENTS, {"template_id": "nobody"}), 404)
    error_of(client.post(AGENTS, {"template_id": str(uuid4())}), 404)
    error = error_of(client.post(AGENTS, {"template_id": "critic", "configuration": {"max_claims": "x"}}), 400)
    assert error["details"]["configuration"] == ["$.max_claims: 'x' is not of type 'integer'"]
    plain = client.post(AGENTS, {"definition": "validation", "template_id": None}).json()
    assert (plain["template_id"], plain["is_behind"], plain["template_version"]) == (None, False, None)


# POST /agents/{id}/upgrade


def test_post_upgrade_keeps_the_overrides(client: APIClient) -> None:
    agent = applied(client, configuration={"max_claims": 9})
    client.patch(f"{API}/critic", {"default_configuration": {"max_claims": 1, "passages_per_claim": 4}})
    shown = client.get(f"{AGENTS}/{agent['id']}").json()
    assert (shown["is_behind"], shown["template_version"], shown["latest_template_version"]) == (True, 1, 2)
    answer = client.post(f"{AGENTS}/{agent['id']}/upgrade")
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["configuration"] == {"max_claims": 9, "passages_per_claim": 4}
    assert (body["is_behind"], body["template_version"]) == (False, 2)
    assert client.get(f"{AGENTS}/{agent['id']}").json() == body


def test_post_upgrade_is_refused_with_the_paths_that_no_longer_fit(make: Make, client: APIClient) -> None:
    agent = applied(client, configuration={"max_claims": 40})
    schema = {"type": "object", "properties": {"max_claims": {"type": "integer", "maximum": 10}}}
    assert client.patch(f"{API}/critic", {"configuration_schema": schema}).status_code == 200
    error = error_of(client.post(f"{AGENTS}/{agent['id']}/upgrade", {}), 400)
    assert error["details"] == {"configuration": ["$.max_claims: 40 is greater than the maximum of 10"]}
    error_of(client.post(f"{AGENTS}/{agent['id']}/upgrade", {"version": 9}), 404)
    plain = client.post(AGENTS, {"definition": "validation"}).json()
    error_of(client.post(f"{AGENTS}/{plain['id']}/upgrade"), 409)
    error_of(client_of(make, make.project()).post(f"{AGENTS}/{agent['id']}/upgrade"), 404)


def test_post_upgrade_needs_an_operator(make: Make, client: APIClient, project: Project) -> None:
    agent = applied(client)
    error_of(client_of(make, project, Role.MEMBER).post(f"{AGENTS}/{agent['id']}/upgrade"), 403)


# GET /templates/{id}/agents and GET /agents?template=&behind=


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_agents_that_lag_behind_are_listed(client: APIClient) -> None:
    applied(client, name="old")
    client.patch(f"{API}/critic", {"description": "Anew."})
    applied(client, name="young")
    client.post(AGENTS, {"definition": "validation", "name": "plain"})
    uid = client.get(f"{API}/critic").json()["uid"]
    for key in ("critic", uid):
        assert names(client.get(f"{API}/{key}/agents")) == ["old", "young"]
        assert names(client.get(f"{API}/{key}/agents", {"behind": "true"})) == ["old"]
        assert names(client.get(AGENTS, {"template": key})) == ["old", "young"]
        assert names(client.get(AGENTS, {"template": key, "behind": "true"})) == ["old"]
    assert names(client.get(AGENTS, {"behind": "true"})) == ["old"]
    assert names(client.get(AGENTS, {"template": "nobody"})) == []
    error_of(client.get(f"{API}/critic/agents", {"behind": "perhaps"}), 400)


@pytest.mark.parametrize("path", [f"{API}/critic/agents", AGENTS])
def test_lists_of_agents_cost_the_same_however_many_came_from_templates(client: APIClient, path: str) -> None:
    applied(client)
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    for _ in range(5):
        applied(client)
    with CaptureQueriesContext(connection) as many:
        assert len(names(client.get(path))) == 6
    assert len(many) == len(few) <= 9
    assert not any('"snapshot"' in query["sql"] or "configuration_schema" in query["sql"] for query in many[-4:])
