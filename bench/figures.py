"""What is told of a series of measured values."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Median and spread of some values, all in one unit."""

    count: int
    median: float
    p99: float
    lowest: float
    highest: float


def summary(values: Sequence[float]) -> Summary:
    """Raises: ValueError when there are no values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return Summary(len(ordered), statistics.median(ordered), percentile(ordered, 99), ordered[0], ordered[-1])


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the ascending values that at least `percent` of them do not exceed."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def quantiles(values: Sequence[float], count: int) -> list[float]:
    """At most `count` of the values, ascending, that stand for all of them; both ends are among them."""
    ordered = sorted(values)
    if len(ordered) <= count:
        return ordered
    return [ordered[round(number * (len(ordered) - 1) / (count - 1))] for number in range(count)]


def shown(value: float) -> str:
    """A number with three significant digits, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
