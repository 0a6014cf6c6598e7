"""The admin of sessions: everything can be looked at, nothing be edited, and actions ask the runner."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from core.clock import SYSTEM_CLOCK
from core.ids import new_id
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    EngineWorker,
    ExecutionStateHistory,
    ExecutionStep,
    Placement,
    PrunedSession,
    SessionCommand,
    SessionEvent,
    SlotRequest,
    SlotShare,
)
from tests.make import Make
from tests.past import Past
from workspaces.models import AuditEntry

MODELS = list(apps.get_app_config("agent_sessions").get_models())


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=args)


@pytest.fixture
def session(make: Make) -> AgentSession:
    """A session with at least one row of every model."""
    now = SYSTEM_CLOCK.now()
    session = make.session(tasks=1, status="RUNNING")
    first = session.tasks.get()
    assert first.agent is not None
    make.task(session, after=[first])
    execution = AgentExecution.objects.create(task=first, agent=first.agent, attempt=1)
    ExecutionStateHistory.objects.create(execution=execution, new_state="QUEUED", timestamp=now)
    AgentMessage.objects.create(workspace=session.workspace, session=session, from_agent=first.agent, content={})
    SessionCommand.objects.create(session=session, kind="pause", applied_at=now)
    SessionEvent.objects.create(session=session, seq=1, type="log", payload="{}", hash="", created_at=now)
    key = {"key": "k", "input_hash": "", "kind": "call", "status": "COMPLETED"}
    ExecutionStep.objects.create(task=first, created_at=now, **key)
    SlotRequest.objects.create(worker_id=new_id(), task_id=first.id, scope="agent:x", requested_at=now)
    SlotShare.objects.create(worker_id=new_id(), scope="agent:x", places=2)
    Placement.objects.create(execution=execution, queue="q", run_id=new_id(), created_at=now)
    EngineWorker.objects.create(host="here", pid=1, started_at=now, expires_at=now)
    PrunedSession.objects.create(
        id=new_id(), workspace=session.workspace, status="FAILED", last_seq=1, completed_at=now, created_at=now
    )
    return session


def client_of(make: Make, *permissions: str, **fields: Any) -> Client:
    user = make.user(is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_row_can_be_looked_at_and_none_be_made_changed_or_deleted(
    make: Make, session: AgentSession, model: Any
) -> None:
    client = client_of(make, is_superuser=True)
    row = model.objects.first()
    assert client.get(url(model, "changelist")).status_code == 200
    page = client.get(url(model, "change", row.pk))
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "change", row.pk), {"status": "COMPLETED"}).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_every_model_is_registered() -> None:
    assert [model for model in MODELS if not admin.site.is_registered(model)] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_can_be_searched(make: Make, session: AgentSession, model: Any) -> None:
    assert client_of(make, is_superuser=True).get(url(model, "changelist"), {"q": "x"}).status_code == 200


def act(client: Client, session: AgentSession, kind: str) -> str:
    body = {"action": f"{kind}_sessions", "_selected_action": [str(session.pk)]}
    return client.post(url(AgentSession, "changelist"), body, follow=True).content.decode()


@pytest.mark.parametrize("kind", ["cancel", "pause"])
def test_an_action_asks_the_runner_and_is_in_the_audit_log(make: Make, session: AgentSession, kind: str) -> None:
    assert f"asked to {kind}" in act(client_of(make, is_superuser=True), session, kind)
    command = SessionCommand.objects.get(applied_at__isnull=True)
    assert (command.kind, command.payload["reason"]) == (kind, "by an operator in the admin")
    assert AuditEntry.objects.get().action == f"session.{kind}"
    assert AgentSession.objects.get().status == "RUNNING"


def test_an_action_that_is_refused_says_why(make: Make, session: AgentSession) -> None:
    assert "only a paused session can be resumed" in act(client_of(make, is_superuser=True), session, "resume")
    assert not SessionCommand.objects.filter(applied_at__isnull=True).exists()


def test_staff_who_may_only_look_have_no_actions(make: Make, session: AgentSession) -> None:
    act(client_of(make, "view_agentsession"), session, "cancel")
    assert not SessionCommand.objects.filter(applied_at__isnull=True).exists()
    act(client_of(make, "view_agentsession", "change_agentsession"), session, "cancel")
    assert SessionCommand.objects.filter(applied_at__isnull=True).exists()


def test_the_history_of_sessions_can_be_verified(make: Make) -> None:
    past = Past(make)
    whole, broken = past.session(), past.session(title="The broken one")
    SessionEvent.objects.filter(session=broken, seq=2).delete()
    body = {"action": "verify_history", "_selected_action": [str(whole.pk), str(broken.pk)]}
    client = client_of(make, "view_agentsession")
    shown = client.post(url(AgentSession, "changelist"), body, follow=True).content.decode()
    assert f"history verified, {whole.last_seq} events, last hash {whole.last_hash}" in shown
    assert "The broken one: at event 2: Event 2 is missing." in shown
