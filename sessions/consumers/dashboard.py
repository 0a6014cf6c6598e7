"""`/ws/dashboard`: what the caller may see, then what changes in it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.canonical import canonical_json
from sessions.consumers.socket import Receive, Scope, Send, Socket, serve
from sessions.selectors import dashboard_figures, listed_sessions
from sessions.selectors.shapes import session_summary
from sessions.streaming import conf
from sessions.streaming.backlog import SlowClient
from sessions.streaming.frames import CloseCode, heartbeat
from sessions.streaming.hub import Hub
from workspaces.access import Access

SHOWN_SESSIONS = 50
FIGURES_SECONDS = 1.0
LOOK_SECONDS = 5.0  # for changes whose hints were lost


async def dashboard_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """`snapshot {sessions, figures}`, then `session {session}` and `figures {figures}`; no cursor."""
    await serve(Socket(scope, receive, send), _stream_dashboard)


async def _stream_dashboard(socket: Socket, hub: Hub, access: Access) -> None:
    view = _View(access)
    async with hub.watch(view.note):
        await socket.send(await hub.read(view.snapshot))
        try:
            while True:
                await _wait(view)
                for frame in await hub.read(view.changes, view.take_noted()):
                    await socket.send(frame)
                await socket.keep_pace()
        except SlowClient:
            await socket.close(CloseCode.SLOW, "Too slow: connect again for a new snapshot.")


async def _wait(view: "_View") -> None:
    """Until something changed (then a moment longer, so that changes come together), or it is time to look anyway."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await view.changed.wait()
        await asyncio.sleep(conf.DASHBOARD_SECONDS)
    except TimeoutError:
        view.must_look = True
    view.changed.clear()


@dataclass(slots=True)
class _View:
    """What one client has been shown. `note` runs on the loop, the queries in a reader thread."""

    access: Access
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    must_look: bool = False
    _noted: set[str] = field(default_factory=set)
    _shown: dict[str, str] = field(default_factory=dict)
    _figures: str = ""
    _figures_at: float = 0.0

    def note(self, session_id: str) -> None:
        self._noted.add(session_id)
        self.changed.set()

    def snapshot(self) -> str:
        sessions = [session_summary(row) for row in listed_sessions(self.access)[:SHOWN_SESSIONS]]
        self._shown = {session["id"]: canonical_json(session) for session in sessions}
        figures = self._read_figures()
        return canonical_json({"type": "snapshot", "sessions": sessions, "figures": figures})

    def take_noted(self) -> set[str]:
        noted, self._noted = self._noted, set()
        return noted

    def changes(self, noted: set[str]) -> list[str]:
        """A frame for each session that looks different now, and the figures when they do; a heartbeat for none."""
        looked, self.must_look = self.must_look, False
        sessions = self._changed_sessions(None if looked else noted)
        frames = [canonical_json({"type": "session", "session": session}) for session in sessions]
        before = self._figures
        if (frames or looked) and time.monotonic() - self._figures_at >= FIGURES_SECONDS:
            figures = self._read_figures()
            if self._figures != before:
                frames.append(canonical_json({"type": "figures", "figures": figures}))
        return [heartbeat(0)] if looked and not frames else frames

    def _changed_sessions(self, noted: set[str] | None) -> list[dict[str, Any]]:
        """Those of the noted sessions (of the newest, without any) that look different from what was shown."""
        rows = listed_sessions(self.access)
        if noted is not None:
            rows = rows.filter(id__in=[UUID(session_id) for session_id in sorted(noted)[-SHOWN_SESSIONS:]])
        found = []
        for row in rows[:SHOWN_SESSIONS]:
            session = session_summary(row)
            text = canonical_json(session)
            if self._shown.get(session["id"]) != text:
                self._shown[session["id"]] = text
                found.append(session)
        for old in sorted(self._shown)[: -SHOWN_SESSIONS * 4]:
            del self._shown[old]
        return found

    def _read_figures(self) -> dict[str, Any]:
        self._figures_at = time.monotonic()
        figures = dashboard_figures(self.access).to_json()
        self._figures = canonical_json(figures)
        return figures
