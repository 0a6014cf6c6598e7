"""What both sides know of a run: its keys in Redis, and how long things last.

A run is one start of one execution on a queue's worker. `start` holds the first line for the agent's process; `calls`
the lines it writes, `busy` the one the engine is handling; `replies` what goes back, `delivered` what the worker is
passing on. Only the worker whose claim is kept may speak, and `alive` lasts as long as it beats. All of it is a pipe,
not a store: what counts is in the database.
"""

from dataclasses import dataclass

TASK_NAME = "sessions.tasks.run_placed"
KEPT_SECONDS = 24 * 3600
BEAT_SECONDS = 2.0
ALIVE_SECONDS = 10
OFFER_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RunKeys:
    """The keys of a run."""

    run_id: str

    def _key(self, part: str) -> str:
        return f"placed:{self.run_id}:{part}"

    @property
    def start(self) -> str:
        return self._key("start")

    @property
    def claim(self) -> str:
        return self._key("claim")

    @property
    def alive(self) -> str:
        return self._key("alive")

    @property
    def calls(self) -> str:
        return self._key("calls")

    @property
    def busy(self) -> str:
        return self._key("busy")

    @property
    def replies(self) -> str:
        return self._key("replies")

    @property
    def delivered(self) -> str:
        return self._key("delivered")

    @property
    def cancelled(self) -> str:
        return self._key("cancelled")
