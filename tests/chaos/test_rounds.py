"""A short round of trouble on each installation; `make chaos` plays long ones, and holds them to ten seconds."""

from pathlib import Path

from tests.chaos.faults import EMBEDDED, SHORT
from tests.chaos.rounds import Report, Round
from tests.chaos.services import need_programs
from tests.chaos.stages import embedded, production

SEED = 1
RECOVERY_SECONDS = 30.0
"""Generous: other tests share the machine. What is promised is 10 s."""


def check(report: Report) -> None:
    told = "\n".join(report.lines())
    assert not report.complaints, told
    assert report.recoveries, told
    assert max(recovery.seconds for recovery in report.recoveries) <= RECOVERY_SECONDS, told


def test_no_session_is_lost_or_done_twice_when_workers_webs_redis_and_postgresql_die() -> None:
    need_programs("initdb", "redis-server", "redis-cli")
    with production(SHORT) as stage:
        check(Round(stage, SHORT, SEED).play())


def test_no_session_is_lost_or_done_twice_when_the_embedded_worker_and_web_process_are_killed(tmp_path: Path) -> None:
    with embedded(tmp_path) as stage:
        check(Round(stage, EMBEDDED, SEED).play())
