"""One round: sessions are submitted and followed while things go wrong; then everything is checked."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any, Protocol
from uuid import UUID

from tests.chaos.clients import Answer, Crowd, Follower
from tests.chaos.faults import Fault, Plan, orders, schedule
from tests.chaos.invariants import Picture, broken, instant, take_picture
from tests.running import wait_for

OUTAGES = ("postgres_immediate", "postgres_fast", "postgres_gone", "lock_database", "freeze_worker")
END_SECONDS = 90.0

OWNED = (
    "SELECT s.id FROM agent_session s JOIN engine_worker w ON w.id = s.lease_owner"
    " WHERE w.pid = {pid} AND s.status IN ('PENDING', 'PLANNING', 'RUNNING')"
)


@dataclass(frozen=True)
class Death:
    """A worker with these sessions was killed at `at`, or stood still from then `until`."""

    at: float
    until: float
    sessions: list[str]


@dataclass(frozen=True)
class Recovery:
    """From the death of a session's worker to the session's next event.

    Not `is_clean`: another worker died meanwhile or just before, or the database was away.
    """

    session_id: str
    seconds: float
    is_clean: bool


@dataclass
class Report:
    """What a round came to."""

    seed: int
    faults: list[tuple[float, str]] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    reconnects: int = 0
    lost_attempts: int = 0
    began_at: float = 0.0
    seconds: float = 0.0

    @property
    def clean(self) -> list[float]:
        return sorted(recovery.seconds for recovery in self.recoveries if recovery.is_clean)

    def lines(self) -> list[str]:
        """The report, to be read by people."""
        statuses: dict[int, int] = {}
        for answer in self.answers:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
        slow = max((answer for answer in self.answers if answer.status), key=lambda a: a.seconds, default=Answer(0))
        every = sorted(recovery.seconds for recovery in self.recoveries)
        return [
            f"seed {self.seed}: {len(self.complaints)} complaints, {self.seconds:.0f} s",
            *(f"  {at:6.2f} s {text}" for at, text in self.faults),
            f"  recovery after the kill of a worker: {_figures(self.clean)}",
            f"  with the others dying or the database away as well: {_figures(every)}",
            f"  attempts lost with a worker: {self.lost_attempts}; streams resumed: {self.reconnects}",
            f"  answers by status (0: none): {dict(sorted(statuses.items()))}; slowest {slow.seconds:.2f} s",
            f"  the slowest came at {slow.at - self.began_at:.1f} s with status {slow.status}",
            *(f"  COMPLAINT {text}" for text in self.complaints[:40]),
        ]


def _figures(seconds: Sequence[float]) -> str:
    if not seconds:
        return "no session was running"
    return f"{len(seconds)} sessions, median {median(seconds):.2f} s, worst {max(seconds):.2f} s"


class Stage(Protocol):
    """An installation that can be hurt."""

    addresses: Sequence[str]
    key: str

    def query(self, sql: str) -> list[tuple[Any, ...]]: ...

    def strike(self, fault: Fault, round_: "Round") -> str:
        """Make it happen, wait until it is over, and say what was done."""
        ...

    def finish(self) -> list[str]:
        """Stop in good order; complaints about how that went."""
        ...


class Round:
    """`play` it once."""

    def __init__(self, stage: Stage, plan: Plan, seed: int, say: Callable[[str], None] = lambda line: None) -> None:
        self.stage, self.plan, self.say = stage, plan, say
        self.report = Report(seed)
        self._rng = Random(seed)
        self._began = 0.0
        self._followers: list[Follower] = []

    def play(self) -> Report:
        rng, plan, stage = self._rng, self.plan, self.stage
        faults, asked = schedule(plan, rng), orders(plan, rng, self.report.seed)
        crowd = Crowd(stage.addresses, stage.key, rng)
        self._began, self.report.began_at = time.monotonic(), time.time()
        crowd.start(asked)
        following = threading.Thread(target=self._follow, args=(crowd,), daemon=True)
        following.start()
        strikes = [threading.Thread(target=self._strike, args=(fault,), daemon=True) for fault in faults]
        for strike in strikes:
            strike.start()
        for strike in strikes:
            strike.join(plan.seconds + 120)
        crowd.wait(END_SECONDS + 40)
        following.join(10)
        self._check(crowd)
        self.report.seconds = time.monotonic() - self._began
        return self.report

    def died(self, sessions: list[str], *, seconds: float = 0.0) -> None:
        """The worker that ran these sessions is killed now, or stands still for so long."""
        at = time.time()
        self.report.deaths.append(Death(at, at + seconds, sessions))

    def owned(self, pid: int) -> list[str]:
        """The sessions a worker process holds; none can be told while the database is away."""
        with suppress(Exception):
            return [str(UUID(str(row[0]))) for row in self.stage.query(OWNED.format(pid=pid))]
        return []

    def _strike(self, fault: Fault) -> None:
        time.sleep(max(0.0, self._began + fault.at - time.monotonic()))
        began, at = time.time(), time.monotonic() - self._began
        try:
            what = self.stage.strike(fault, self)
        except Exception as error:  # noqa: BLE001  (a fault that cannot be made is a complaint, not the end)
            self.report.complaints.append(f"{fault} could not be made: {error!r}")
            return
        if fault.kind in OUTAGES:
            self.report.outages.append((began, time.time()))
        self.report.faults.append((at, f"{fault.kind}: {what}"))
        self.say(f"{at:6.2f} s {fault.kind}: {what}")

    def _follow(self, crowd: Crowd) -> None:
        """Followers join one after the other while sessions come in."""
        rng = Random(self.report.seed)
        ends_at = self._began + self.plan.seconds
        followed: set[str] = set()
        while len(self._followers) < self.plan.followers and time.monotonic() < ends_at + 60:
            fresh = [key for key in list(crowd.sessions) if key not in followed][-1:]
            if fresh:
                followed.add(fresh[0])
                over = ("websocket", "events")[len(self._followers) % 2]
                session_id = next(iter(crowd.sessions[fresh[0]]))
                self._followers.append(Follower(self.stage.addresses, self.stage.key, session_id, rng, over=over))
            time.sleep(self.plan.seconds / (self.plan.followers + 1) if fresh else 0.05)

    def _check(self, crowd: Crowd) -> None:
        report = self.report
        with suppress(AssertionError):
            wait_for(self._all_ended, END_SECONDS, "all sessions end")
        for follower in self._followers:
            follower.stop(10)
        picture = take_picture(self.stage.query)
        report.complaints += broken(picture, crowd.sessions)
        report.complaints += self._broken_streams(picture)
        report.answers = crowd.answers
        report.complaints += _broken_answers(crowd.answers)
        report.recoveries = recoveries(picture, report)
        report.lost_attempts = sum(
            row["error_code"] == "worker_lost" for rows in picture.executions.values() for row in rows
        )
        report.reconnects = sum(follower.connections - 1 for follower in self._followers)
        report.complaints += self.stage.finish()

    def _all_ended(self) -> bool:
        sql = "SELECT count(*) FROM agent_session WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')"
        with suppress(Exception):
            return self.stage.query(sql)[0][0] == 0
        return False

    def _broken_streams(self, picture: Picture) -> list[str]:
        """Every follower has seen every event once, in order."""
        last = {session["id"]: session["last_seq"] for session in picture.sessions}
        refusals = {status for follower in self._followers for status in follower.refusals} - {204, 503}
        return [f"a stream was refused with {sorted(refusals)}"] * bool(refusals) + [
            f"a follower over {follower.over} saw {follower.seen} of {last[follower.session_id]} events"
            for follower in self._followers
            if follower.seen != list(range(1, last[follower.session_id] + 1))
        ]


def _broken_answers(answers: Sequence[Answer]) -> list[str]:
    """Trouble of ours is a 503 that says when to come back, never another error."""
    wrong = [answer for answer in answers if answer.status not in (0, 200, 202, 503)]
    shy = [answer for answer in answers if answer.status == 503 and not answer.retry_after]
    found = [f"{len(wrong)} answers like {wrong[0]}"] if wrong else []
    return found + ([f"{len(shy)} answers 503 without Retry-After"] if shy else [])


def recoveries(picture: Picture, report: Report) -> list[Recovery]:
    """For each session whose worker was killed while it ran: how long until its next event."""
    times = {key: [instant(row["created_at"]) for row in rows] for key, rows in picture.events.items()}
    found = []
    for death in report.deaths:
        others = [(other.at, other.until) for other in report.deaths if other is not death]
        for session_id in death.sessions:
            later = [moment for moment in times.get(session_id, []) if moment > death.at]
            if later:
                trouble = any(at < min(later) and death.at < until + 8 for at, until in [*report.outages, *others])
                found.append(Recovery(session_id, min(later) - death.at, not trouble))
    return found
