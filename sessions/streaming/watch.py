"""A stream is open for hours: from time to time it asks whether its caller may still see the session."""

import time
from dataclasses import dataclass, field

from core.errors import NotFound
from sessions.streaming import conf
from sessions.streaming.access import Place, may_still_follow
from sessions.streaming.hub import Hub


@dataclass(slots=True)
class Watch:
    """Asks every ACCESS_SECONDS at most, however often `check` is called."""

    hub: Hub
    place: Place
    _asked_at: float = field(default_factory=time.monotonic)

    async def check(self) -> None:
        """Raises: NotFound when the caller has left the workspace, or their key was revoked."""
        if time.monotonic() - self._asked_at < conf.ACCESS_SECONDS:
            return
        self._asked_at = time.monotonic()
        if not await self.hub.read(may_still_follow, self.place.access, self.place.session_id):
            raise NotFound("You can no longer see this session.")
