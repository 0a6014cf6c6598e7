"""What a session costs each part of a site, and what many sessions need: `python -m bench scale`.

Measures on PostgreSQL and Redis (a database of its own): processor time of the worker, the web process, PostgreSQL
and Redis for sessions of 1 -> 5 -> 1 tasks that come in over REST; what is stored; what sockets and live sessions hold.
`--page` writes the tables into docs/how-to/scale.md; `--costs FILE` takes costs measured before.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.engine.installation import POSTGRES, REDIS
from bench.scale.costs import measure_costs
from bench.scale.model import UnitCosts
from bench.scale.page import tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "scale.md"
BEGIN, END = "<!-- computed: written by `python -m bench scale --page`, not by hand -->", "<!-- end of computed -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", default=POSTGRES)
    parser.add_argument("--redis", default=REDIS)
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--costs", type=Path, metavar="FILE", help="costs that were measured before")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the costs")
    parser.add_argument("--page", action="store_true", help="write the tables into the page")
    options = parser.parse_args()
    if options.costs:
        cost = UnitCosts(**json.loads(options.costs.read_text()))
    else:
        cost = measure_costs(postgres=options.postgres, redis=options.redis, sessions=options.sessions)
    if options.json:
        options.json.write_text(json.dumps(asdict(cost), indent=1) + "\n")
    print(tables(cost))
    if options.page:
        PAGE.write_text(with_tables(PAGE.read_text(), tables(cost)))


def with_tables(page: str, found: str) -> str:
    """The page with these tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{found}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    main()
