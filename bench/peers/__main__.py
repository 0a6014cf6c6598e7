"""This product and its peers, measured in turn on one machine: `python -m bench peers`.

Make the peers' environments once with `bench/peers/setup all`. Writes every value to a JSON file and the tables into
docs/explanation/performance.md; `--tables FILE` writes the tables of an earlier run anew and measures nothing.
"""

import argparse
import json
import os
import platform
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engine.installation import POSTGRES, REDIS, run_sql
from bench.engine.stages import HISTORIES
from bench.peers import page, tables
from bench.peers.floors import floors
from bench.peers.goals import DATABASES, goals
from bench.peers.run import Findings, processor_of, run, values_of, ways_of
from bench.peers.systems import Places, Round, systems
from tests.running import ROOT

PAGE = ROOT / "docs" / "explanation" / "performance.md"


def main() -> None:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended in good order
    if options.tables:
        found = json.loads(options.tables.read_text())
    else:
        found = measured(options)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    for goal in goals():
        verdict = goal.judge(values_of(found["systems"]))
        print(f"{verdict.word:<12} {verdict.what:<62} {verdict.target:<18} {verdict.measured}")
    if options.page:
        page.write_block(options.page, block(found))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only systems with one of these words in the name")
    parser.add_argument("--venvs", type=Path, default=ROOT / "var" / "peers", help="where `setup` put the environments")
    parser.add_argument("--sessions", type=int, default=200, help="at once, for the peers' throughput")
    parser.add_argument("--idle-seconds", type=float, default=30, help="in the first round only")
    parser.add_argument("--no-history", action="store_true", help="without 1,000 and 10,000 finished sessions")
    parser.add_argument("--postgres", default=POSTGRES, help="where databases of its own are made")
    parser.add_argument("--redis", default=REDIS, help="for this product")
    parser.add_argument("--peers-redis", default="redis://127.0.0.1:6379/14", help="for Celery")
    parser.add_argument("--json", type=Path, default=ROOT / "var" / "bench" / "peers.json", metavar="FILE")
    parser.add_argument("--tables", type=Path, metavar="FILE", help="measure nothing: write the tables of this file")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose marked block is written")
    parser.add_argument("--no-page", dest="page", action="store_const", const=None)
    return parser.parse_args()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    places = Places(options.postgres, options.redis, options.peers_redis, options.venvs.resolve())
    chosen = [
        system
        for system in systems(places, () if options.no_history else HISTORIES)
        if not options.only or any(word.lower() in system.name.lower() for word in options.only)
    ]
    rounds = [
        Round(number, {}, options.idle_seconds if number == 1 else 0, options.sessions)
        for number in range(1, options.rounds + 1)
    ]
    least = floors(postgres=options.postgres, redis_url=options.peers_redis)
    findings = run(chosen, rounds, say, Findings())
    return {
        "taken": machine(options.postgres) | {"rounds": options.rounds, "sessions": options.sessions},
        "took_minutes": (time.perf_counter() - started) / 60,
        "floors": least,
        "systems": findings.systems,
    }


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def machine(postgres: str) -> dict[str, Any]:
    """What the figures depend on."""
    models = [line.partition(":")[2].strip() for line in _read("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in _read("/proc/meminfo") if line.startswith("MemTotal")), 0)
    found = {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} cores{f', {models[0]}' if models else ''}",
        "memory_gib": round(memory / 2**20, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_before": round(os.getloadavg()[0], 2),
    }
    try:
        settings = "server_version", "fsync", "synchronous_commit"
        found["postgres"] = ", ".join(f"{name} {run_sql(postgres, f'SHOW {name}')[0][0]}" for name in settings)
    except Exception as error:  # noqa: BLE001  (the tables say so)
        found["postgres"] = f"not reached: {error}"
    return found


def _read(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def block(found: dict[str, Any]) -> str:
    """The tables of a run as Markdown."""
    about, taken = found["systems"], found["taken"]
    values = values_of(about)
    names = [name for name in about if values.get(name)]
    told = {name: {**each, "ways": ways_of(each)} for name, each in about.items()}
    parts = [
        f"Taken {taken['at']} in {found['took_minutes']:.0f} minutes, {taken['rounds']} rounds, "
        f"on {taken['processor']}, {taken['memory_gib']} GiB, {taken['system']}, "
        f"Python {taken['python']}, SQLite {taken['sqlite']}, "
        f"PostgreSQL ({taken['postgres']}); load average before: {taken['load_before']}.",
        "### The goals",
        tables.goal_table(values),
        "### All systems",
        "Medians of the rounds' medians, in brackets the lowest and the highest round.",
        tables.comparison(values, names),
        *(part for database in DATABASES for part in _ratios(values, database, names)),
        "### What only we are asked for",
        tables.alone(values),
        "### Processor time of a session of seven tasks",
        "Milliseconds; where a column is empty, the client is one of the processes, or the database is not counted.",
        tables.processor(processor_of(about, taken["sessions"])),
        "### What this machine needs at least",
        tables.floors(found["floors"]),
        "### How each was run",
        tables.made_of(told),
    ]
    return "\n\n".join(parts)


def _ratios(values: Any, database: str, names: list[str]) -> list[str]:
    others = tables.others(database, names)
    return [f"### Ratios on {DATABASES[database]}", tables.ratios(values, database, others)] if others else []


if __name__ == "__main__":
    main()
