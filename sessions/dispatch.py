"""Doorbells of the workers: "look at session X now", "look at the agents' commands now".

A lost ring costs a second: everybody who is rung also looks by himself.
"""

import os
from collections.abc import Callable
from uuid import UUID

from sessions.streaming import conf, publisher
from sessions.streaming.outbox import Outbox
from sessions.streaming.sockets import Caller, Listener, folder

POKE_TASK = "sessions.tasks.poke"
_LARGEST_BACKLOG = 10_000
EVERYTHING = ""
POKE_AGENTS_TASK = "sessions.tasks.poke_agents"
AGENTS = "agents"
"""Rung in the place of a session's id: there is a command for an agent."""


def ring_session(session_id: str | UUID) -> None:
    """Wake the engine (and whoever shows the session). Never raises, never blocks; call it after the commit."""
    _ringer.put(str(session_id))


def ring_agents() -> None:
    """Wake a worker for the agents' commands. Never raises, never blocks; call it after the commit."""
    _ringer.put(AGENTS)


def flush(timeout_seconds: float = 1.0) -> bool:
    """Waits until the rings so far are delivered, for tests and short-lived processes."""
    return _ringer.flush(timeout_seconds) and publisher.flush(timeout_seconds)


class DoorbellListener:
    """Hands every embedded ring on, from a thread of its own: to `on_ring(session id, or None: look at all)`, or to
    `on_agents` when it is for the agents.
    """

    def __init__(self, on_ring: Callable[[str | None], None], on_agents: Callable[[], None]) -> None:
        self._on_ring, self._on_agents = on_ring, on_agents
        self._listener = Listener(folder(conf.data_dir()), "engine", self._ring)

    def start(self) -> None:
        self._listener.start()

    def stop(self) -> None:
        self._listener.stop()

    def _ring(self, message: bytes) -> None:
        for session_id in message.decode(errors="replace").split("\n"):
            if session_id in (AGENTS, EVERYTHING):
                self._on_agents()
            if session_id != AGENTS:
                self._on_ring(session_id or None)


def _merge(pending: list[str], session_id: str) -> None:
    if len(pending) >= _LARGEST_BACKLOG:
        pending[:] = [EVERYTHING]
    pending.append(session_id)


def _deliver(session_ids: list[str]) -> None:
    unique = list(dict.fromkeys(session_ids))
    for session_id in unique:
        if session_id != AGENTS:
            publisher.publish_change(session_id)
    if conf.redis_url():
        from celery import current_app  # 15 MiB that a web process without Redis never needs

        for session_id in unique:
            task = (POKE_AGENTS_TASK, []) if session_id == AGENTS else (POKE_TASK, [session_id or None])
            current_app.signature(task[0], args=task[1]).apply_async(retry=False)
    else:
        chunks = (unique[start : start + 500] for start in range(0, len(unique), 500))
        _caller().send("engine", ["\n".join(chunk).encode() for chunk in chunks])


_callers: dict[tuple[int, str], Caller] = {}


def _caller() -> Caller:
    place = folder(conf.data_dir())
    key = (os.getpid(), str(place))
    return _callers.setdefault(key, _callers.get(key) or Caller(place))


_ringer: Outbox[str] = Outbox("doorbell", _merge, _deliver)
