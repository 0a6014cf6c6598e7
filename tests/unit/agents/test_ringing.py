"""How a worker is rung for the agents' commands: by a task by name where there is Redis, by a datagram where not."""

from typing import Any

import pytest
from celery import current_app

from agents import hooks
from sessions import dispatch
from sessions.streaming import publisher
from sessions.tasks import poke_agents
from sessions.worker import worker


def test_the_agents_app_rings_by_the_sessions_app() -> None:
    assert hooks.ring_agents is dispatch.ring_agents


def test_with_redis_a_task_is_sent_by_name_and_no_stream_hears_of_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    sent: list[Any] = []

    class Signature:
        def __init__(self, name: str, args: list[Any]) -> None:
            self.call = (name, args)

        def apply_async(self, *, retry: bool) -> None:
            sent.append((*self.call, retry))

    monkeypatch.setattr(current_app, "signature", Signature)
    monkeypatch.setattr(publisher, "publish_change", lambda session_id: sent.append(session_id))
    dispatch._deliver([dispatch.AGENTS, "s1", dispatch.AGENTS])
    assert sent == ["s1", ("sessions.tasks.poke_agents", [], False), ("sessions.tasks.poke", ["s1"], False)]


def test_the_task_makes_the_worker_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(worker, "poke_agents", lambda: looked.append("now"))
    poke_agents()
    assert looked == ["now"]


def test_a_worker_that_does_not_run_hears_nothing() -> None:
    worker.poke_agents()
