"""Many writers of one context at the same time, each with a connection of its own. Also run on PostgreSQL."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client

from agents import services
from agents.models import Agent, AgentContext
from core.errors import Gone, NotFound
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 8


@pytest.fixture
def agent(make: Make, settings: Any) -> Agent:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 1000
    return make.agent()


@pytest.fixture
def clients(make: Make, agent: Agent) -> list[Client]:
    """One for each writer, members all."""
    user = make.member(agent.workspace, Role.MEMBER)
    clients = [Client() for _ in range(WRITERS)]
    for client in clients:
        client.force_login(user)
    return clients


@pytest.fixture
def context(agent: Agent) -> AgentContext:
    return services.open_context(access=access_to(agent.project), agent_id=agent.id, name="notes")[0]


def at_once(act: Callable[[int], Any], count: int = WRITERS) -> list[Any]:
    """What `act(number)` comes to in so many threads that begin together."""
    start = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            start.wait(timeout=10)
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def put(client: Client, context_id: UUID, data: Any, etag: str = "") -> Any:
    headers = {"If-Match": etag} if etag else {}
    body = json.dumps({"data": data})
    return client.put(f"/api/v1/contexts/{context_id}", body, content_type="application/json", headers=headers)


def given(context: AgentContext) -> list[int]:
    return list(context.versions.order_by("version").values_list("version", flat=True))


def test_of_many_who_knew_the_same_version_one_wins_and_the_others_get_412(
    clients: list[Client], context: AgentContext
) -> None:
    for number in range(5):
        answers = at_once(lambda n, etag=f'"{number}"': put(clients[n], context.id, {"by": n}, etag))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: WRITERS - 1}
        [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 200]
        assert context.versions.get(version=number + 1).data == {"by": winner}
    assert given(context) == [1, 2, 3, 4, 5]


def test_no_version_is_lost_or_given_twice(clients: list[Client], context: AgentContext) -> None:
    def write_ten(n: int) -> list[tuple[int, Any]]:
        answers = [put(clients[n], context.id, {"by": n, "count": count}) for count in range(10)]
        assert {answer.status_code for answer in answers} == {200}
        return [(answer.json()["version"], answer.json()["data"]) for answer in answers]

    written = dict(pair for pairs in at_once(write_ten) for pair in pairs)
    assert sorted(written) == given(context) == list(range(1, 10 * WRITERS + 1))
    assert dict(context.versions.values_list("version", "data")) == written


def test_patches_at_once_all_count(clients: list[Client], context: AgentContext) -> None:
    def patch(n: int) -> int:
        body = json.dumps({"data": {str(n): True}})
        answer = clients[n].patch(f"/api/v1/contexts/{context.id}", body, content_type="application/json")
        return int(answer.status_code)

    assert set(at_once(patch)) == {200}
    access = access_to(context.project)
    held = services.read_context(access=access, context_id=context.id).data
    assert held == {str(n): True for n in range(WRITERS)}


def test_a_key_that_comes_twice_at_once_writes_once(context: AgentContext) -> None:
    access = access_to(context.project)

    def write(n: int) -> int:
        return services.write_context(access=access, context_id=context.id, data={"by": n}, write_key="k").version

    assert set(at_once(write)) == {1}
    assert given(context) == [1]


def test_a_name_opened_by_many_at_once_is_one_context(clients: list[Client], agent: Agent) -> None:
    def open_it(n: int) -> Any:
        body = json.dumps({"name": "shared", "data": {"by": n}})
        return clients[n].post(f"/api/v1/agents/{agent.id}/contexts", body, content_type="application/json")

    answers = at_once(open_it)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: WRITERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert AgentContext.objects.get(name="shared").last_version == 1


@pytest.mark.parametrize("limit", [1, 2])
def test_writers_readers_and_rollbacks_together_leave_everything_in_order(
    context: AgentContext, settings: Any, limit: int
) -> None:
    """A small history, so that what is read and rolled back to is pruned at the same time."""
    settings.AGENT_CONTEXT_HISTORY_LIMIT = limit
    access = access_to(context.project)
    services.write_context(access=access, context_id=context.id, data={"n": 0})

    def act(n: int) -> list[int]:
        written = []
        for _ in range(10):
            if n % 4 == 0:
                shown = services.read_context(access=access, context_id=context.id)
                assert shown.version > 0
            elif n % 4 == 1:
                target = AgentContext.objects.get(id=context.id).current_version
                try:
                    done = services.rollback_context(access=access, context_id=context.id, version=target)
                except (Gone, NotFound):
                    continue
                assert done.last_version >= target
            else:
                written.append(services.write_context(access=access, context_id=context.id, data={"n": n}).version)
        return written

    numbers = [number for written in at_once(act) for number in written]
    row = AgentContext.objects.get(id=context.id)
    assert sorted(numbers) == list(range(2, row.last_version + 1))
    assert row.rollback_state != "PENDING"
    assert row.current_version in given(context)
    assert len(given(context)) <= 3
