"""Follow a session to its end, with a running server's worker or with an engine of our own."""

import json
import signal
import threading
import time
from types import FrameType
from uuid import UUID

from django.db.models.functions import Now

from core.machine import is_alive, this_machine
from sessions.errors import SessionFinished
from sessions.management.terminal.progress import Screen, SessionView
from sessions.models import EngineWorker
from sessions.services import request_command
from sessions.states import CommandKind
from sessions.streaming import conf, log
from sessions.streaming.sockets import Listener, folder
from sessions.worker import Worker
from workspaces.access import Access

LOOK_SECONDS = 0.25
WORKER_LOOK_SECONDS = 3.0


class Abandoned(Exception):
    """Ctrl-C came a second time: the session is left to whoever runs it."""


class Follower:
    """Shows one session until it has ended. Ctrl-C (or SIGTERM) cancels it first, and gives up the second time."""

    def __init__(self, access: Access, session_id: UUID, screen: Screen) -> None:
        self._access = access
        self._session_id = session_id
        self._screen = screen
        self._view = SessionView()
        self._rung = threading.Event()
        self._own_worker: Worker | None = None
        self._interrupts = 0
        self._cancels = 0

    def follow(self) -> None:
        """Returns after the last event. Raises: Abandoned."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        listener = None if conf.redis_url() else Listener(folder(conf.data_dir()), "web", lambda _: self._rung.set())
        if listener:
            listener.start()
        try:
            self._follow()
        finally:
            if listener:
                listener.stop()
            if self._own_worker:
                self._own_worker.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _follow(self) -> None:
        cursor = 0
        look_at = time.monotonic()
        while not self._view.has_ended:
            rows = log.frames_after(str(self._session_id), cursor, conf.PAGE_EVENTS)
            for cursor, text in rows:  # noqa: B007  (the last one is the cursor)
                if view := self._view.apply(json.loads(text)):
                    self._screen.show(view)
            self._heed_interrupts()
            if time.monotonic() >= look_at and not self._own_worker:
                look_at = time.monotonic() + WORKER_LOOK_SECONDS
                self._ensure_worker()
            if not rows:
                self._rung.wait(LOOK_SECONDS)
                self._rung.clear()

    def _ensure_worker(self) -> None:
        if not worker_is_alive():
            self._own_worker = Worker()
            self._own_worker.start()
            self._own_worker.poke(str(self._session_id))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        self._rung.set()

    def _heed_interrupts(self) -> None:
        if self._interrupts > 1 and self._cancels:
            raise Abandoned
        if self._interrupts and not self._cancels:
            self._cancels = 1
            self._screen.note("Cancelling the session… (Ctrl-C again leaves at once)")
            try:
                request_command(
                    access=self._access, session_id=self._session_id, kind=CommandKind.CANCEL, reason="Ctrl-C"
                )
            except SessionFinished:
                return


def worker_is_alive() -> bool:
    """Whether some worker holds a lease now (and its process lives, as far as this machine can tell)."""
    workers = EngineWorker.objects.filter(expires_at__gt=Now()).values_list("host", "pid")
    return any(host != this_machine() or is_alive(pid) for host, pid in workers)
