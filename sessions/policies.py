"""Decisions about attempts: values in, values out."""

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
