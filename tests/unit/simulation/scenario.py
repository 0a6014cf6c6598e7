"""What hypothesis draws: sessions, what their agents do, what people ask, and what goes wrong when."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

STEPS = ("sleep", "progress", "log", "send", "usage", "bad_send")
AGENTS = ("ada", "bob", "can:x", "can:y", "ada", "bob", "resting", "can:fly")
DYNAMIC_STEPS = ("nap", "call", "spawn", "join", "child", "children", "both", "detached")
ENDS = ("ok", "ok", "ok", "retryable", "permanent", "raise", "nan", "reject", "hang", "cancels_itself", "exit", "lies")
FAULTS = ("crash", "hand_over", "outage", "host_clock", "store_clock", "bells_lost")
WRITE_FAULTS = ("lost_before", "lost_after", "late", "crash_before", "crash_after", "stall")
READ_FAULTS = ("lost_before", "lost_after", "crash_after")


@dataclass(frozen=True)
class Behaviour:
    """One attempt: some steps, then an end."""

    steps: tuple[tuple[str, float], ...] = ()
    end: str = "ok"


@dataclass(frozen=True)
class TaskPlan:
    """`after` are earlier tasks by position; the n-th attempt behaves as the n-th of `attempts`, later ones well."""

    after: tuple[int, ...] = ()
    attempts: tuple[Behaviour, ...] = ()
    agent: str = "ada"
    max_attempts: int = 3
    timeout: float | None = None
    priority: int = 0

    @property
    def time_limit(self) -> float | None:
        """Who may hang has a limit, or the session would rightly never end."""
        hangs = any(behaviour.end == "hang" for behaviour in self.attempts)
        return self.timeout or (3.0 if hangs else None)

    @property
    def is_refused_by_the_database(self) -> bool:
        return any(
            behaviour.end == "reject" or any(step == "bad_send" for step, _ in behaviour.steps)
            for behaviour in self.attempts
        )


@dataclass(frozen=True)
class SessionPlan:
    """`planner` (planned mode) is what the planning agent does before the tasks exist; `offspring` are the tasks that
    agents spawn and those of the sessions they start."""

    tasks: tuple[TaskPlan, ...]
    mode: str = "dag"
    planner: tuple[Behaviour, ...] = ()
    offspring: tuple[TaskPlan, ...] = ()
    is_plan_broken: bool = False
    timeout: float | None = None
    max_concurrent: int = 10
    submit_at: float = 0.0
    priority: int = 0


@dataclass(frozen=True)
class Command:
    at: float
    session: int
    kind: str
    bells: int = 1


@dataclass(frozen=True)
class Fault:
    at: float
    kind: str
    host: int = 0
    seconds: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """`write_faults` and `read_faults` name the n-th call of all hosts: that is between any two steps."""

    sessions: tuple[SessionPlan, ...]
    commands: tuple[Command, ...] = ()
    faults: tuple[Fault, ...] = ()
    write_faults: tuple[tuple[int, str, float], ...] = ()
    read_faults: tuple[tuple[int, str], ...] = ()
    hosts: int = 2
    places: int = 64
    agent_places: int = 5
    workspace_places: int = 20
    has_change_mark: bool = False
    seed: int = 0

    @property
    def calm_at(self) -> float:
        """From then on nothing goes wrong any more."""
        moments = [fault.at + fault.seconds for fault in self.faults]
        moments += [command.at for command in self.commands] + [plan.submit_at for plan in self.sessions]
        return max(moments) + 1.0


def scenarios(*, trouble: int = 0, dynamic: bool = False) -> st.SearchStrategy[Scenario]:
    """Small worlds in which much goes wrong; at least `trouble` things of each kind.

    In `dynamic` ones agents sleep, pay for calls, spawn tasks and start sessions.
    """
    return st.builds(
        Scenario,
        sessions=_tuples(_sessions(dynamic), 1, 2 if dynamic else 3),
        commands=_tuples(_commands(), trouble, 5),
        faults=_tuples(_faults(), trouble, 4),
        write_faults=_tuples(_write_faults(), trouble, 4),
        read_faults=_tuples(st.tuples(st.integers(1, 60), st.sampled_from(READ_FAULTS)), 0, 3),
        hosts=st.integers(1, 3),
        places=st.sampled_from((64, 1, 2, 3)),
        agent_places=st.sampled_from((5, 1, 2)),
        workspace_places=st.sampled_from((20, 1, 3)),
        has_change_mark=st.booleans(),
        seed=st.integers(0, 2**16),
    )


def _write_faults() -> st.SearchStrategy[tuple[int, str, float]]:
    nth = st.integers(1, 40) | st.integers(1, 8)
    return st.tuples(nth, st.sampled_from(WRITE_FAULTS), _seconds(0.1, 12))


def _seconds(least: float, most: float) -> st.SearchStrategy[float]:
    return st.integers(int(least * 10), int(most * 10)).map(lambda tenths: tenths / 10)


def _tuples(elements: st.SearchStrategy[Any], least: int, most: int) -> st.SearchStrategy[Any]:
    return st.lists(elements, min_size=least, max_size=most).map(tuple)


def _behaviours(dynamic: bool = False) -> st.SearchStrategy[Behaviour]:
    if dynamic:
        words = st.sampled_from((*DYNAMIC_STEPS, "child", "join", "sleep", "usage"))
        return st.builds(
            Behaviour,
            steps=_tuples(st.tuples(words, _seconds(0.1, 3)), 0, 2),
            end=st.sampled_from(("ok", "ok", "ok", "ok", "retryable", "permanent", "raise", "hang")),
        )
    step = st.tuples(st.sampled_from(("sleep", *STEPS[:-1], "sleep")), _seconds(0.1, 3))
    rare = st.tuples(st.sampled_from(STEPS), _seconds(0.1, 3))
    return st.builds(Behaviour, steps=_tuples(step | rare, 0, 3), end=st.sampled_from(ENDS))


def _tasks(dynamic: bool = False) -> st.SearchStrategy[TaskPlan]:
    return st.builds(
        TaskPlan,
        after=st.sets(st.integers(0, 4), max_size=2).map(lambda found: tuple(sorted(found))),
        attempts=_tuples(_behaviours(dynamic), int(dynamic), 3),
        agent=st.sampled_from(AGENTS[:4] if dynamic else AGENTS),
        max_attempts=st.integers(1, 3),
        timeout=st.none() | _seconds(0.5, 5),
        priority=st.integers(0, 2),
    )


def _sessions(dynamic: bool) -> st.SearchStrategy[SessionPlan]:
    return st.builds(
        SessionPlan,
        tasks=_tuples(_tasks(dynamic), 1, 3 if dynamic else 5),
        offspring=_tuples(_tasks(dynamic), 0, 2) if dynamic else st.just(()),
        mode=st.sampled_from(("dag", "dag", "sequential", "planned")),
        planner=_tuples(_behaviours(), 0, 2),
        is_plan_broken=st.sampled_from((False, False, False, True)),
        timeout=st.none() | _seconds(1, 30),
        max_concurrent=st.sampled_from((10, 1, 2)),
        submit_at=st.sampled_from((0.0, 0.0, 0.5, 3.0)),
        priority=st.integers(0, 1),
    )


def _commands() -> st.SearchStrategy[Command]:
    kinds = ("cancel", "pause", "resume", "pause", "resume")
    return st.builds(
        Command, at=_seconds(0, 15), session=st.integers(0, 2), kind=st.sampled_from(kinds), bells=st.integers(0, 2)
    )


def _faults() -> st.SearchStrategy[Fault]:
    return st.builds(
        Fault, at=_seconds(0, 15), kind=st.sampled_from(FAULTS), host=st.integers(0, 2), seconds=_seconds(0.1, 10)
    )
