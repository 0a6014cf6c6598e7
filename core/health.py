"""Is everything there that the server needs? Checks that run side by side, none of which can hold up the answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import connections

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 1.7
MOST_HANGING = 3
"""Threads that may hang in one check at a time; a check that does so is not begun again before one of them is back."""


class HealthStatus(StrEnum):
    """From good to bad."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a word, a sentence for people, and figures. Never an address with a password."""

    status: HealthStatus
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """How something is looked at, and what it means when that fails or there is no answer in time."""

    look: Callable[[], Finding]
    on_silence: HealthStatus = HealthStatus.DEGRADED


@dataclass(slots=True)
class _Attempt:
    """One check under way in a thread of its own."""

    name: str
    check: Check
    started: float = field(default_factory=time.monotonic)
    finding: Finding | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            found = self.check.look()
        except Exception as error:
            logger.warning("health check %s failed", self.name, exc_info=True)
            sentence = f"The check failed with {type(error).__name__}; the log of this server says more."
            found = Finding(self.check.on_silence, sentence)
        finally:
            connections.close_all()
        self.finding = Finding(found.status, found.message, found.details, _milliseconds_since(self.started))
        self.done.set()


_hanging: dict[str, list[_Attempt]] = {}
_lock = threading.Lock()


def check_all(checks: Mapping[str, Check], *, seconds: float = LIMIT_SECONDS) -> dict[str, Finding]:
    """What every check found, by name, after at most `seconds`, whether it has answered or not."""
    end = time.monotonic() + seconds
    attempts = [_begin(name, check) for name, check in checks.items()]
    return {attempt.name: _finding_of(attempt, end) for attempt in attempts}


def overall(findings: Iterable[Finding]) -> HealthStatus:
    """The worst of them; ok without any."""
    words = list(HealthStatus)
    return max((finding.status for finding in findings), key=words.index, default=HealthStatus.OK)


def _begin(name: str, check: Check) -> _Attempt:
    attempt = _Attempt(name, check)
    with _lock:
        hanging = _hanging[name] = [earlier for earlier in _hanging.get(name, []) if not earlier.done.is_set()]
        if len(hanging) >= MOST_HANGING:
            return hanging[0]
        hanging.append(attempt)
    threading.Thread(target=attempt.run, name=f"health-{name}", daemon=True).start()
    return attempt


def _finding_of(attempt: _Attempt, end: float) -> Finding:
    attempt.done.wait(max(0.0, end - time.monotonic()))
    if attempt.finding is not None:
        return attempt.finding
    waited = _milliseconds_since(attempt.started)
    return Finding(attempt.check.on_silence, f"No answer for {waited / 1000:.1f} s.", latency_ms=waited)


def _milliseconds_since(start: float) -> float:
    return round((time.monotonic() - start) * 1000, 1)
