"""What a session takes: `python -m bench engine` measures on SQLite, `--database postgres` on PostgreSQL and Redis.

Times are wall time of a client process beside the site's own processes; the processor time they used is printed too:
it stays comparable when other programs run.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bench.engine import stages
from bench.engine.installation import DATABASES, POSTGRES, REDIS, Installation
from bench.engine.stages import Result
from bench.figures import shown, summary


def main() -> None:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended in good order
    found = measure(options)
    report(options.database, found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--only", nargs="+", choices=stages.NAMES, default=stages.NAMES, help="only these")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured, on a fresh installation each")
    parser.add_argument("--count", type=int, help="repetitions of each workload in a round")
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value")
    parser.add_argument("--postgres", default=POSTGRES, help="where databases of its own are made")
    parser.add_argument("--redis", default=REDIS)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> list[Result]:
    places = {"postgres": options.postgres, "redis": options.redis}
    counts = dict.fromkeys(stages.CLIENT, options.count) if options.count else {}
    found: list[Result] = []
    ends: list[Callable[[], None]] = []
    try:
        installation = Installation(options.database, **places)
        ends.append(installation.close)
        history = stages.History(options.database, **places) if stages.HISTORY in options.only else None
        if history:
            ends.append(history.close)
        for _ in range(options.rounds):
            if set(options.only) - {stages.SLEEPING, stages.HISTORY}:
                found += stages.fresh(installation, options.only, counts=counts, idle_seconds=options.idle_seconds)
            if stages.SLEEPING in options.only:
                found += stages.sleeping(installation)
            if history:
                found += history.measure({"sessions": options.count or 2})
    finally:
        for end in ends:
            end()
    return found


def report(database: str, found: list[Result]) -> None:
    print(database)
    for result in found:
        if "failed" in result:
            print(f"  {result['failed']:<20} FAILED: {result['why']}")
    found = [result for result in found if "name" in result]
    for name in dict.fromkeys(result["name"] for result in found):
        of_name = [result for result in found if result["name"] == name]
        told, unit = summary([value for result in of_name for value in result["values"]]), of_name[0]["unit"]
        spread = f"({shown(told.lowest)} to {shown(told.highest)}, p99 {shown(told.p99)}, n={told.count})"
        print(f"  {name:<20} {shown(told.median):>8} {unit:<4} {spread:<44}{processor(of_name)}")


def processor(results: list[Result]) -> str:
    """The processor time of all repetitions together, by who used it."""
    if "cpu_seconds" not in results[0]:
        return ""
    owners = {"site": "cpu_seconds", "client": "client_cpu_seconds", "database": "database_cpu_seconds"}
    used = (f"{owner} {sum(result[key] for result in results):.2f}" for owner, key in owners.items())
    return f"  processor seconds: {', '.join(used)}"


if __name__ == "__main__":
    main()
