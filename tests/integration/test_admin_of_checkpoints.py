"""The admin of checkpoints: looked at, restored, deleted, stopped, always through the services."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.services import create_checkpoint, schedule_checkpoints
from tests.make import Make
from tests.unit.agents.worlds import access_to, fresh
from workspaces.models import AuditEntry

CHECKPOINTS = "admin:agents_agentcheckpoint_changelist"
SCHEDULES = "admin:agents_checkpointschedule_changelist"


@pytest.fixture
def agent(db: None, make: Make) -> Agent:
    agent = make.agent(name="one", state={"step": 1})
    for recoverable in (True, True, False):
        create_checkpoint(access=access_to(agent.project), agent_id=agent.id, is_recoverable=recoverable)
    schedule_checkpoints(access=access_to(agent.project), agent_id=agent.id, interval_seconds=60)
    return agent


@pytest.fixture
def pages(make: Make) -> Client:
    pages = Client()
    pages.force_login(make.user(is_staff=True, is_superuser=True, username="root"))
    return pages


def row(number: int) -> AgentCheckpoint:
    return AgentCheckpoint.objects.get(sequence_number=number)


def act(pages: Client, page: str, action: str, *rows: Any) -> str:
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = pages.post(reverse(page), body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_checkpoints_and_schedules_are_looked_at_and_not_changed_by_hand(pages: Client, agent: Agent) -> None:
    for model, one in (("agentcheckpoint", row(1)), ("checkpointschedule", CheckpointSchedule.objects.get())):
        assert "one" in pages.get(reverse(f"admin:agents_{model}_changelist")).content.decode()
        assert pages.get(reverse(f"admin:agents_{model}_change", args=[one.pk])).status_code == 200
        assert pages.post(reverse(f"admin:agents_{model}_change", args=[one.pk]), {}).status_code == 403
        assert pages.get(reverse(f"admin:agents_{model}_add")).status_code == 403
        assert pages.get(reverse(f"admin:agents_{model}_delete", args=[one.pk])).status_code == 403


def test_a_checkpoint_is_restored(pages: Client, agent: Agent) -> None:
    Agent.objects.filter(id=agent.id).update(state={"lost": True})
    text = act(pages, CHECKPOINTS, "restore_checkpoints", row(2))
    assert "checkpoint 2 is restored, as version 1 of the state" in text
    assert fresh(agent).state == {"step": 1}
    entry = AuditEntry.objects.get(action="agent.checkpoint_restored")
    assert (entry.actor, entry.workspace_id) == ("root", agent.workspace_id)


def test_what_cannot_be_restored_is_told(pages: Client, agent: Agent) -> None:
    assert "is not recoverable" in act(pages, CHECKPOINTS, "restore_checkpoints", row(3))
    assert "Choose one checkpoint of each agent" in act(pages, CHECKPOINTS, "restore_checkpoints", row(1), row(2))
    assert fresh(agent).state_version == 0


def test_checkpoints_are_deleted_and_the_highest_left_is_the_latest(pages: Client, agent: Agent) -> None:
    assert "checkpoint 3 is deleted" in act(pages, CHECKPOINTS, "delete_checkpoints", row(3), row(1))
    assert list(AgentCheckpoint.objects.values_list("sequence_number", "is_latest")) == [(2, True)]


def test_a_schedule_is_stopped(pages: Client, agent: Agent) -> None:
    assert "no more checkpoints" in act(pages, SCHEDULES, "stop_schedules", CheckpointSchedule.objects.get())
    assert not CheckpointSchedule.objects.exists()


def test_staff_who_may_only_look_are_offered_no_action(agent: Agent, make: Make) -> None:
    user = make.user(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    pages = Client()
    pages.force_login(user)
    assert "restore_checkpoints" not in pages.get(reverse(CHECKPOINTS)).content.decode()
    act(pages, CHECKPOINTS, "delete_checkpoints", row(1))
    assert AgentCheckpoint.objects.count() == 3


def test_the_lists_take_as_many_queries_for_many_agents_and_read_no_state(
    pages: Client, agent: Agent, make: Make
) -> None:
    def queries(page: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            pages.get(reverse(page))
        for word in ('"agent"."state",', "state_data"):
            assert not [query for query in captured if word in query["sql"]]
        return len(captured)

    first = [queries(CHECKPOINTS), queries(SCHEDULES)]
    for _ in range(5):
        other = make.agent()
        create_checkpoint(access=access_to(other.project), agent_id=other.id)
        schedule_checkpoints(access=access_to(other.project), agent_id=other.id, interval_seconds=60)
    assert [queries(CHECKPOINTS), queries(SCHEDULES)] == first
    assert max(first) <= 9
