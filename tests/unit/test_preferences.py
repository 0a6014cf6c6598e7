"""A request that waits looks often at first, less often later, and never for longer than it was asked to."""

from dataclasses import dataclass, field

import pytest

from core import waiting
from core.waiting import wait_until


@dataclass
class Hours:
    """A clock that only sleeping moves."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    clock = Hours()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


@pytest.mark.parametrize("ready_at", [0.001, 0.01, 0.1, 0.3, 5.0])
def test_the_answer_is_late_by_a_tenth_of_the_wait_or_a_millisecond(hours: Hours, ready_at: float) -> None:
    assert wait_until(lambda: hours.now >= ready_at, 30)
    assert hours.now - ready_at <= max(0.0011, ready_at / 10)


def test_a_long_wait_looks_twenty_times_a_second(hours: Hours) -> None:
    assert not wait_until(lambda: False, 30)
    assert hours.now == pytest.approx(30)
    assert len(hours.pauses) < 30 * 20 + 60
    assert max(hours.pauses) == 0.05


def test_no_wait_is_one_look(hours: Hours) -> None:
    assert not wait_until(lambda: False, 0)
    assert hours.pauses == []
