"""`python -m bench.engine.sleepers COUNT`: as many sessions that sleep in their agents; ends when all of them do."""

import sys
import time

from bench.engine import client
from bench.engine.shapes import sleeping
from sessions.models import AgentTask

SECONDS = 120  # longer than anyone looks: the site is stopped before


def main() -> None:
    count, one = int(sys.argv[1]), client.Client("", "")
    for start in range(0, count, 200):
        one.submit_all(sleeping(SECONDS), min(200, count - start))
    end = time.monotonic() + 60
    while AgentTask.objects.filter(status="RUNNING").count() < count:
        if time.monotonic() > end:
            sys.exit(f"only {AgentTask.objects.filter(status='RUNNING').count()} of {count} sessions run")
        time.sleep(0.1)
    time.sleep(1)
    print("{}")


if __name__ == "__main__":
    main()
