"""`python -m bench.quality --data PATH [--database-url URL]`: how good the local agents are, on public data sets."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from bench.quality import goals, hotpotqa, qmsum, scifact
from bench.quality.figures import Figure, table
from bench.quality.house import close_readers, open_house

_PARTS = ("search", "retrieval", "claims", "summaries", "goals")


def main(arguments: list[str] | None = None) -> int:
    """0 when every bar is reached, 1 when not, 2 on bad input."""
    options = _parser().parse_args(arguments)
    data = Path(options.data or os.environ.get("ORCHESTRATOR_DATA", "")).expanduser()
    missing = [name for name in ("break", "hotpotqa", "qmsum", "scifact") if not (data / name).is_dir()]
    if missing:
        print(f"{data} lacks {', '.join(missing)}: give the folder of the data sets with --data", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the database is dropped then, too
    started = time.perf_counter()
    with open_house(options.database_url) as vendor:
        figures = [figure for part in options.only or _PARTS for figure in _measure(part, data, vendor)]
        close_readers()
    print(f"\nDatabase: {vendor}\n\n{table(figures)}\n\n{time.perf_counter() - started:.0f} s")
    return 0 if all(figure.is_reached for figure in figures) else 1


def _measure(part: str, data: Path, vendor: str) -> list[Figure]:
    started = time.perf_counter()
    figures = {
        "search": lambda: scifact.search_figures(data, vendor),
        "retrieval": lambda: hotpotqa.figures(data, vendor),
        "claims": lambda: scifact.claim_figures(data),
        "summaries": lambda: qmsum.figures(data),
        "goals": lambda: goals.figures(data),
    }[part]()
    print(f"{part}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--data", help="folder of the data sets (default: the variable ORCHESTRATOR_DATA)")
    parser.add_argument("--database-url", default="", help="a PostgreSQL to make a database on (default: SQLite)")
    parser.add_argument("--only", action="append", choices=_PARTS, help="one part; may be repeated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
