"""`python -m bench [NAME] …`: without a name `latency`, which needs nothing but this repository."""

import runpy
import sys

BENCHES = {
    "engine": "what a session takes, on SQLite or PostgreSQL: latency, throughput, memory, history",
    "latency": "how long people wait, and what a session costs in memory",
    "footprint": "memory, CPU and start of the embedded site while nobody uses it",
    "history": "verify, export and prune a session of 100,000 events, and who waits meanwhile",
    "peers": "this product and LangGraph, DBOS, Celery and Prefect in one run, held against the goals",
    "scale": "what a session costs each part of a site, and what many sessions need",
    "quality": "retrieval, answers and verdicts on public data sets (--data PATH)",
}


def main() -> None:
    name = sys.argv[1] if sys.argv[1:] and not sys.argv[1].startswith("-") else "latency"
    if name not in BENCHES:
        known = "\n".join(f"  {bench:<10} {what}" for bench, what in BENCHES.items())
        sys.exit(f"There is no bench {name!r}. These are:\n{known}")
    sys.argv = [f"bench.{name}", *[word for word in sys.argv[1:] if word != name]]
    runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
