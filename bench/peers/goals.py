"""The goals of the engine, and what a run says about each. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import percentile, shown

OURS = {"sqlite": "ours on SQLite", "postgres": "ours on PostgreSQL"}
LANGGRAPH = {"sqlite": "LangGraph on SQLite", "postgres": "LangGraph on PostgreSQL"}
DEV_SERVER, CELERY = "LangGraph dev server", "Celery"
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}

Values = Mapping[str, Mapping[str, Sequence[Sequence[float]]]]
"""System -> name of a measure -> one series of values for each round."""


class NotMeasured(Exception):
    """A figure that the run did not bring, named by its text."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal, held against a run. `is_met` is None when something was not measured."""

    what: str
    target: str
    measured: str
    is_met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "MISSED", None: "not measured"}[self.is_met]


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` is to be at least (`>=`), at most (`<=`) or below (`<`) the target, in this unit."""

    what: str
    relation: str
    target: float
    unit: str
    figure: Callable[[Values], float]

    def judge(self, values: Values) -> Verdict:
        sign = {">=": "≥", "<=": "≤", "<": "<"}[self.relation]
        target = f"{sign} {self.target:g} {self.unit}"
        try:
            found = self.figure(values)
        except NotMeasured as error:
            return Verdict(self.what, target, f"no {error}", None)
        is_met = {">=": found >= self.target, "<=": found <= self.target, "<": found < self.target}[self.relation]
        return Verdict(self.what, target, f"{shown(found)} {self.unit}", is_met)


def rounds_of(values: Values, system: str, name: str) -> list[list[float]]:
    """Raises: NotMeasured."""
    found = [list(series) for series in values.get(system, {}).get(name, ()) if series]
    if not found:
        raise NotMeasured(f"{name} of {system}")
    return found


def middle(values: Values, system: str, name: str) -> float:
    """The median of the rounds' medians. Raises: NotMeasured."""
    return statistics.median(statistics.median(series) for series in rounds_of(values, system, name))


def spread(values: Values, system: str, name: str) -> tuple[float, float]:
    """The lowest and the highest median of a round. Raises: NotMeasured."""
    medians = [statistics.median(series) for series in rounds_of(values, system, name)]
    return min(medians), max(medians)


def of_all(values: Values, system: str, name: str, percent: float) -> float:
    """A percentile of the values of all rounds together. Raises: NotMeasured."""
    return percentile(sorted(value for series in rounds_of(values, system, name) for value in series), percent)


def ratio(name: str, system: str, other: str, other_name: str = "") -> Callable[[Values], float]:
    return lambda values: middle(values, system, name) / middle(values, other, other_name or name)


def median_of(name: str, system: str) -> Callable[[Values], float]:
    return lambda values: middle(values, system, name)


def percentile_of(name: str, system: str, percent: float) -> Callable[[Values], float]:
    return lambda values: of_all(values, system, name, percent)


def goals() -> list[Goal]:
    return [goal for database in DATABASES for goal in (*_against_peers(database), *_alone(database))]


def _against_peers(database: str) -> list[Goal]:
    on, ours, library = DATABASES[database], OURS[database], LANGGRAPH[database]
    most = 1.25 if database == "sqlite" else 1.5
    found = [
        Goal(f"{on}: 200 sessions, against the LangGraph library", ">=", 2, "×", ratio("sessions", ours, library)),
        Goal(
            f"{on}: step of a chain, against the LangGraph library",
            "<=",
            most,
            "×",
            ratio("chain_step_engine", ours, library, "chain_step"),
        ),
        Goal(
            f"{on}: fan-out of 100, against the LangGraph library",
            "<=",
            most,
            "×",
            ratio("fan_out_engine", ours, library, "fan_out"),
        ),
    ]
    if database == "sqlite":
        against = "SQLite: 200 sessions, against"
        found.insert(1, Goal(f"{against} the LangGraph dev server", ">=", 8, "×", ratio("sessions", ours, DEV_SERVER)))
        found.insert(2, Goal(f"{against} Celery chords", ">=", 3, "×", ratio("sessions", ours, CELERY)))
    return found


def _alone(database: str) -> list[Goal]:
    on, ours = DATABASES[database], OURS[database]
    is_embedded = database == "sqlite"
    found = [
        Goal(
            f"{on}: REST, submit to result, median", "<=", 20 if is_embedded else 30, "ms", median_of("rest_one", ours)
        ),
        Goal(
            f"{on}: event to client, median",
            "<=",
            15 if is_embedded else 5,
            "ms",
            percentile_of("event_to_client", ours, 50),
        ),
        Goal(f"{on}: event to client, p99", "<=", 50, "ms", percentile_of("event_to_client", ours, 99)),
        Goal(
            f"{on}: event to 1,000 sockets on one session, p99",
            "<=",
            250,
            "ms",
            percentile_of("event_1000_sockets", ours, 99),
        ),
        Goal(f"{on}: memory of a sleeping session", "<=", 40, "KiB", median_of("sleeping_memory", ours)),
        Goal(
            f"{on}: throughput with 10,000 sessions of history",
            ">=",
            90,
            "% of empty",
            lambda values: 100 * middle(values, ours, "history_10000") / middle(values, ours, "history_0"),
        ),
    ]
    if is_embedded:
        found += [
            Goal("SQLite: processor while idle, all processes", "<", 1, "% of a core", median_of("idle_cpu", ours)),
            Goal("SQLite: memory while idle, all processes", "<=", 230, "MB", median_of("idle_memory", ours)),
        ]
    return found
