"""Chores: what is late expires, what nobody needs goes, and everything else stays."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from core.clock import SYSTEM_CLOCK
from core.ids import new_id
from sessions.housekeeping import keep_house
from sessions.models import AgentMessage, AgentSession, EngineWorker
from sessions.tasks import keep_house as keep_house_task
from sessions.tasks import poke
from sessions.worker import Worker
from tests.make import Make

NOW = SYSTEM_CLOCK.now()
HOUR = timedelta(hours=1)


def worker(expired_for: timedelta) -> EngineWorker:
    return EngineWorker.objects.create(
        id=new_id(), host="h", pid=1, started_at=NOW - 9 * HOUR, expires_at=NOW - expired_for
    )


def test_workers_long_gone_are_forgotten_unless_a_session_is_still_theirs(make: Make) -> None:
    gone, owner, recent = worker(2 * HOUR), worker(2 * HOUR), worker(HOUR / 2)
    AgentSession.objects.filter(pk=make.session().pk).update(lease_owner=owner.id)
    assert keep_house(now=NOW)["workers_forgotten"] == 1
    assert set(EngineWorker.objects.all()) == {owner, recent}
    assert gone not in EngineWorker.objects.all()


def test_messages_expire_when_their_time_is_over(make: Make) -> None:
    agent = make.agent()
    values = {"workspace": agent.workspace, "from_agent": agent, "content": "hello"}
    late = AgentMessage.objects.create(**values, expires_at=NOW - HOUR)
    early = AgentMessage.objects.create(**values, expires_at=NOW + HOUR)
    read = AgentMessage.objects.create(**values, expires_at=NOW - HOUR, delivery_status="READ", delivered_at=NOW)
    forever = AgentMessage.objects.create(**values)
    assert keep_house(now=NOW)["messages_expired"] == 1
    states = {row.pk: row.delivery_status for row in AgentMessage.objects.all()}
    assert states == {late.pk: "EXPIRED", early.pk: "PENDING", read.pk: "READ", forever.pk: "PENDING"}


@pytest.mark.django_db
def test_logins_that_ran_out_are_forgotten() -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=NOW - HOUR)
    Session.objects.create(session_key="new", session_data="", expire_date=NOW + HOUR)
    assert keep_house_task()["logins_forgotten"] == 1
    assert [row.session_key for row in Session.objects.all()] == ["new"]


def test_a_poke_without_a_host_in_this_process_does_nothing() -> None:
    poke("00000000-0000-7000-8000-000000000000")
    Worker().stop()
