"""What a session takes: `python -m bench engine` measures on SQLite, `--database postgres` on PostgreSQL and Redis.

Times are wall time of a client process beside the site's own processes; the processor time they used is printed too:
it stays comparable when other programs run.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from bench.engine.installation import DATABASES, POSTGRES, REDIS, Installation
from bench.figures import shown, summary

NAMES = ("one", "chain_step", "chain_step_engine", "fan_out", "fan_out_engine", "sessions", "sessions_submitted")


def main() -> None:
    options = read_options()
    installation = Installation(options.database, postgres=options.postgres, redis=options.redis)
    found: list[dict[str, Any]] = []
    try:
        with installation.running():
            for _ in range(options.rounds):
                found += installation.measure(options.only or NAMES, options.count)
    finally:
        installation.close()
    report(options.database, found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--only", nargs="+", choices=NAMES, help="these workloads, in this order")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured")
    parser.add_argument("--count", type=int, help="repetitions of each workload in a round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value")
    parser.add_argument("--postgres", default=POSTGRES, help="where a database of its own is made")
    parser.add_argument("--redis", default=REDIS)
    return parser.parse_args()


def report(database: str, found: list[dict[str, Any]]) -> None:
    print(f"{database}")
    for name in dict.fromkeys(result["name"] for result in found):
        of_name = [result for result in found if result["name"] == name]
        values = [value for result in of_name for value in result["values"]]
        told, unit = summary(values), of_name[0]["unit"]
        processor = " ".join(
            f"{whose} {sum(result[f'{key}cpu_seconds'] for result in of_name):.2f} s"
            for whose, key in (("site", ""), ("client", "client_"), ("database", "database_"))
        )
        spread = f"{shown(told.lowest)} to {shown(told.highest)}"
        print(f"  {name:<22} {shown(told.median):>8} {unit:<3} ({spread}, n={told.count})   processor: {processor}")


if __name__ == "__main__":
    main()
