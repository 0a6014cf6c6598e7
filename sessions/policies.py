"""Decisions about attempts and about who comes first: values in, values out."""

import math
from dataclasses import dataclass
from random import Random

WORKER_LOST_LIMIT = 3
"""A task whose worker died this often under it is taken to be the cause."""

ENGINE_FAILURE_LIMIT = 3
"""A session at which the engine itself failed this often is given up; it would fail for ever."""

UNCOUNTED_CODES = ("worker_lost", "handed_over")
"""Attempts that ended with one of these are nobody's fault: the engine alone may say so."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015)."""

    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def delay_seconds(self, failures: int, rng: Random) -> float:
        """How long to wait after the `failures`-th failure (from 1): uniform in [0, min(cap, base * 2^(n-1))]."""
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 30))
        return rng.uniform(0.0, ceiling)


def attempt_follows(*, failures: int, max_attempts: int, permanent: bool) -> bool:
    """Whether a failed attempt is followed by another one."""
    return not permanent and failures < max_attempts


AGING_SECONDS = 30.0
"""So long a wait weighs as much as one point of a session's priority."""

WaitingRank = tuple[int, int, float]


def waiting_rank(*, session_priority: int, task_priority: int, waited_seconds: float) -> WaitingRank:
    """Who is served first when tasks wait for the same place: the lowest rank.

    By the session's priority, then the task's, then the longest wait. Every 30 s of waiting raise a task by one point
    of session priority, so whoever waits long enough comes before all that is new: none starves.
    """
    aged = session_priority + int(max(waited_seconds, 0.0) // AGING_SECONDS)
    return (-aged, -task_priority, -waited_seconds)


def takes_the_oldest(claim_count: int) -> bool:
    """Whether a host that took sessions so many times leaves their priority out of account the next time.

    Every tenth time it does: of each workspace the session that waits longest comes first, so that none starves.
    """
    return claim_count % 10 == 9


LONGEST_RETRY_AFTER_SECONDS = 300
UNKNOWN_RETRY_AFTER_SECONDS = 30


def retry_after_seconds(*, ended: int, window_seconds: float) -> int:
    """When a full queue will have a place again, if sessions go on ending as fast as in the last window.

    From 1 to 300 seconds; 30 when none has ended.
    """
    if ended <= 0:
        return UNKNOWN_RETRY_AFTER_SECONDS
    return min(max(math.ceil(window_seconds / ended), 1), LONGEST_RETRY_AFTER_SECONDS)
