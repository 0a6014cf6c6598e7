"""Text streamed while it is written: many small pieces of an agent become a few frames a second."""

import asyncio
from collections.abc import Callable

FRAME_SECONDS = 0.02
"""The least time between two frames of one attempt; a piece after a pause is not held back at all."""
ROOM_CHARACTERS = 8_000
"""What may wait for the next frame; an agent that writes faster waits with it."""
PIECE_CHARACTERS = 2_000
"""The longest text of one frame (larger hints do not travel)."""


class TokenStream:
    """One attempt's pieces, in order. Used on the loop; `emit` gets the text of each frame and must not block."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._parts: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_room = asyncio.Event()

    async def write(self, text: str) -> None:
        """Returns when there is room for more; always gives others a turn."""
        self._parts.append(text)
        self._size += len(text)
        if self._timer is None:
            self._send()
        if self._size >= ROOM_CHARACTERS:
            self._has_room.clear()
            await self._has_room.wait()
        else:
            await asyncio.sleep(0)

    def close(self) -> None:
        """Send what is left; no timer stays behind."""
        if self._parts:
            self._send()
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self._on_time)
        text, self._parts, self._size = "".join(self._parts), [], 0
        self._has_room.set()
        for start in range(0, len(text), PIECE_CHARACTERS):
            self._emit(text[start : start + PIECE_CHARACTERS])

    def _on_time(self) -> None:
        self._timer = None
        if self._parts:
            self._send()
