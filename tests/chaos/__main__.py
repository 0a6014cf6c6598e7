"""`make chaos ROUNDS=3 SEED=7`: long rounds of trouble, on PostgreSQL with Redis and embedded.

A round that fails prints its seed: the same SEED draws the same faults at the same instants, and the same sessions.
"""

import os
import signal
import sys
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

from tests.chaos.faults import EMBEDDED_LONG, LONG
from tests.chaos.rounds import Report, Round
from tests.chaos.stages import embedded, production

RECOVERY_SECONDS = 10.0


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # so that nothing is left behind
    rounds, seed = int(os.environ.get("ROUNDS") or 1), os.environ.get("SEED")
    only = os.environ.get("ONLY", "")
    failed = 0
    for number in range(rounds):
        chosen = int(seed) + number if seed else SystemRandom().randrange(10**6)
        for name, play in (("production", _production), ("embedded", _embedded)):
            if only in ("", name):
                print(f"round {number + 1} of {rounds}, {name}, SEED={chosen}", flush=True)
                failed += _told(play(chosen))
    return 1 if failed else 0


def _production(seed: int) -> Report:
    with production(LONG) as stage:
        return Round(stage, LONG, seed, say=_say).play()


def _embedded(seed: int) -> Report:
    with TemporaryDirectory(prefix="orchestrator-chaos-") as folder, embedded(Path(folder)) as stage:
        return Round(stage, EMBEDDED_LONG, seed, say=_say).play()


def _say(line: str) -> None:
    print(line, flush=True)


def _told(report: Report) -> bool:
    """Whether the round failed."""
    if report.clean and max(report.clean) > RECOVERY_SECONDS:
        report.complaints.append(f"a session waited {max(report.clean):.1f} s after the kill of its worker")
    print("\n".join(report.lines()), flush=True)
    return bool(report.complaints)


if __name__ == "__main__":
    sys.exit(main())
