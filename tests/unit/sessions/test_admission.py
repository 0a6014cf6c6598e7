"""Whether one more session is taken in: the rate of a workspace, its queue, the server's."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.clock import SYSTEM_CLOCK
from sessions.errors import ServerQueueFull, TooManyNewSessions, WorkspaceQueueFull
from sessions.models import AgentSession
from sessions.policies import retry_after_seconds
from sessions.services.admission import admit
from tests.unit.sessions.conftest import World

pytestmark = pytest.mark.django_db


def limit(world: World, **limits: int) -> None:
    workspace = world.project.workspace
    for name, value in limits.items():
        setattr(workspace, name, value)
    workspace.save()


def test_more_sessions_a_minute_than_allowed_are_refused_until_the_first_is_a_minute_old(world: World) -> None:
    world.agents("planning")
    limit(world, max_sessions_per_minute=2)
    first, _ = world.start(), world.start()
    AgentSession.objects.filter(pk=first.session.pk).update(created_at=SYSTEM_CLOCK.now() - timedelta(seconds=50))
    with pytest.raises(TooManyNewSessions) as refused:
        world.start()
    assert 9 <= refused.value.retry_after_seconds <= 11
    assert AgentSession.objects.count() == 2
    AgentSession.objects.filter(pk=first.session.pk).update(created_at=SYSTEM_CLOCK.now() - timedelta(seconds=61))
    world.start()


def test_the_same_request_again_is_answered_even_where_a_new_one_would_be_refused(world: World) -> None:
    world.agents("planning")
    limit(world, max_sessions_per_minute=1)
    made = world.start(idempotency_key="k")
    assert world.start(idempotency_key="k").session == made.session


def test_the_sessions_of_another_workspace_do_not_count(world: World) -> None:
    world.agents("planning")
    limit(world, max_sessions_per_minute=1, max_queued_sessions=1)
    world.make.session(world.make.project())
    world.start()


def test_a_workspaces_full_queue_refuses_and_says_when_to_come_again(world: World) -> None:
    world.agents("planning")
    limit(world, max_queued_sessions=2)
    queued = [world.start(), world.start()]
    with pytest.raises(WorkspaceQueueFull) as refused:
        world.start()
    assert refused.value.retry_after_seconds == 30
    AgentSession.objects.filter(pk=queued[0].session.pk).update(lease_owner=uuid4())
    world.start()


def test_the_servers_full_queue_refuses_every_workspace(world: World, settings: Any) -> None:
    settings.QUEUE_LIMIT = 3
    world.agents("planning")
    for _ in range(3):
        world.make.session(world.make.project())
    with pytest.raises(ServerQueueFull) as refused:
        world.start()
    assert refused.value.retryable
    assert AgentSession.objects.filter(project=world.project).count() == 0


def test_what_ended_lately_says_when_there_is_room(world: World, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    world.agents("planning")
    ended = SYSTEM_CLOCK.now() - timedelta(seconds=30)
    for _ in range(20):
        world.make.session(world.project, status="COMPLETED", completed_at=ended)
    world.make.session(world.project)
    with pytest.raises(ServerQueueFull) as refused:
        world.start()
    assert refused.value.retry_after_seconds == 15


def test_sleeping_paused_and_running_sessions_do_not_queue(world: World) -> None:
    world.agents("planning")
    limit(world, max_queued_sessions=1)
    world.make.session(world.project, status="WAITING", wake_at=SYSTEM_CLOCK.now())
    world.make.session(world.project, status="PAUSED")
    world.make.session(world.project, status="RUNNING", lease_owner=uuid4())
    world.start()


def test_a_child_session_always_comes_in(world: World, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    limit(world, max_sessions_per_minute=1, max_queued_sessions=1)
    world.make.session(world.project)
    admit(AgentSession(workspace=world.project.workspace, parent_step=uuid4()))
    with pytest.raises(TooManyNewSessions):
        admit(AgentSession(workspace=world.project.workspace))


def test_the_wait_is_the_time_between_two_ends_within_bounds() -> None:
    assert retry_after_seconds(ended=0, window_seconds=300) == 30
    assert retry_after_seconds(ended=1, window_seconds=900) == 300
    assert retry_after_seconds(ended=100, window_seconds=300) == 3
    assert retry_after_seconds(ended=100_000, window_seconds=300) == 1
