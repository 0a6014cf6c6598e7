"""Messages between agents outside of sessions: sent, delivered, read, expired, and seen by nobody else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Agent
from core.clock import SYSTEM_CLOCK
from sessions.housekeeping import expire_messages
from sessions.models import AgentMessage
from tests.make import Make
from tests.unit.agents.worlds import client_of, error_of
from workspaces.models import AuditEntry, Project
from workspaces.states import Role

API = "/api/v1"


@pytest.fixture
def client(make: Make, project: Project) -> APIClient:
    return client_of(make, project, Role.MEMBER)


@pytest.fixture
def ada(make: Make, project: Project) -> Agent:
    return make.agent(project, name="ada")


@pytest.fixture
def bob(make: Make, project: Project) -> Agent:
    return make.agent(project, name="bob")


def send(client: APIClient, agent: Agent, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post(f"{API}/agents/{agent.id}/send", {"content": {"text": "hello"}, **body}, headers=headers or {})


def mark(client: APIClient, message_id: str, word: str = "delivered") -> Any:
    return client.post(f"{API}/communications/{message_id}/{word}")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_message_goes_to_the_agent_named(client: APIClient, ada: Agent, bob: Agent, by: str) -> None:
    answer = send(client, ada, to_agent=str(getattr(bob, by)), topic="greeting", metadata={"n": 1})
    body = answer.json()
    assert answer.status_code == 201, body
    assert (body["from_agent"]["name"], body["to_agent"]["name"]) == ("ada", "bob")
    assert (body["delivery_status"], body["delivered_at"], body["session_id"]) == ("PENDING", None, None)
    assert (body["content"], body["topic"], body["metadata"]) == ({"text": "hello"}, "greeting", {"n": 1})
    assert client.get(f"{API}/communications/{body['id']}").json() == body
    entry = AuditEntry.objects.get(action="message.sent")
    assert entry.after == {"from": "ada", "to": "bob", "type": "NOTIFICATION"}


def test_it_is_delivered_then_read_and_each_counts_once(client: APIClient, ada: Agent, bob: Agent) -> None:
    message_id = send(client, ada, to_agent="bob").json()["id"]
    delivered = mark(client, message_id).json()
    assert delivered["delivery_status"] == "DELIVERED"
    assert mark(client, message_id).json() == delivered
    read = mark(client, message_id, "read").json()
    assert (read["delivery_status"], read["delivered_at"]) == ("READ", delivered["delivered_at"])
    assert mark(client, message_id).json()["delivery_status"] == "READ"


def test_what_is_read_was_delivered(client: APIClient, ada: Agent, bob: Agent) -> None:
    body = mark(client, send(client, ada, to_agent="bob").json()["id"], "read").json()
    assert body["delivery_status"] == "READ"
    assert body["delivered_at"] is not None


def test_a_message_nobody_read_in_time_expires_and_is_delivered_no_more(
    client: APIClient, ada: Agent, bob: Agent
) -> None:
    message_id = send(client, ada, to_agent="bob", expires_in_seconds=60).json()["id"]
    assert expire_messages(now=SYSTEM_CLOCK.now()) == 0
    assert expire_messages(now=SYSTEM_CLOCK.now() + timedelta(seconds=61)) == 1
    assert error_of(mark(client, message_id), 409)["details"]["state"] == "EXPIRED"
    assert client.get(f"{API}/communications/{message_id}").json()["delivery_status"] == "EXPIRED"


def test_a_reply_names_what_it_answers(client: APIClient, ada: Agent, bob: Agent) -> None:
    asked = send(client, ada, to_agent="bob", message_type="REQUEST").json()
    answer = send(client, bob, to_agent="ada", message_type="RESPONSE", in_reply_to=asked["id"])
    assert answer.json()["in_reply_to"] == asked["id"]
    for sender, receiver in ((ada, "bob"), (bob, "ada")):
        unknown = asked["id"] if sender == ada else str(uuid4())
        error = error_of(send(client, sender, to_agent=receiver, in_reply_to=unknown), 400)
        assert list(error["details"]) == ["in_reply_to"]


def test_a_broadcast_reaches_every_other_agent_of_the_project_with_a_delivery_of_its_own(
    client: APIClient, ada: Agent, bob: Agent, make: Make, project: Project
) -> None:
    make.agent(project, name="cleo")
    make.agent(project, name="gone", state_detail="TERMINATED", status="INACTIVE")
    make.agent(Project.objects.create(workspace=project.workspace, name="Other", slug="other"), name="elsewhere")
    answer = send(client, ada, broadcast=True, topic="news")
    body = answer.json()
    assert (answer.status_code, body["count"], len(body["message_ids"])) == (201, 2, 2)
    rows = AgentMessage.objects.filter(metadata__broadcast_id=body["broadcast_id"])
    assert {row.to_agent.name for row in rows if row.to_agent} == {"bob", "cleo"}
    mark(client, body["message_ids"][0])
    assert sorted(rows.values_list("delivery_status", flat=True)) == ["DELIVERED", "PENDING"]


def test_a_broadcast_that_nobody_could_hear_is_told(client: APIClient, ada: Agent) -> None:
    error_of(send(client, ada, broadcast=True), 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to_agent"),
        ({"to_agent": "bob", "broadcast": True}, "to_agent"),
        ({"to_agent": "nobody"}, "to_agent"),
        ({"to_agent": "ada"}, "to_agent"),
        ({"broadcast": True, "message_type": "REQUEST"}, "to_agent"),
        ({"to_agent": "bob", "content": None}, "content"),
        ({"to_agent": "bob", "message_type": "SHOUT"}, "message_type"),
        ({"to_agent": "bob", "metadata": []}, "metadata"),
        ({"to_agent": "bob", "expires_in_seconds": 0}, "expires_in_seconds"),
        ({"to_agent": "bob", "in_reply_to": "x"}, "in_reply_to"),
    ],
)
def test_what_cannot_be_sent_is_told_by_field(
    client: APIClient, ada: Agent, bob: Agent, body: dict[str, Any], field: str
) -> None:
    assert list(error_of(send(client, ada, **body), 400)["details"]) == [field]
    assert not AgentMessage.objects.exists()


def test_a_message_is_no_document(client: APIClient, ada: Agent, bob: Agent) -> None:
    error_of(send(client, ada, to_agent="bob", content="x" * 300_000), 413)


def test_a_terminated_agent_neither_speaks_nor_hears(
    client: APIClient, ada: Agent, make: Make, project: Project
) -> None:
    gone = make.agent(project, name="gone", state_detail="TERMINATED", status="INACTIVE")
    error_of(send(client, gone, to_agent="ada"), 409)
    error_of(send(client, ada, to_agent="gone"), 400)


def test_sent_twice_with_one_key_it_is_said_once(client: APIClient, ada: Agent, bob: Agent) -> None:
    headers = {"Idempotency-Key": "hello-1"}
    first, again = (send(client, ada, headers, to_agent="bob") for _ in range(2))
    assert first.json() == again.json()
    assert AgentMessage.objects.count() == 1


def test_a_viewer_reads_and_does_not_speak(make: Make, project: Project, ada: Agent, bob: Agent) -> None:
    viewer = client_of(make, project, Role.VIEWER)
    error_of(send(viewer, ada, to_agent="bob"), 403)
    message = AgentMessage.objects.create(workspace=project.workspace, from_agent=ada, to_agent=bob, content=1)
    error_of(mark(viewer, str(message.id)), 403)
    assert viewer.get(f"{API}/communications/{message.id}").status_code == 200


def test_nobody_of_another_workspace_sees_writes_or_is_written_to(
    client: APIClient, make: Make, ada: Agent, bob: Agent
) -> None:
    far = make.agent(name="far")
    stranger = client_of(make, far.project, Role.OWNER)
    message_id = send(client, ada, to_agent="bob").json()["id"]
    error_of(stranger.get(f"{API}/communications/{message_id}"), 404)
    error_of(mark(stranger, message_id), 404)
    error_of(stranger.get(f"{API}/agents/{ada.id}/communications"), 404)
    error_of(send(stranger, ada, to_agent="bob"), 404)
    error_of(send(client, ada, to_agent=str(far.id)), 400)


def test_messages_of_a_session_are_seen_and_left_to_its_runner(
    client: APIClient, make: Make, project: Project, ada: Agent, bob: Agent
) -> None:
    session = make.session(project)
    row = AgentMessage.objects.create(
        workspace=project.workspace, session=session, from_agent=ada, to_agent=bob, content=1
    )
    assert error_of(mark(client, str(row.id)), 409)["code"] == "message_in_session"
    listed = client.get(f"{API}/agents/{bob.id}/communications").json()
    assert [message["session_id"] for message in listed["results"]] == [str(session.id)]
    assert client.get(f"{API}/agents/{bob.id}/communications?outside_sessions=true").json()["count"] == 0


def test_the_list_is_narrowed_by_direction_delivery_type_and_topic(client: APIClient, ada: Agent, bob: Agent) -> None:
    sent = send(client, ada, to_agent="bob", topic="a", message_type="REQUEST").json()["id"]
    got = send(client, bob, to_agent="ada", topic="b").json()["id"]
    mark(client, got)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in client.get(f"{API}/agents/{ada.id}/communications?{query}").json()["results"]]

    assert ids("") == [got, sent]
    assert ids("direction=sent") == ids("topic=a") == ids("message_type=REQUEST") == [sent]
    assert ids("direction=received&delivery_status=DELIVERED") == ids("topic=b") == [got]
    error_of(client.get(f"{API}/agents/{ada.id}/communications?direction=sideways"), 400)


def test_the_list_costs_the_same_however_long_it_is(client: APIClient, ada: Agent, bob: Agent) -> None:
    counts = []
    for more in (1, 8):
        for _ in range(more):
            send(client, ada, to_agent="bob")
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"{API}/agents/{bob.id}/communications").json()
        counts.append(len(queries))
    assert page["count"] == 9
    assert counts[0] == counts[1] <= 7
