"""`Prefer: wait=N`: the answer is held back until the work is done, for so long and no longer."""

import threading
import time

import pytest
from django.db import connection

from core import waiting
from sessions.models import AgentSession
from tests.http_sessions import EXECUTE, World, goal
from tests.make import Make


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


def test_a_call_that_waits_in_vain_is_answered_in_time(world: World) -> None:
    begun = time.monotonic()
    answer = world.post(EXECUTE, goal(), Prefer="respond-async, wait=1")
    assert 0.9 < time.monotonic() - begun < 5
    assert (answer.status_code, answer["Preference-Applied"]) == (202, "wait=1")


@pytest.mark.parametrize("prefer", ["wait=0", "wait=soon", "return=minimal", "wait=-5", "await=9", ""])
def test_a_preference_that_means_no_wait_is_not_said_to_be_applied(world: World, prefer: str) -> None:
    answer = world.post(EXECUTE, goal(), Prefer=prefer)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer


def test_nobody_waits_longer_than_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.api.starting.wait_for_end", lambda session_id, seconds: seconds > 60)
    assert world.post(EXECUTE, goal(), Prefer="wait=3600")["Preference-Applied"] == "wait=60"


def test_a_replay_waits_too_and_shows_the_session_that_has_ended(world: World) -> None:
    key = {"Idempotency-Key": "k"}
    world.post(EXECUTE, goal(), **key)
    AgentSession.objects.update(status="COMPLETED", result={"answer": "42"})
    answer = world.post(EXECUTE, goal(), Prefer="wait=5", **key)
    assert (answer.status_code, answer["Idempotency-Replayed"]) == (200, "true")
    assert answer.json()["result"] == {"answer": "42"}


def test_with_too_many_waiting_a_call_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_places", threading.BoundedSemaphore(1))
    looked: list[float] = []

    def never() -> bool:
        looked.append(time.monotonic())
        return False

    slow = threading.Thread(target=waiting.wait_until, args=(never, 1.0))
    slow.start()
    while not looked:
        time.sleep(0.001)
    begun = time.monotonic()
    assert waiting.wait_until(lambda: False, 30) is False
    assert time.monotonic() - begun < 0.5
    slow.join()
    assert waiting.wait_until(lambda: True, 30)


@pytest.mark.django_db(transaction=True)
def test_a_waiting_call_is_answered_as_soon_as_the_session_ends(world: World) -> None:
    def end() -> None:
        while not AgentSession.objects.exists():
            time.sleep(0.01)
        AgentSession.objects.update(status="FAILED", error_code="boom", error_message="It broke.")
        connection.close()

    ender = threading.Thread(target=end)
    ender.start()
    begun = time.monotonic()
    answer = world.post(EXECUTE, goal(), Prefer="wait=30")
    ender.join()
    assert answer.status_code == 200
    assert time.monotonic() - begun < 10
    assert answer.json()["error"] == {"code": "boom", "message": "It broke."}
